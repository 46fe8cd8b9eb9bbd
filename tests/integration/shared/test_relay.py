"""The relay: everything that was committed reaches Kafka in order, whatever dies meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local import jars, ports, process
from deploy.local.kafka import Broker, Kafka
from shared import db, outbox, service
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import LANES
from tests.integration.shared import world
from tests.support.servers import JAR_CACHE, Databases, Servers
from tests.support.waiting import eventually


@pytest.fixture
async def directories(database: db.Database) -> list[DirectoryId]:
    """A directory in each of four lanes, and a second one in the first."""
    return [await world.open_directory(database, lane) for lane in (0, 1, 7, LANES - 1, 0)]


@asynccontextmanager
async def relaying(database: db.Database, servers: str) -> AsyncIterator[outbox.Relay]:
    relay = outbox.Relay(database, servers, "test")
    async with service.background(relay.run):
        yield relay


async def drained(database: db.Database, *, within_s: float = 20) -> None:
    await eventually(lambda: world.is_drained(database), within_s=within_s)


async def published(servers: str, topic: str, count: int) -> dict[DirectoryId, list[int]]:
    return world.occurrences(await world.log(servers, topic, count=count))


def firsts(numbers: Sequence[int]) -> list[int]:
    """Return the numbers without repeats, as a consumer behind its gate sees them."""
    return list(dict.fromkeys(numbers))


async def test_what_is_committed_is_published_in_order_and_then_deleted(
    database: db.Database, servers: Servers, topic: str, directories: list[DirectoryId]
) -> None:
    async with relaying(database, servers.kafka) as relay:
        for _ in range(20):
            for directory in directories:
                await world.append(database, topic, directory, 25)
            relay.wake()
        await drained(database)

    found = await published(servers.kafka, topic, 20 * 25 * 5)
    assert found == {directory: [*range(1, 501)] for directory in directories}


async def test_a_directory_lives_in_the_partition_of_its_lane_with_its_key_and_ids(
    database: db.Database, servers: Servers, topic: str
) -> None:
    directory = await world.open_directory(database, 11)
    await world.append(database, topic, directory, 2)

    async with relaying(database, servers.kafka):
        await drained(database)

    found = await world.log(servers.kafka, topic, count=2)
    assert list(found) == [11]
    assert {record.key for record in found[11]} == {directory.encode()}
    assert [world.value(record).id for record in found[11]] == [
        f"{directory}:1:1",
        f"{directory}:1:2",
    ]


async def test_stopping_publishes_what_is_left(
    database: db.Database, servers: Servers, topic: str, directories: list[DirectoryId]
) -> None:
    async with relaying(database, servers.kafka):
        await world.append(database, topic, directories[0])
        await drained(database)
        await world.append(database, topic, directories[0], 100)

    assert await world.is_drained(database)


async def test_a_hole_in_the_outbox_is_never_published(
    database: db.Database, servers: Servers, topic: str, directories: list[DirectoryId]
) -> None:
    async with relaying(database, servers.kafka):
        await world.append(database, topic, directories[0], 2)
        await drained(database)
    await world.append(database, topic, directories[0], 2)
    async with database.connection() as connection:
        await connection.execute("delete from outbox where sequence = 3")

    with pytest.raises(outbox.BrokenOrderError, match=directories[0]):
        async with asyncio.timeout(20):
            await outbox.Relay(database, servers.kafka, "test").run(asyncio.Event())

    assert await published(servers.kafka, topic, 2) == {directories[0]: [1, 2]}


@pytest.mark.faults
async def test_two_relays_publish_together_and_one_takes_over_when_the_other_is_killed(
    database: db.Database,
    databases: Databases,
    servers: Servers,
    topic: str,
    directories: list[DirectoryId],
) -> None:
    async def are_shared() -> bool:
        async with database.connection() as connection:
            rows = await connection.fetch(
                "select count(*) from relay_lanes where lease_until > now() group by owner"
            )
        return [row["count"] for row in rows] == [LANES // 2, LANES // 2]

    async with (
        relaying(database, servers.kafka),
        world.worker("relay", databases.projector, servers.kafka) as victim,
    ):
        await eventually(are_shared, within_s=20)
        for step in range(60):
            for directory in directories:
                await world.append(database, topic, directory)
            if step == 30:
                victim.kill()
        await drained(database)

    found = await published(servers.kafka, topic, 60 * 5)
    assert {one: firsts(numbers) for one, numbers in found.items()} == {
        directory: [*range(1, 61)] for directory in directories
    }


@pytest.mark.faults
async def test_killed_between_acknowledgement_and_deletion_it_repeats_and_nothing_else(
    database: db.Database,
    databases: Databases,
    servers: Servers,
    topic: str,
    directories: list[DirectoryId],
) -> None:
    for directory in directories:
        await world.append(database, topic, directory, 10)
    async with database.transaction() as tx:
        # Reading goes on, deleting waits: the relay is held exactly between the two.
        await tx.execute("lock table outbox in share row exclusive mode")
        async with world.worker("relay", databases.projector, servers.kafka) as victim:
            first = await published(servers.kafka, topic, 50)
            victim.kill()
            await victim.wait()

    async with relaying(database, servers.kafka):
        await drained(database)

    again = await published(servers.kafka, topic, 100)
    assert first == {directory: [*range(1, 11)] for directory in directories}
    for numbers in again.values():
        assert len(numbers) > 10
        assert firsts(numbers) == [*range(1, 11)]


async def test_its_sessions_cut_it_goes_on(
    database: db.Database, servers: Servers, topic: str, directories: list[DirectoryId]
) -> None:
    cut = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
    """
    async with relaying(database, servers.kafka):
        for _ in range(3):
            await world.append(database, topic, directories[0], 50)
            async with database.connection() as connection:
                await connection.execute(cut)
        await drained(database)

    found = await published(servers.kafka, topic, 150)
    assert firsts(found[directories[0]]) == [*range(1, 151)]


@pytest.fixture
async def broker(tmp_path: Path) -> Kafka:
    """A broker of the test's own, to be killed."""
    port = ports.choose()
    controller = ports.choose(taken=[port])
    class_path = await jars.class_path(JAR_CACHE, tmp_path / "jars.log", lambda _line: None)
    node = Broker(1, tmp_path / "kafka", port, controller, tmp_path / "kafka.log")
    made = Kafka((node,), class_path)
    await made.initialise()
    return made


@asynccontextmanager
async def up(broker: Kafka) -> AsyncIterator[None]:
    """Run the broker beside the block, and SIGKILL it at its end."""
    [node] = broker.brokers
    child = broker.command(node).start()
    try:
        await eventually(lambda: broker.answers(node), within_s=60)
        yield
    finally:
        process.kill(child)


@pytest.mark.faults
async def test_kafka_killed_and_started_again_under_it_gets_everything_in_order(
    database: db.Database, broker: Kafka, directories: list[DirectoryId]
) -> None:
    async def step() -> None:
        for directory in directories:
            await world.append(database, topic, directory)

    async with up(broker):
        topic = await world.new_topic(broker.address)
    relay = outbox.Relay(database, broker.address, "test")
    async with service.background(relay.run):
        async with up(broker):
            await step()
            await drained(database)
            for _ in range(10):
                await step()
        for _ in range(10):
            await step()
        async with up(broker):
            await drained(database, within_s=60)
            found = await published(broker.address, topic, 21 * len(directories))

    assert {one: firsts(numbers) for one, numbers in found.items()} == {
        directory: [*range(1, 22)] for directory in directories
    }
