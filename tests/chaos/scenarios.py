"""Faults of the matrix, each driven to the moment at which a careless design would lose its way.

The names in brackets are rows of the fault matrix in `docs/explanation`.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared import kafka
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS, lane_of
from tests.chaos.rig import Rig, add_user
from tests.support.waiting import eventually

HOLDS, NOT_SETTLED = 0, 3


async def a_later_row_is_committed_first(rig: Rig) -> None:
    """Two writers in one lane: who drew the lower row id commits behind the other."""
    slow, quick = await rig.neighbours()
    async with rig.database("ingest") as ingest, ingest.transaction() as tx:
        await add_user(tx, slow.directory, "ada")
        await quick.user("bob")
        await rig.drained(quick)
    await slow.user("cyd")


async def a_row_is_committed_while_a_batch_is_on_its_way(rig: Rig) -> None:
    """As before, and the slow one commits while Kafka takes its time to acknowledge the other."""
    slow, quick = await rig.neighbours()
    await rig.drained(slow)
    async with rig.database("ingest") as ingest, ingest.transaction() as tx:
        await add_user(tx, slow.directory, "ada")
        with rig.ground.kafka_paused():
            await quick.user("bob")
            await asyncio.sleep(1)  # the relay has read bob and waits for Kafka
            await tx.execute("commit; begin")
    await slow.user("cyd")


async def who_began_first_writes_last(rig: Rig) -> None:
    """Two transactions in one directory: the older draws the later number; both wait for Kafka."""
    client = await rig.directory()
    async with rig.database("ingest") as ingest, ingest.transaction() as tx:
        await tx.fetchval("select pg_current_xact_id()")
        with rig.ground.kafka_paused():
            await client.user("ada")
            await asyncio.sleep(1)  # the relay has read ada and waits for Kafka
            await client.user("bob")
            await add_user(tx, client.directory, "cyd")
            await tx.execute("commit; begin")
    await client.user("dan")


async def a_relay_sleeps_past_its_lease(rig: Rig) -> None:
    """A zombie wakes with rows in hand that another published long ago, and more (row 5)."""
    client = await rig.directory()
    await rig.drained(client)
    with rig.ground.kafka_paused():
        await client.user("ada")
        await asyncio.sleep(1)  # the relay has read ada and waits for Kafka
        rig.signal("ingest", signal.SIGSTOP)
    second = rig.another("ingest", "standby")
    await second.start()
    other = rig.at(client, second)
    for name in ("bob", "cyd", "dan"):
        await other.user(name)
    await rig.drained(client)
    rig.signal("ingest", signal.SIGCONT)
    await asyncio.sleep(1)  # the zombie settles what it thinks is its own
    await other.user("eve")


async def records_are_delivered_again(rig: Rig) -> None:
    """A range of the log is written a second time, behind what followed it (row 23)."""
    client = await rig.directory()
    ada = await client.user("ada")
    group = await client.group("Admins", ada)
    await client.patch_members("remove", group, ada)
    await rig.applied(client, "projector")
    lane = lane_of(DirectoryId(client.directory))
    records = await rig.records(client)
    async with kafka.publisher(rig.ground.servers.kafka, "chaos") as publisher:
        again = [kafka.Outgoing(DIRECTORY_EVENTS.name, r.key or b"", r.value) for r in records]
        await publisher.publish(lane, again)
    await client.user("bob")


async def a_consumer_is_killed_in_the_middle_of_a_batch(rig: Rig) -> None:
    """SIGKILL between the first write of a batch and its commit (row 4)."""
    client = await rig.directory()
    await rig.applied(client, "projector")
    async with rig.database("projector") as database, database.transaction() as tx:
        await tx.execute("lock table users in share mode")
        await client.user("ada")
        await eventually(lambda: rig.somebody_waits(tx), within_s=20)
        await rig.services["projector"].kill()
    await client.user("bob")


async def the_log_forgets_what_was_not_read(rig: Rig) -> None:
    """Role events go before a consumer read them: it must halt, never go on behind (row 25)."""
    client = await rig.directory()
    ada, bob = await client.user("ada"), await client.user("bob")
    group = await client.group("Admins")
    await rig.grant(client, group, "admin")
    await rig.applied(client, "projector")
    await rig.drained(client, "roles")
    await asyncio.sleep(1)  # the projector reads that the mapping was saved
    rig.signal("projector", signal.SIGSTOP)
    await asyncio.sleep(0.6)  # its last fetch is answered
    await client.patch_members("add", group, ada)
    await rig.applied(client, "roles")
    await rig.drained(client, "roles")
    await rig.delete_records(client, ROLE_EVENTS.name)
    await client.patch_members("add", group, bob)
    await rig.applied(client, "roles")
    await rig.drained(client, "roles")
    rig.signal("projector", signal.SIGCONT)
    await asyncio.sleep(3)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, how soon it is quiet, and how `rollcall verify` ends then if all is well."""

    play: Callable[[Rig], Awaitable[None]]
    quiet_within_s: float = 10
    exit_code: int = HOLDS


SCENARIOS = {
    "a later row is committed first": Scenario(a_later_row_is_committed_first),
    "a row is committed while a batch is on its way": Scenario(
        a_row_is_committed_while_a_batch_is_on_its_way
    ),
    "who began first writes last": Scenario(who_began_first_writes_last),
    "a relay sleeps past its lease": Scenario(a_relay_sleeps_past_its_lease),
    "records are delivered again": Scenario(records_are_delivered_again),
    "a consumer is killed in the middle of a batch": Scenario(
        a_consumer_is_killed_in_the_middle_of_a_batch,
        quiet_within_s=30,  # its group waits 10 s for the dead member
    ),
    "the log forgets what was not read": Scenario(
        the_log_forgets_what_was_not_read, quiet_within_s=5, exit_code=NOT_SETTLED
    ),
}
