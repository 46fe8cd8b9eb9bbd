"""What was done by hand is added to and read; the service that wrote it cannot change it."""

import asyncpg
import pytest

from services.__main__ import SERVICES, migrate
from shared import audit, db
from tests.support.servers import Databases


@pytest.fixture
async def migrated(databases: Databases) -> Databases:
    await migrate({name: databases.of(name) for name in SERVICES})
    return databases


async def test_no_service_changes_or_removes_what_was_recorded(migrated: Databases) -> None:
    for service in SERVICES:
        async with db.connect(migrated.of(service), service, max_size=1) as database:
            async with database.transaction() as tx:
                await audit.record(tx, "ada", "thing.done", None, {"number": 1})
            for change in (
                "update audit_records set actor = 'eve'",
                "delete from audit_records",
                "truncate audit_records",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    async with database.transaction() as tx:
                        await tx.execute(change)
            async with database.connection() as connection:
                [row] = await audit.page(connection, 0, 10)
            assert (row.actor, row.act, row.facts) == ("ada", "thing.done", {"number": 1})


async def test_pages_follow_each_other_by_number(migrated: Databases) -> None:
    async with db.connect(migrated.portal, "portal", max_size=1) as database:
        async with database.transaction() as tx:
            for number in range(5):
                await audit.record(tx, "ada", "thing.done", None, {"number": number})
        async with database.connection() as connection:
            first = await audit.page(connection, 0, 2)
            second = await audit.page(connection, first[-1].id, 10)

    assert [one.facts["number"] for one in [*first, *second]] == [0, 1, 2, 3, 4]
