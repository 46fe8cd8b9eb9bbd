"""The partition loop: each event has one effect, whatever Kafka, Postgres or we do."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from shared import db, kafka
from shared.consume import LogTruncatedError, loop
from shared.consume.loop import NothingFetchedError
from shared.contracts.envelope import Envelope
from shared.contracts.ids import DirectoryId
from tests.integration.shared import world
from tests.integration.shared.world import POISON, Reader, new_directory, record
from tests.support.servers import Databases, Servers
from tests.support.waiting import eventually


@pytest.fixture
def reader(database: db.Database, servers: Servers, topic: str) -> Reader:
    return Reader(database, servers.kafka, topic)


async def publish(
    publisher: kafka.Publisher,
    topic: str,
    directory: DirectoryId,
    numbers: Sequence[int],
    partition: int = 0,
) -> None:
    await publisher.publish(partition, [record(topic, directory, n) for n in numbers])


async def test_each_event_is_applied_once_and_in_order(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directories = [new_directory() for _ in range(3)]
    for lane, directory in enumerate(directories):
        await publish(publisher, reader.topic, directory, range(1, 1501), lane)

    async with reader.running():
        await reader.reaches({directory: [*range(1, 1501)] for directory in directories})


async def test_what_kafka_repeats_has_no_second_effect(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = new_directory()
    for numbers in (range(1, 8), range(3, 8), range(1, 11)):
        await publish(publisher, reader.topic, directory, numbers)

    async with reader.running():
        await reader.reached(22)

    assert await world.effects(reader.database) == {directory: [*range(1, 11)]}
    assert await reader.parked() == []


async def test_two_that_read_the_same_partitions_apply_each_event_once(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directories = [new_directory() for _ in range(4)]

    async with reader.running("one"), reader.running("another"):
        for start in range(1, 401, 20):
            for lane, directory in enumerate(directories):
                await publish(
                    publisher, reader.topic, directory, range(start, start + 20), lane % 2
                )
        await reader.reaches({directory: [*range(1, 401)] for directory in directories})


async def test_partitions_that_move_between_members_go_on_where_they_were(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directories = [new_directory() for _ in range(6)]

    async def step(number: int) -> None:
        for lane, directory in enumerate(directories):
            await publish(publisher, reader.topic, directory, [number], lane)

    async with reader.running():
        await step(1)
        async with reader.running():
            await step(2)
            await reader.reaches({directory: [1, 2] for directory in directories})
        await step(3)
        await reader.reaches({directory: [1, 2, 3] for directory in directories})


@pytest.mark.parametrize("moved_to", [0, 3, 10])
async def test_an_offset_that_somebody_moved_in_kafka_decides_nothing(
    reader: Reader, publisher: kafka.Publisher, moved_to: int
) -> None:
    directory = new_directory()
    await publish(publisher, reader.topic, directory, range(1, 7))
    async with reader.running():
        await reader.reached(6)
    await publish(publisher, reader.topic, directory, range(7, 11))

    async with kafka.subscriber(reader.servers, reader.consumer().group, [reader.topic]) as member:
        await eventually(member.assigned)
        await member.commit({(reader.topic, 0): moved_to})

    async with reader.running():
        await reader.reached(10)
    assert await world.effects(reader.database) == {directory: [*range(1, 11)]}


async def test_what_another_member_swallowed_is_read_again_once_it_is_gone(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directories = [new_directory() for _ in range(24)]

    async with reader.running():
        group = reader.consumer().group
        async with kafka.subscriber(reader.servers, group, [reader.topic]) as swallower:
            await eventually(lambda: len(swallower.assigned()) == 12)
            for lane, directory in enumerate(directories):
                await publish(publisher, reader.topic, directory, [1], lane)
            await swallower.commit(dict.fromkeys(swallower.assigned(), 1))

        await reader.reaches({directory: [1] for directory in sorted(directories)})


async def test_a_batch_cut_off_by_sigkill_leaves_nothing_and_is_applied_whole_afterwards(
    reader: Reader, publisher: kafka.Publisher, databases: Databases
) -> None:
    directory = new_directory()
    await publish(publisher, reader.topic, directory, range(1, 101))
    held = await asyncpg.connect(databases.projector)
    await held.execute("select pg_advisory_lock($1)", world.LOCK)

    async with world.worker("consume", databases.projector, reader.servers, reader.topic) as one:
        await eventually(lambda: world.waits_for_a_lock(held), within_s=20)
        one.kill()
        await one.wait()
    await held.close()

    assert await world.effects(reader.database) == {}
    assert await reader.offset() == 0
    async with reader.running():
        await reader.reaches({directory: [*range(1, 101)]})


async def test_a_batch_whose_connection_is_cut_is_tried_again(
    database: db.Database, servers: Servers, topic: str, publisher: kafka.Publisher
) -> None:
    cuts: list[int] = []

    async def cut_once(tx: db.Connection, events: Sequence[Envelope]) -> None:
        await world.apply(tx, events)
        if not cuts:
            cuts.append(1)
            await tx.execute("select pg_terminate_backend(pg_backend_pid())")

    reader = Reader(database, servers.kafka, topic, cut_once)
    directory = new_directory()
    await publish(publisher, topic, directory, range(1, 51))

    async with reader.running():
        await reader.reaches({directory: [*range(1, 51)]})

    assert cuts
    assert await reader.parked() == []


async def test_an_event_that_always_fails_parks_its_directory_and_no_other(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    sick, well = new_directory(), new_directory()
    names = {2: POISON}
    mixed = [
        record(reader.topic, directory, number, names.get(number, "") if directory == sick else "")
        for number in range(1, 5)
        for directory in (sick, well)
    ]

    async with reader.running():
        await publisher.publish(0, mixed)
        await reader.reached(8)
        await publish(publisher, reader.topic, well, [5])
        await publish(publisher, reader.topic, sick, [5])
        await reader.reached(10)

    found = await world.effects(reader.database)
    assert found == {sick: [1], well: [1, 2, 3, 4, 5]}
    assert await reader.parked() == [(sick, n, "ValueError") for n in (2, 4, 6, 9)]


async def test_garbage_parks_the_directory_that_its_key_names(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    broken, emptied, gaping, well = (new_directory() for _ in range(4))
    records = [
        kafka.Outgoing(reader.topic, broken.encode(), b'{"specversion":'),
        kafka.Outgoing(reader.topic, emptied.encode(), None),
        kafka.Outgoing(reader.topic, b"nobody", b"\xff\x00"),
        record(reader.topic, gaping, 3),
        record(reader.topic, broken, 1),
        record(reader.topic, well, 1),
    ]

    await publisher.publish(0, records)
    async with reader.running():
        await reader.reached(6)

    assert await world.effects(reader.database) == {well: [1]}
    assert await reader.parked() == [
        (broken, 0, "malformed event"),
        (emptied, 1, "malformed event"),
        (gaping, 3, "gap: 1 expected, 3 found"),
        (broken, 4, "malformed event"),
    ]


async def test_a_log_that_lost_events_not_yet_read_stops_the_consumer(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = new_directory()
    await publish(publisher, reader.topic, directory, range(1, 4))
    async with reader.running():
        await reader.reached(3)
    await publish(publisher, reader.topic, directory, range(4, 9))
    await delete_records(reader, before=5)

    words = "holds offsets 5 to 8, but 3 is next"
    with pytest.RaisesGroup(pytest.RaisesExc(LogTruncatedError, match=words)):
        await run(reader)

    assert await world.effects(reader.database) == {directory: [1, 2, 3]}


async def test_a_log_that_is_shorter_than_what_was_read_stops_the_consumer(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = new_directory()
    await publish(publisher, reader.topic, directory, range(1, 4))
    async with reader.database.connection() as connection:
        await connection.execute(
            "insert into consumer_positions (topic, partition, next_offset) values ($1, 0, 9)",
            reader.topic,
        )

    words = "holds offsets 0 to 3, but 9 is next"
    with pytest.RaisesGroup(pytest.RaisesExc(LogTruncatedError, match=words)):
        await run(reader)

    assert await world.effects(reader.database) == {}


async def test_a_client_that_fetches_nothing_while_the_log_goes_on_ends_the_consumer(
    reader: Reader, publisher: kafka.Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_self: kafka.Subscriber, *, wait_ms: int, **_: object) -> list[kafka.Batch]:
        await asyncio.sleep(wait_ms / 1000)
        return []

    monkeypatch.setattr(loop, "_WATCH_EVERY_S", 0.5)
    monkeypatch.setattr(kafka.Subscriber, "batches", nothing)
    await publish(publisher, reader.topic, new_directory(), [1])

    with pytest.RaisesGroup(NothingFetchedError):
        await run(reader)


async def test_a_client_that_has_nothing_to_fetch_goes_on(
    reader: Reader, publisher: kafka.Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []
    is_behind = kafka.Subscriber.is_behind

    async def noted(subscriber: kafka.Subscriber) -> bool:
        looked.append(await is_behind(subscriber))
        return looked[-1]

    monkeypatch.setattr(loop, "_WATCH_EVERY_S", 0.5)
    monkeypatch.setattr(kafka.Subscriber, "is_behind", noted)
    directory = new_directory()

    async with reader.running():
        await publish(publisher, reader.topic, directory, [1, 2])
        await reader.reached(2)
        seen = len(looked)
        await eventually(lambda: len(looked) > seen + 2)
        await publish(publisher, reader.topic, directory, [3])
        await reader.reached(3)

    assert await world.effects(reader.database) == {directory: [1, 2, 3]}


async def run(reader: Reader) -> None:
    """Consume until it fails."""
    async with asyncio.timeout(30):
        await reader.consumer().run(asyncio.Event())


async def test_who_never_read_a_log_starts_where_it_starts_and_stalls_what_lost_its_beginning(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    old, young = new_directory(), new_directory()
    await publish(publisher, reader.topic, old, range(1, 5))
    await publish(publisher, reader.topic, young, [1])
    await delete_records(reader, before=2)

    async with reader.running():
        await reader.reached(5)
        await publisher.publish(0, [world.opening(reader.topic, old, 5)])
        await publish(publisher, reader.topic, old, [6])
        await reader.reached(7)

    assert await world.effects(reader.database) == {old: [5, 6], young: [1]}


async def delete_records(reader: Reader, *, before: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=reader.servers)
    await admin.start()
    place = TopicPartition(reader.topic, 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=before)})
    await admin.close()
