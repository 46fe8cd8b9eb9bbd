"""A directory is paused, resumed and deleted: what is refused, what stays, what is told."""

from typing import Any

from shared import db
from tests.integration.ingest.client import Answer, Client, Log
from tests.integration.ingest.test_snapshots import folded
from tests.support.servers import Databases, Servers
from tests.support.waiting import eventually

ACTOR = {"actor": "ada@operators.test"}


async def turn(client: Client, act: str) -> Answer:
    return await client.manage("POST", f"/directories/{client.directory}/{act}", ACTOR)


async def delete(client: Client) -> Answer:
    return await client.manage("DELETE", f"/directories/{client.directory}?actor=ada")


async def refused(client: Client, status: int) -> Answer:
    """Wait until a read is refused: what is remembered of a token holds for 5 s."""
    found: Answer | None = None

    async def is_refused() -> bool:
        nonlocal found
        found = await client.scim("GET", "/Users?count=1")
        return found.status == status

    await eventually(is_refused, within_s=10)
    assert found
    return found


async def rested(databases: Databases, client: Client) -> None:
    """Let half a minute pass since the pause."""
    async with (
        db.connect(databases.ingest, "ingest", max_size=1) as database,
        database.transaction() as tx,
    ):
        await tx.execute(
            "update directories set state_since = state_since - interval '30 s' where id = $1",
            client.directory,
        )


async def told(client: Client, servers: Servers, last: str) -> list[dict[str, Any]]:
    """Return the directory's events, each once, when one of that type was told."""

    async def whole() -> list[dict[str, Any]] | None:
        found = {one["id"]: one for one in await Log(servers.kafka).of(client.directory)}
        events = list(found.values())
        return events if events and events[-1]["type"] == last else None

    found = await eventually(whole, within_s=30)
    assert found is not None
    return found


async def test_what_comes_in_while_paused_is_refused_and_changes_nothing(
    client: Client, servers: Servers
) -> None:
    ada = await client.user("ada")

    paused = await turn(client, "pause")
    answer = await refused(client, 503)
    await turn(client, "pause")

    assert paused.body["state"] == "paused"
    assert paused.body["stateBy"] == ACTOR["actor"]
    assert "paused" in answer.body["detail"]
    assert int(answer.headers["Retry-After"]) > 60
    assert (await client.scim("DELETE", f"/Users/{ada}")).status == 503
    assert (await turn(client, "resume")).body["state"] == "live"
    assert (await refused(client, 200)).body["totalResults"] == 1
    events = await told(client, servers, "rollcall.directory.resumed.v1")
    kinds = [event["type"].split(".")[1:3] for event in events]
    assert kinds == [["directory", "created"], ["user", "created"], ["directory", "paused"],
                     ["directory", "resumed"]]  # fmt: skip
    assert events[-2]["data"]["cause"]["actor"] == ACTOR["actor"]


async def test_only_what_has_rested_is_deleted(client: Client, databases: Databases) -> None:
    await client.user("ada")

    assert (await delete(client)).status == 409
    await turn(client, "pause")
    early = await delete(client)
    await rested(databases, client)
    done = await delete(client)

    assert early.status == 409
    assert "seconds" in early.body["detail"]
    assert done.status == 204
    assert (await delete(client)).status == 204


async def test_a_deleted_directory_is_empty_closed_and_says_so_in_its_history(
    client: Client, databases: Databases, servers: Servers
) -> None:
    users = [await client.user(f"user {number}") for number in range(5)]
    await client.group("Admins", *users)
    await turn(client, "pause")
    await rested(databases, client)

    assert (await delete(client)).status == 204

    await refused(client, 401)
    found = (await client.manage("GET", f"/directories/{client.directory}")).body
    assert (found["state"], found["stateBy"]) == ("deleted", "ada")
    assert (await turn(client, "resume")).status == 409
    issued = await client.manage("POST", f"/directories/{client.directory}/tokens", {})
    assert issued.status == 409
    events = await told(client, servers, "rollcall.directory.deleted.v1")
    kinds = [event["type"].removeprefix("rollcall.") for event in events[-3:]]
    assert kinds == ["snapshot.begin.v1", "snapshot.end.v1", "directory.deleted.v1"]
    assert {event["data"]["cause"]["kind"] for event in events[-3:]} == {"administrator"}
    assert folded(events) == {"users": set(), "groups": set(), "memberships": set()}
    async with (
        db.connect(databases.ingest, "ingest", max_size=1) as database,
        database.connection() as connection,
    ):
        for table in ("users", "groups", "memberships"):
            count = f"select count(*) from {table} where directory_id = $1"
            assert await connection.fetchval(count, client.directory) == 0
        acts = await connection.fetch(
            "select actor, act from audit_records where directory_id = $1 order by id",
            client.directory,
        )
    assert [tuple(row) for row in acts] == [
        (ACTOR["actor"], "directory.paused"),
        ("ada", "directory.deleted"),
    ]


async def test_a_snapshot_under_way_ends_with_the_directory(
    client: Client, databases: Databases, servers: Servers
) -> None:
    for number in range(3):
        await client.user(f"user {number}")
    await turn(client, "pause")
    await rested(databases, client)
    await client.manage("POST", f"/directories/{client.directory}/snapshots", {})

    assert (await delete(client)).status == 204

    events = await told(client, servers, "rollcall.directory.deleted.v1")
    assert folded(events)["users"] == set()
