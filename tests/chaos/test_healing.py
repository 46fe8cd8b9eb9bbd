"""What is missing heals by itself; what cannot be applied waits, is shown, and is let go.

On a system of their own: these tests write to the log what no one should, and it stays there.
"""

import json
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from shared import kafka
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import DIRECTORY_EVENTS, lane_of
from tests.support.system import System, running
from tests.support.waiting import eventually
from tests.support.world import Directory, World, assigned

pytestmark = pytest.mark.faults
CONSUMERS = {"roles", "projector"}


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with running(tmp_path_factory.mktemp("healing")) as ready:
        yield ready


async def forge(world: World, directory: Directory, value: bytes) -> None:
    """Put a record among those of the directory, as nobody should."""
    record = kafka.Outgoing(DIRECTORY_EVENTS.name, directory.id.encode(), value)
    async with kafka.publisher(world.system.run["kafka"], "forger") as publisher:
        await publisher.publish(lane_of(DirectoryId(directory.id)), [record])


async def stopped(world: World, directory: Directory) -> dict[str, dict[str, Any]]:
    """Return what `rollcall parked` shows, by service."""
    outcome = await world.system.rollcall("parked", directory.id, "--json")
    assert outcome.code == 0, outcome.errors
    return {one["service"]: one for one in outcome.json}


async def heard_of(world: World, directory: Directory) -> list[str]:
    return [one["type"] for one in await directory.events(DIRECTORY_EVENTS.name)]


async def portal_page(world: World, directory: Directory, path: str = "") -> str:
    """Return a page of the portal, the first one by default, as its administrator sees it."""
    link = await world.invitation(directory.organization)
    jar = aiohttp.CookieJar(unsafe=True)  # keeps the cookies of an address, too
    headers = {"Origin": world.system.run["portal"]}
    async with (
        aiohttp.ClientSession(cookie_jar=jar) as session,
        session.post(link, headers=headers) as signed_in,
        session.get(f"{signed_in.url}{path}") as page,
    ):
        assert page.ok
        return await page.text()


async def test_records_that_are_missing_are_replaced_by_a_snapshot_that_nobody_asked_us_for(
    world: World,
) -> None:
    acme = await world.directory(mapping={"admins": "admin"})
    ada = await acme.provision("ada", groups=["admins"])
    await acme.become(ada, {"admin"})
    last = (await acme.events(DIRECTORY_EVENTS.name))[-1]
    ahead = int(last["sequence"]) + 7
    hole = {
        **last,
        "id": f"{acme.id}:1:{ahead}",
        "sequence": f"{ahead:020d}",
        "type": "rollcall.user.hummed.v1",
    }

    await forge(world, acme, json.dumps(hole).encode())

    async def told_again() -> bool:
        return "rollcall.snapshot.end.v1" in await heard_of(world, acme)

    await eventually(told_again, within_s=60)
    bob = await acme.provision("bob", groups=["admins"])
    await acme.become(bob, {"admin"})

    async def live() -> bool:
        return not await stopped(world, acme)

    await eventually(live, within_s=30)
    assert await acme.role_events(ada) == [assigned("admin")]
    assert await acme.role_events(bob) == [assigned("admin")]


async def test_a_record_that_nobody_can_read_parks_until_it_is_given_up(
    world: World,
) -> None:
    acme = await world.directory(mapping={"admins": "admin"})
    ada = await acme.provision("ada", groups=["admins"])
    await acme.become(ada, {"admin"})
    rollcall = world.system.rollcall

    await forge(world, acme, b"{}")

    async def both() -> bool:
        return (await stopped(world, acme)).keys() == CONSUMERS

    await eventually(both, within_s=60)
    bob = await acme.provision("bob", groups=["admins"])
    shown = await stopped(world, acme)
    page = await portal_page(world, acme)
    again = await rollcall("unpark", acme.id, "--service", "roles", "--json")
    once = await rollcall("unpark", acme.id, "--service", "roles", "--skip")
    before = await acme.roles_of(bob)
    twice = [
        await rollcall("unpark", acme.id, "--service", name, "--skip", "--yes", "--json")
        for name in sorted(CONSUMERS)
    ]
    await acme.become(bob, {"admin"})

    assert "Changes are delayed" in page
    assert {one["state"] for one in shown.values()} == {"parked"}
    assert {one["reason"] for one in shown.values()} == {"malformed event"}
    assert (again.code, again.json[0]["state"]) == (1, "parked")
    assert once.code == 1
    assert "Repeat with --yes" in once.errors
    assert before == set()
    assert [one.code for one in twice] == [0, 0]
    assert await acme.role_events(ada) == [assigned("admin")]

    async def live() -> bool:
        return not await stopped(world, acme)

    await eventually(live, within_s=30)
    letters = [one for key, one in await world.records("dead-letters.v1") if key == acme.id]
    assert {one["data"]["consumer"] for one in letters if one} == CONSUMERS
    rebuilt = await rollcall("rebuild", "--json", within_s=110)
    assert rebuilt.code == 0, rebuilt.errors


async def forget(world: World, directory: Directory) -> None:
    """Let Kafka lose what it holds of a directory, and of its neighbours in the partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.system.run["kafka"])
    place = TopicPartition(DIRECTORY_EVENTS.name, lane_of(DirectoryId(directory.id)))
    await admin.start()
    await admin.delete_records({place: RecordsToDelete(before_offset=-1)})
    await admin.close()


async def test_roles_halts_where_the_log_was_cut_off_and_goes_on_when_the_loss_is_accepted(
    world: World,
) -> None:
    acme = await world.directory(mapping={"admins": "admin"})
    ada = await acme.provision("ada", groups=["admins"])
    await acme.become(ada, {"admin"})
    rollcall = world.system.rollcall
    roles = world.system.run["pids"]["roles"]

    unharmed = await rollcall("accept-loss", "--yes")
    os.kill(roles, signal.SIGSTOP)
    bob = await acme.provision("bob", groups=["admins"])

    async def projected() -> bool:
        return "bob@" in await portal_page(world, acme, "/users")

    await eventually(projected, within_s=30)
    await forget(world, acme)
    os.kill(roles, signal.SIGCONT)

    async def halted() -> bool:
        return "offset" in (await rollcall("accept-loss")).errors

    await eventually(halted, within_s=60)
    cyd = await acme.provision("cyd", groups=["admins"])
    once = await rollcall("accept-loss")
    before = await acme.roles_of(bob)
    twice = await rollcall("accept-loss", "--yes", "--json")
    for user in (ada, bob, cyd):
        await acme.become(user, {"admin"})

    async def live() -> bool:
        return not await stopped(world, acme)

    await eventually(live, within_s=60)
    assert unharmed.code == 1
    assert "nothing is lost" in unharmed.errors
    assert once.code == 1
    assert f"{DIRECTORY_EVENTS.name}/{lane_of(DirectoryId(acme.id))}: offset" in once.errors
    assert "Repeat with --yes" in once.errors
    assert before == set()
    assert twice.code == 0, twice.errors
    assert [one["topic"] for one in twice.json] == [DIRECTORY_EVENTS.name]
    assert await acme.role_events(ada) == [assigned("admin")]
    assert world.system.run["pids"]["roles"] == roles, "it stayed"


async def test_a_snapshot_on_request_changes_nothing_for_who_missed_nothing(world: World) -> None:
    acme = await world.directory(mapping={"admins": "admin"})
    ada = await acme.provision("ada", groups=["admins"])
    await acme.become(ada, {"admin"})

    told = await world.system.rollcall("snapshot", acme.id, "--json")

    [done] = told.json
    assert (done["written"], done["total"]) == (3, 3)
    bob = await acme.provision("bob", groups=["admins"])
    await acme.become(bob, {"admin"})
    assert await acme.role_events(ada) == [assigned("admin")]
    assert (await heard_of(world, acme)).count("rollcall.snapshot.begin.v1") == 1


async def test_a_restore_is_declared_twice_and_not_while_ingest_runs(world: World) -> None:
    once = await world.system.rollcall("after-restore")
    twice = await world.system.rollcall("after-restore", "--yes")

    assert (once.code, twice.code) == (1, 1)
    assert "Nothing was changed" in once.errors
    assert "Ingest is running" in twice.errors
