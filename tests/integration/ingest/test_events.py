"""What ingest stores it tells, in order, without a hole, whatever is killed."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from tests.integration.ingest.client import Client, Log
from tests.support.servers import Servers
from tests.support.service import Service
from tests.support.waiting import eventually


async def told(log: Log, client: Client, count: int) -> list[dict[str, Any]]:
    """Return the directory's events, each once by id, when there are at least so many."""

    async def enough() -> list[dict[str, Any]] | None:
        unique = {event["id"]: event for event in await log.of(client.directory)}
        return list(unique.values()) if len(unique) >= count else None

    found = await eventually(enough, within_s=20)
    assert found is not None
    return found


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("rollcall.").removesuffix(".v1") for event in events]


async def test_a_users_life_is_told_in_order(client: Client, servers: Servers) -> None:
    ada = await client.user("ada")
    group = await client.group("Admins", ada)
    await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", "title": "Lead"})
    await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", "active": "False"})
    await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", "active": "False"})
    await client.scim("PUT", f"/Users/{ada}", {"userName": "ada"})
    await client.scim("DELETE", f"/Users/{ada}")
    await client.scim("DELETE", f"/Groups/{group}")

    events = await told(Log(servers.kafka), client, 10)

    assert kinds(events) == [
        "directory.created",
        "user.created",
        "group.created",
        "membership.added",
        "user.updated",
        "user.deactivated",
        "user.activated",
        "membership.removed",
        "user.deleted",
        "group.deleted",
    ]
    assert [int(event["sequence"]) for event in events] == list(range(1, 11))
    assert events[4]["data"]["changed"] == ["title"]
    assert events[5]["data"]["changed"] == ["active", "title"]
    assert events[5]["data"]["previous"] == {"active": True, "title": "Lead"}
    assert events[7]["data"]["cause"] == events[8]["data"]["cause"]
    assert events[7]["data"]["because"] == "user.deleted"
    assert events[3]["data"]["user"]["userName"] == "ada"
    versions = [events[place]["data"]["resource"]["meta"]["version"] for place in (1, 4, 5, 6)]
    assert versions == ['W/"1"', 'W/"2"', 'W/"3"', 'W/"4"']
    assert [events[place]["data"]["version"] for place in (1, 4, 5, 6)] == [1, 2, 3, 4]


async def test_a_refused_request_tells_nothing(client: Client, servers: Servers) -> None:
    await client.user("ada")
    await client.scim("POST", "/Users", {"userName": "ADA"})
    await client.user("bob")

    events = await told(Log(servers.kafka), client, 3)

    assert kinds(events) == ["directory.created", "user.created", "user.created"]


@pytest.mark.faults
async def test_a_kill_under_load_loses_nothing_that_was_acknowledged(
    client: Client, service: Service, servers: Servers
) -> None:
    acknowledged: set[str] = set()
    stopping = asyncio.Event()

    async def write(writer: int) -> None:
        number = 0
        async with ClientSession() as session:
            own = Client(session, client.url, client.directory, client.token)
            while not stopping.is_set():
                number += 1
                try:
                    answer = await own.scim("POST", "/Users", {"userName": f"u{writer}-{number}"})
                except ClientError:
                    await asyncio.sleep(0.05)
                else:
                    if answer.status == 201:
                        acknowledged.add(answer.body["id"])

    async with asyncio.TaskGroup() as tasks:
        for writer in range(8):
            tasks.create_task(write(writer))
        for wanted in (100, 200):
            await eventually(lambda: len(acknowledged) > wanted)  # noqa: B023  # awaited here
            await service.kill()
            await service.start()
        await eventually(lambda: len(acknowledged) > 300)
        stopping.set()

    listed = (await client.scim("GET", "/Users?count=0")).body["totalResults"]
    events = await told(Log(servers.kafka), client, listed + 1)
    created = [event["data"]["resource"]["id"] for event in events[1:]]
    assert len(created) == len(set(created)) == listed
    assert acknowledged <= set(created)
    assert [int(event["sequence"]) for event in events] == list(range(1, len(events) + 1))
