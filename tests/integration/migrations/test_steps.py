"""Each migration, applied to a filled database of the version before it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from services.__main__ import SERVICES, migrate
from tests.integration.migrations import chain
from tests.integration.migrations.chain import PACKAGES, Column, Nursery, Old
from tests.support.servers import Servers, fresh_database

STEPS = [(service, step.name) for service in SERVICES for step in chain.steps(service)]
# Nobody ever ran a service without a table of its own.
VERSIONS = [
    (service, name)
    for service, name in STEPS
    if any(f"services.{service}/" in each for each in chain.names_before(service, name))
]


@pytest.fixture(scope="module")
async def nursery(servers: Servers) -> AsyncIterator[Nursery]:
    async with AsyncExitStack() as stack:
        yield Nursery(servers, stack)


@pytest.fixture(scope="module")
async def newest(servers: Servers) -> dict[str, set[str]]:
    """The shape of each service's database where the command made it."""
    shapes = {}
    for service in SERVICES:
        async with fresh_database(servers) as made:
            await migrate({service: made.of(service)})
            shapes[service] = await Old(service, made).shape()
    return shapes


def without(columns: dict[str, list[str]], changed: set[Column]) -> dict[str, list[str]]:
    return {
        table: [name for name in names if (table, name) not in changed]
        for table, names in columns.items()
    }


def test_every_migration_has_its_place_and_rows() -> None:
    known = {step.name for service in PACKAGES for step in chain.known(service)}

    for name in sorted(known):
        assert name in chain.order(), (
            f"{name} is new: add its name at the end of {chain.ORDER.name}, and rows/{name} with "
            "rows for every table and column that it makes, as the code of that version writes "
            "them; if it alters rows that were there, say so by `-- changes TABLE.COLUMN: why`"
        )
        assert (chain.ROWS / name).exists(), (
            f"{name} has no rows: add rows/{name} with rows for every table and column that it "
            "makes, so that the next migration meets a filled database"
        )
    assert sorted(chain.order()) == sorted(known)


@pytest.mark.parametrize(("service", "name"), STEPS)
async def test_a_migration_keeps_what_a_filled_database_of_the_version_before_holds(
    nursery: Nursery, service: str, name: str
) -> None:
    before, step, _ = chain.split(service, name)
    async with fresh_database(nursery.servers, await nursery.after(service, before)) as databases:
        old = Old(service, databases)
        columns = await old.columns(old.schema(step, before)) if before else {}
        kept = without(columns, chain.changes([step]))
        rows = await old.contents(kept)

        await old.migrate(step, before)

        assert await old.contents(kept) == rows
        assert all(rows.values())
        await old.fill(step, before)
        blanks = await old.blanks(old.schema(step, before))
        assert blanks == [], f"add to rows/{name} a row that has a value for each of these"


@pytest.mark.parametrize(("service", "name"), VERSIONS)
async def test_the_command_takes_a_filled_database_from_any_version_to_the_newest(
    nursery: Nursery, newest: dict[str, set[str]], service: str, name: str
) -> None:
    before, step, later = chain.split(service, name)
    async with fresh_database(nursery.servers, await nursery.after(service, before)) as databases:
        old = Old(service, databases)
        columns = await old.columns(service)
        kept = without(columns, chain.changes([step, *later]))
        rows = await old.contents(kept)

        await migrate({service: databases.of(service)})

        assert await old.contents(kept) == rows
        assert all(rows.values())
        assert await old.shape() ^ newest[service] == set()
