"""Postgres that never lets us in is named in a line; one that falls silent costs one deadline."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest

from services.__main__ import migrate
from shared import db
from tests.chaos.proxy import Proxy
from tests.support.servers import Databases

_Use: TypeAlias = AbstractAsyncContextManager[db.Connection]


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


@pytest.mark.parametrize("use", [db.Database.connection, db.Database.transaction])
async def test_connections_that_died_silently_cost_one_deadline_and_not_one_each(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, use: Callable[[db.Database], _Use]
) -> None:
    monkeypatch.setattr("shared.db.opening._ANSWER_TIMEOUT_S", 1.0)
    link = Proxy("Postgres", urlsplit(databases.projector).port or 5432)
    through = databases.projector.replace(f":{link.upstream}/", f":{link.port}/")

    async with link.running(), db.connect(through, "projector") as database:
        await _use_at_once(database, connections=5)
        assert link.freeze() == 5
        failures = [error async for error in _failures(database, use)]

    assert len(failures) == 1
    assert db.is_transient(failures[0])


async def _use_at_once(database: db.Database, *, connections: int) -> None:
    together = asyncio.Barrier(connections)

    async def use() -> None:
        async with database.connection():
            await together.wait()

    await asyncio.gather(*(use() for _ in range(connections)))


async def _failures(
    database: db.Database, use: Callable[[db.Database], _Use]
) -> AsyncIterator[Exception]:
    """Yield what a query fails with, until one works."""
    while True:
        try:
            async with use(database) as connection:
                await connection.execute("select 1")
        except Exception as error:  # noqa: BLE001  # the test says what it may be
            yield error
        else:
            return
