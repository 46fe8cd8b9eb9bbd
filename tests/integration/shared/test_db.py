"""A Postgres that will never let us in is said at once, in one line, and without the password."""

import asyncio
import re
from pathlib import Path

import pytest

from services.__main__ import migrate
from shared import db
from tests.support.servers import Databases


@pytest.mark.parametrize(
    ("pattern", "wrong", "word"),
    [
        (r"//\w+:", "//projector:secret", "password"),
        (r"//\w+:", "//secret:", "password"),
        (r"/\w+$", "/nowhere", "does not exist"),
        (r":\d+/", ":secret/", "address"),
    ],
    ids=["password", "role", "database", "address"],
)
async def test_a_refusal_of_postgres_is_not_waited_out(
    databases: Databases, pattern: str, wrong: str, word: str
) -> None:
    given = re.sub(pattern, wrong, databases.projector)

    with pytest.raises(db.DatabaseRefusedError, match=word) as refused:
        async with db.connect(given, "projector"):
            pass

    assert "secret" not in str(refused.value)


async def test_a_certificate_file_that_is_missing_is_named(databases: Databases) -> None:
    given = f"{databases.projector}?sslmode=verify-full&sslrootcert=/nowhere/root.crt"

    with pytest.raises(db.DatabaseRefusedError, match=r"sslrootcert .* /nowhere/root.crt"):
        async with db.connect(given, "projector"):
            pass


async def test_a_certificate_file_that_is_none_is_not_waited_out(
    databases: Databases, tmp_path: Path
) -> None:
    (tmp_path / "root.crt").write_text("no certificate", encoding="ascii")
    given = f"{databases.projector}?sslmode=verify-full&sslrootcert={tmp_path}/root.crt"

    with pytest.raises(db.DatabaseRefusedError, match="certificate"):
        async with db.connect(given, "projector"):
            pass


async def test_a_service_waits_until_its_schema_is_there(databases: Databases) -> None:
    packages = ["shared", "services.roles"]
    async with db.connect(databases.roles, "roles") as database, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(db.wait_for(database, packages))
        lacking = await db.missing(database, packages)

        await migrate({"roles": databases.roles})

        await waiting
        assert lacking[0] == "shared/0001_outbox.sql"
        assert await db.missing(database, packages) == []


async def test_a_schema_that_stays_behind_is_named_with_what_to_do(databases: Databases) -> None:
    async with db.connect(databases.roles, "roles") as database:
        await db.migrate(database, ["shared"])

        with pytest.raises(
            db.SchemaBehindError, match=r"services.roles/0001_roles.sql .*`rollcall migrate`"
        ):
            await db.wait_for(database, ["shared", "services.roles"], within_s=0)
