"""A new version is made from the log beside the live one, and shown by one row."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession

from services.projector.store import TABLES
from shared import db
from tests.integration.projector import world
from tests.integration.projector.test_service import busy, publish
from tests.integration.projector.world import Directory, Portal
from tests.support.servers import Databases, Servers
from tests.support.service import Service
from tests.support.waiting import eventually

AT_ITS_END = {"current", "differing", "failed"}


@dataclass(frozen=True, slots=True)
class Operator:
    """Calls `/v1` of the projector."""

    session: ClientSession
    url: str

    async def call(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        content = {"json": {"actor": "test", **body}} if method == "POST" else {}
        async with self.session.request(method, f"{self.url}/v1{path}", **content) as answer:
            return answer.status, await answer.json(
                content_type=None
            ) if answer.status != 204 else None

    async def current(self) -> Any:
        _, found = await self.call("GET", "/rebuilds/current")
        return found

    async def rebuilt(self, **wanted: Any) -> Any:
        """Start a rebuild, and wait for its end."""
        status, _ = await self.call("POST", "/rebuilds", **wanted)
        assert status == 202
        return await self.ended(is_shown=wanted.get("switch", True))

    async def ended(self, *, is_shown: bool = True) -> Any:
        async def end() -> Any:
            found = await self.current()
            is_over = found["state"] in AT_ITS_END
            waits = is_shown and found["state"] == "current" and not found["isLive"]
            return found if is_over and not waits else None

        return await eventually(end, within_s=90)


@pytest.fixture
async def operator(service: Service) -> AsyncIterator[Operator]:
    headers = {"Authorization": f"Bearer {service.environment['ROLLCALL_API_KEY']}"}
    async with ClientSession(headers=headers) as session:
        yield Operator(session, service.url)


async def shows(portal: Portal, directory: Directory) -> bool:
    total = len(directory.log.records) + len(directory.roles.records)
    return len(await portal.rows("events", directory.id)) == total


async def content(
    databases: Databases, version: int, directory: Directory
) -> dict[str, world.Rows]:
    """Return all that a version holds of a directory."""
    async with db.connect(databases.projector, f"rm_{version}") as database:
        found = await world.tables(database)
    return {
        table: [row for row in rows if row[TABLES[table]] == directory.id]
        for table, rows in found.items()
    }


async def seen_version(registry: db.Database) -> str:
    async with registry.connection() as connection:
        shown = await connection.fetchval("select pg_get_viewdef('portal_users'::regclass)")
    return str(shown).partition("FROM ")[2].partition(".")[0].strip()


async def acts(registry: db.Database) -> list[str]:
    async with registry.connection() as connection:
        rows = await connection.fetch("select act from audit_records order by id")
    return [row["act"] for row in rows]


async def test_a_version_made_under_load_is_equal_and_then_shown(
    servers: Servers,
    databases: Databases,
    service: Service,
    operator: Operator,
    portal: Portal,
    registry: db.Database,
) -> None:
    before, meanwhile = busy(900), [busy(120) for _ in range(4)]
    await publish(servers, before)
    async with service.running():
        await eventually(lambda: shows(portal, before), within_s=60)

        rebuild = asyncio.create_task(operator.rebuilt())
        for directory in meanwhile:
            await publish(servers, directory)
            await asyncio.sleep(0.3)
        done = await rebuild
        for directory in [before, *meanwhile]:
            await eventually(lambda one=directory: shows(portal, one), within_s=30)

    assert (done["version"], done["state"], done["isLive"]) == (2, "current", True)
    assert done["compared"] == done["directories"] >= 1
    assert await seen_version(registry) == "rm_2"
    assert await content(databases, 1, before) == await content(databases, 2, before)
    assert await acts(registry) == [
        "rebuild.started", "rebuild.found_equal", "read_model.switched",
    ]  # fmt: skip


@pytest.mark.faults
async def test_killed_in_the_middle_it_goes_on_where_it_was(
    servers: Servers, databases: Databases, service: Service, operator: Operator, portal: Portal
) -> None:
    directories = [busy(900) for _ in range(2)]
    for directory in directories:
        await publish(servers, directory)
    async with service.running():
        for directory in directories:
            await eventually(lambda one=directory: shows(portal, one), within_s=60)

        await operator.call("POST", "/rebuilds")
        await eventually(lambda: applied(databases), within_s=30)
        await service.kill()
        at_the_kill = await applied(databases)
        await service.start()
        done = await operator.ended()

    assert 0 < at_the_kill < done["events"]
    assert (done["state"], done["isLive"]) == ("current", True)
    assert await content(databases, 1, directories[0]) == await content(
        databases, 2, directories[0]
    )


async def applied(databases: Databases) -> int:
    """Return how many records version 2 has applied, 0 while there is none."""
    async with db.connect(databases.projector, "rm_2") as database, database.connection() as one:
        if not await one.fetchval("select to_regclass('rm_2.consumer_positions')"):
            return 0
        return int(
            await one.fetchval("select coalesce(sum(next_offset), 0) from consumer_positions")
        )


async def test_a_row_that_does_not_follow_from_the_log_is_named_and_nothing_is_switched(
    servers: Servers,
    database: db.Database,
    service: Service,
    operator: Operator,
    portal: Portal,
    registry: db.Database,
) -> None:
    directory = busy(20)
    await publish(servers, directory)
    async with service.running():
        await eventually(lambda: shows(portal, directory), within_s=60)
        async with database.connection() as connection:
            await connection.execute(
                "update users set email = 'somebody@else.test' where directory_id = $1 and id in "
                "(select id from users where directory_id = $1 limit 1)",
                directory.id,
            )

        done = await operator.rebuilt()
        refused = await operator.call("POST", "/read-models/2/switch")
        seen_before = await seen_version(registry)
        forced, _ = await operator.call("POST", "/read-models/2/switch", force=True)

    assert (done["state"], done["isLive"]) == ("differing", False)
    assert f"directory {directory.id}, table users" in done["reason"]
    assert refused[0] == 409
    assert "--force" in refused[1]["detail"]
    assert (seen_before, forced) == ("rm_1", 200)
    assert await seen_version(registry) == "rm_2"
    assert "somebody@else.test" not in {
        row["email"] for row in await portal.rows("users", directory.id)
    }


async def test_switching_to_and_fro_disturbs_no_reader(
    servers: Servers,
    service: Service,
    operator: Operator,
    portal: Portal,
    registry: db.Database,
) -> None:
    directory = busy(60)
    await publish(servers, directory)
    async with service.running():
        await eventually(lambda: shows(portal, directory), within_s=60)
        await operator.rebuilt()
        whole = len(await portal.rows("users", directory.id))
        stop, seen = asyncio.Event(), []

        async def read() -> None:
            while not stop.is_set():
                seen.append(len(await portal.rows("users", directory.id)))

        readers = [asyncio.create_task(read()) for _ in range(3)]
        answers = [
            await operator.call("POST", f"/read-models/{version}/switch")
            for version in (1, 2, 1, 2, 1)
        ]
        stop.set()
        await asyncio.gather(*readers)

        after = busy(5)
        await publish(servers, after)
        await eventually(lambda: shows(portal, after), within_s=30)

    assert [status for status, _ in answers] == [200] * 5
    assert await seen_version(registry) == "rm_1"
    assert set(seen) == {whole}


async def test_the_live_version_is_not_dropped_and_another_is_gone(
    service: Service, operator: Operator, registry: db.Database
) -> None:
    async with service.running():
        await operator.rebuilt(switch=False)

        live, problem = await operator.call("POST", "/read-models/1/drop")
        other, _ = await operator.call("POST", "/read-models/2/drop")
        _, left = await operator.call("GET", "/read-models")

        async def is_gone() -> bool:
            async with registry.connection() as connection:
                return not await connection.fetchval("select to_regnamespace('rm_2')")

        await eventually(is_gone, within_s=30)
        unknown, _ = await operator.call("POST", "/read-models/2/drop")
        is_well = await service.is_ready()

    assert (live, other, unknown, is_well) == (409, 204, 404, True)
    assert "live" in problem["detail"]
    assert [one["version"] for one in left["items"]] == [1]


async def test_one_rebuild_runs_at_a_time(service: Service, operator: Operator) -> None:
    async with service.running():
        first, second = await asyncio.gather(
            operator.call("POST", "/rebuilds"), operator.call("POST", "/rebuilds")
        )
        await operator.ended()

    assert sorted([first[0], second[0]]) == [202, 409]


async def test_nobody_rebuilds_without_the_api_key(service: Service) -> None:
    url, wanted = f"{service.url}/v1/rebuilds", {"actor": "test"}

    async with (
        service.running(),
        ClientSession() as session,
        session.post(url, json=wanted) as answer,
    ):
        assert answer.status == 401


async def test_when_the_log_lacks_what_is_read_next_a_new_version_is_the_way_back(
    servers: Servers,
    service: Service,
    operator: Operator,
    portal: Portal,
    database: db.Database,
) -> None:
    acme = busy(20)
    await publish(servers, acme)
    async with service.running():
        await eventually(lambda: shows(portal, acme), within_s=40)
    async with database.connection() as connection:
        await connection.execute(
            "update consumer_positions set next_offset = next_offset + 1000000"
        )

    async with service.running():

        async def is_halted() -> bool:
            return await service.metric('rollcall_consumer_halted{group="projector"}') == 1

        await eventually(is_halted, within_s=30)
        status, made = await operator.call("POST", "/rebuilds", switch=False)

        async def is_full() -> bool:
            return (await operator.current())["state"] in {"comparing", "differing", "current"}

        await eventually(is_full, within_s=60)
        place = f"/read-models/{made['version']}/switch"
        switched, _ = await operator.call("POST", place, force=True)
        more = busy(5)
        await publish(servers, more)
        await eventually(lambda: shows(portal, more), within_s=30)

    assert (status, switched) == (202, 200)
    assert await shows(portal, acme)
