"""A directory is told again while it changes: a fold of what is told is what is stored."""

import asyncio
import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientError

from services.ingest.domain.directories import ServingError
from services.ingest.usecases import generations, snapshots
from shared import consume, db, outbox
from shared.service import background
from tests.integration.ingest.client import API_KEY, Client, Log, connect
from tests.support.servers import Databases, Servers
from tests.support.service import Service
from tests.support.waiting import eventually

Event = dict[str, Any]
State = dict[str, set[Any]]


async def snapshot(client: Client) -> Event:
    answer = await client.manage("POST", f"/directories/{client.directory}/snapshots", {})
    assert answer.status in {200, 201}, answer
    return dict(answer.body)


async def finished(client: Client, key: str) -> Event:
    """Wait until a snapshot is told; return it."""

    async def done() -> Event | None:
        path = f"/directories/{client.directory}/snapshots/{key}"
        try:
            answer = await client.manage("GET", path)
        except ClientError:
            return None
        return answer.body if answer.body.get("finishedAt") else None

    found = await eventually(done, within_s=40)
    assert found is not None
    return found


async def log_of(client: Client, servers: Servers) -> list[Event]:
    """Return the directory's events, each once, when the last that is stored was told."""
    mark = await client.user(f"mark {time.monotonic_ns()}")

    async def whole() -> list[Event] | None:
        found = {one["id"]: one for one in await Log(servers.kafka).of(client.directory)}
        told = any(one["data"].get("resource", {}).get("id") == mark for one in found.values())
        return list(found.values()) if told else None

    found = await eventually(whole, within_s=30)
    assert found is not None
    return found


def folded(events: Iterable[Event]) -> State:
    """Return what a consumer that starts at a snapshot comes to, by the few lines it takes."""
    touched: dict[tuple[str, Any], int] = {}
    for event in events:
        sequence, data = int(event["sequence"]), event["data"]
        _, kind, verb, *_ = event["type"].split(".")
        for key in mentioned(kind, data):
            touched[key] = sequence
            if verb in {"deleted", "removed"}:
                del touched[key]
        if verb == "end":
            touched = {key: at for key, at in touched.items() if at >= data["begin"]}
    return {
        part: {key for kind, key in touched if kind == part}
        for part in ("users", "groups", "memberships")
    }


def mentioned(kind: str, data: Event) -> list[tuple[str, Any]]:
    """Return what an event tells of."""
    if kind in {"user", "group"}:
        return [(f"{kind}s", data["resource"]["id"])]
    edges = [data] if kind == "membership" else data.get("memberships", [])
    return [
        *(("memberships", (one["group"]["id"], one["user"]["id"])) for one in edges),
        *(("users", one["resource"]["id"]) for one in data.get("users", [])),
        *(("groups", one["resource"]["id"]) for one in data.get("groups", [])),
    ]


def from_begin(events: list[Event], begin: int) -> list[Event]:
    return [one for one in events if int(one["sequence"]) >= begin]


async def filled(client: Client, users: int) -> tuple[list[str], list[str]]:
    """Give the directory users and two groups; return their ids."""
    made = [await client.user(f"user {number}") for number in range(users)]
    groups = [await client.group("Admins", *made[::2]), await client.group("Staff", *made[::3])]
    return made, groups


async def test_a_quiet_directory_is_told_whole_between_begin_and_end(
    client: Client, servers: Servers
) -> None:
    users, groups = await filled(client, 7)

    begun = await snapshot(client)
    done = await finished(client, begun["id"])
    events = from_begin(await log_of(client, servers), begun["begin"])

    kinds = [one["type"].removeprefix("rollcall.") for one in events]
    assert kinds[:5] == ["snapshot.begin.v1", *["snapshot.item.v1"] * 3, "snapshot.end.v1"]
    assert {one["data"]["cause"]["id"] for one in events[:5]} == {begun["id"]}
    assert events[4]["data"]["begin"] == int(events[0]["sequence"])
    assert [int(one["sequence"]) for one in events] == [
        *range(begun["begin"], begun["begin"] + len(events))
    ]
    told = folded(events[:5])
    assert told["users"] == set(users)
    assert told["groups"] == set(groups)
    assert len(told["memberships"]) == 4 + 3
    assert (done["written"], done["total"]) == (16, 16)


async def test_one_runs_at_a_time_and_who_asks_meanwhile_gets_that_one(client: Client) -> None:
    await filled(client, 3)

    asked = await asyncio.gather(*(snapshot(client) for _ in range(8)))
    await finished(client, asked[0]["id"])
    later = await snapshot(client)

    listed = await client.manage("GET", f"/directories/{client.directory}/snapshots")
    assert later["id"] not in {one["id"] for one in asked}
    assert listed.body["items"][0]["id"] == later["id"]
    assert [one["begin"] for one in listed.body["items"]] == sorted(
        (one["begin"] for one in listed.body["items"]), reverse=True
    )


@pytest.mark.faults
async def test_what_is_told_while_the_directory_changes_and_the_process_is_killed_folds_to_it(
    client: Client, service: Service, servers: Servers
) -> None:
    dice = random.Random(5)  # noqa: S311  # the seed is the example
    users, groups = await filled(client, 450)
    stopping = asyncio.Event()

    async def change() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            try:
                match dice.randrange(5):
                    case 0:
                        await client.scim("POST", "/Users", {"userName": f"new {number}"})
                    case 1:
                        await client.scim("DELETE", f"/Users/{dice.choice(users)}")
                    case 2:
                        await client.patch_members("add", groups[0], dice.choice(users))
                    case _:
                        await client.patch_members("remove", groups[1], dice.choice(users))
            except ClientError:
                await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(change())
        begun = await snapshot(client)
        await service.kill()
        await service.start()
        await finished(client, begun["id"])
        await asyncio.sleep(0.3)  # some changes behind the end
        stopping.set()

    events = await log_of(client, servers)
    told = folded(from_begin(events, begun["begin"]))
    assert told == folded(events)
    assert told == await stored(client)
    assert len([one for one in events if one["type"] == "rollcall.snapshot.begin.v1"]) == 1
    assert [int(one["sequence"]) for one in events] == [*range(1, len(events) + 1)]


async def stored(client: Client) -> State:
    """Return what SCIM says is there."""
    groups = (await client.scim("GET", "/Groups?count=100")).body["Resources"]
    found: State = {
        "users": set(),
        "groups": {one["id"] for one in groups},
        "memberships": set(),
    }
    start, total = 1, 1
    while start <= total:
        page = (await client.scim("GET", f"/Users?count=100&startIndex={start}")).body
        found["users"] |= {one["id"] for one in page["Resources"]}
        start, total = start + 100, page["totalResults"]
    for group in groups:
        members = await client.members(group["id"])
        found["memberships"] |= {(group["id"], user) for user in members}
    return found


async def test_after_a_restore_every_history_starts_anew_with_a_snapshot(
    client: Client, service: Service, servers: Servers, databases: Databases
) -> None:
    other = await connect(client.session, client.url, "Initech")
    await client.user("ada")
    before = await log_of(client, servers)

    async with db.connect(databases.ingest, "ingest", max_size=1) as database:
        with pytest.raises(ServingError):
            await generations.renew(database, "operator", datetime.now(UTC))
        await service.stop()
        count = await generations.renew(database, "operator", datetime.now(UTC))
    await service.start()
    for one in (client, other):
        listed = await one.manage("GET", f"/directories/{one.directory}/snapshots")
        await finished(one, listed.body["items"][0]["id"])
    events = await log_of(client, servers)
    quiet = await log_of(other, servers)

    renewed = [one for one in events if one["generation"] > 1]
    assert count >= 2
    assert [one["id"] for one in events[: len(before)]] == [one["id"] for one in before]
    assert [int(one["sequence"]) for one in renewed] == [*range(1, len(renewed) + 1)]
    for log in (renewed, [one for one in quiet if one["generation"] > 1]):
        assert log[0]["type"] == "rollcall.snapshot.begin.v1"
    assert folded(renewed) == await stored(client)


async def test_a_chunk_tells_what_is_so_where_it_stands_in_the_history(
    client: Client, service: Service, servers: Servers, databases: Databases
) -> None:
    ada = await client.user("ada")
    async with db.connect(databases.ingest, "ingest") as database:
        await service.stop()
        while await snapshots.advance(database, datetime.now(UTC)):
            pass  # those of other tests, which would come first
        begun, _ = await snapshots.begin(database, client.directory, "test", datetime.now(UTC))
        async with database.transaction() as writer:
            # A request that is not committed yet, its place in the history already drawn.
            await outbox.hold(writer, begun.directory)
            await writer.execute("delete from users where directory_id = $1", client.directory)
            told = asyncio.create_task(snapshots.advance(database, datetime.now(UTC)))
            await eventually(lambda: waits_for_a_lock(database), within_s=1.5)
        await told
    await service.start()

    events = from_begin(await log_of(client, servers), begun.begin)
    items = [one["data"] for one in events if one["type"] == "rollcall.snapshot.item.v1"]
    assert ada not in {user["resource"]["id"] for item in items for user in item["users"]}


async def waits_for_a_lock(database: db.Database) -> bool:
    query = "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
    async with database.connection() as connection:
        return bool(await connection.fetchval(f"{query} and datname = current_database()"))


async def test_what_a_schema_of_the_directory_declares_is_told_too(
    client: Client, servers: Servers
) -> None:
    urn = "urn:example:params:scim:schemas:extension:badge:2.0:User"
    declared = {
        "id": urn,
        "name": "Badge",
        "attributes": [{"name": "number", "type": "string", "multiValued": False}],
    }
    answer = await client.manage("PUT", f"/directories/{client.directory}/schemas/{urn}", declared)
    assert answer.status in {200, 201}, answer
    await asyncio.sleep(5.5)  # how long a process may remember what a token opens
    ada = await client.user("ada", **{urn: {"number": "7"}})

    begun = await snapshot(client)
    await finished(client, begun["id"])

    events = from_begin(await log_of(client, servers), begun["begin"])
    [told] = [user for one in events for user in one["data"].get("users", [])]
    assert told["resource"]["id"] == ada
    assert told["resource"][urn] == {"number": "7"}


async def test_who_is_stalled_asks_until_ingest_answers_and_then_once(
    client: Client, service: Service, databases: Databases
) -> None:
    async with db.connect(databases.projector, "projector") as database:
        await db.migrate(database, ["shared"])
        async with database.connection() as connection:
            await connection.execute(
                "insert into directory_positions (topic, directory_id, generation, sequence, state)"
                " values ('t', $1, 1, 0, 'stalled')",
                client.directory,
            )
        healer = consume.Healer(database, consume.Ingest(service.url, API_KEY), {"t"})

        async def awaited() -> int | None:
            async with database.connection() as connection:
                found: int | None = await connection.fetchval(
                    "select awaits_sequence from directory_positions where directory_id = $1",
                    client.directory,
                )
            return found

        await service.stop()
        async with background(healer.run):
            await asyncio.sleep(1.5)
            before = await awaited()
            await service.start()
            after = await eventually(awaited, within_s=20)
            await asyncio.sleep(2.5)

    made = await client.manage("GET", f"/directories/{client.directory}/snapshots")
    assert before is None
    assert [one["begin"] for one in made.body["items"]] == [after]
