"""Plumbing: topics, histories to publish, a handler whose effects can be counted, workers."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from shared import consume, db, kafka, outbox, service
from shared.contracts import envelope
from shared.contracts.directory_events import Cause, DirectoryCreated, SnapshotBegin
from shared.contracts.envelope import Envelope, Origin, Position
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.topics import LANES, Topic
from tests.support.waiting import eventually

POISON = "poison"
LOCK = 42
_TIME = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_ORGANIZATION = OrganizationId("5a0e8f53-2f39-4b50-b8a8-3a1d4d1a7c11")
_CAUSE = Cause(kind="scim", id="6d1b3f3c-19a0-4b7e-8f3e-2f6f4f5b7d12")
Value = TypeVar("Value")
# No key: what is applied twice is there twice.
_EFFECTS = """
create table if not exists effects (
  id bigint generated always as identity, directory_id uuid not null, sequence bigint not null)
"""


async def prepare(database: db.Database) -> None:
    """Make outbox, positions and the table of effects in the schema."""
    await db.migrate(database, ["shared"])
    async with database.connection() as connection:
        await connection.execute(_EFFECTS)


def declare(*, partitions: int = LANES) -> Topic:
    settings = {"cleanup.policy": "delete", "retention.ms": "-1"}
    return Topic(f"test.{uuid.uuid4().hex}", partitions, settings)


async def new_topic(servers: str, *, partitions: int = LANES) -> str:
    """Create a topic; return its name."""
    topic = declare(partitions=partitions)
    await kafka.ensure_topics(servers, [topic])
    return topic.name


def new_directory() -> DirectoryId:
    return DirectoryId(str(uuid.uuid4()))


def tail(directory: DirectoryId, name: str = "ordinary") -> bytes:
    """Return an event as it waits in the outbox; a handler may look at its name."""
    data = DirectoryCreated(cause=_CAUSE, id=directory, name=name, provider="onelogin")
    return envelope.tail(data.type, data.subject, Origin(directory, _ORGANIZATION, _TIME), data)


def record(
    topic: str, directory: DirectoryId, sequence: int, name: str = "ordinary"
) -> kafka.Outgoing:
    """Return an event as the relay publishes it."""
    value = envelope.head(directory, Position(1, sequence)) + tail(directory, name)
    return kafka.Outgoing(topic, directory.encode(), value)


def opening(
    topic: str, directory: DirectoryId, sequence: int, generation: int = 1, name: str = "ordinary"
) -> kafka.Outgoing:
    """Return an event that opens a snapshot."""
    data = SnapshotBegin(cause=_CAUSE, name=name, provider="onelogin")
    rest = envelope.tail(data.type, data.subject, Origin(directory, _ORGANIZATION, _TIME), data)
    value = envelope.head(directory, Position(generation, sequence)) + rest
    return kafka.Outgoing(topic, directory.encode(), value)


async def together(work: Iterable[Coroutine[Any, Any, Value]]) -> list[Value]:
    """Do the work at the same time; return the results in order."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
    return [task.result() for task in tasks]


async def log(servers: str, topic: str, *, count: int) -> dict[int, list[kafka.Incoming]]:
    """Return the first records of each partition that has any, `count` or more in all."""
    found: dict[int, list[kafka.Incoming]] = {}
    async with asyncio.timeout(20), kafka.reader(servers, [topic], past=True) as reader:
        while sum(map(len, found.values())) < count:
            for batch in await reader.batches(wait_ms=100, max_records=1000):
                found.setdefault(batch.partition, []).extend(batch.records)
    return found


def value(record: kafka.Incoming) -> Envelope:
    """Return the event in a record."""
    return envelope.parse(record.value)


async def effects(database: db.Database) -> dict[DirectoryId, list[int]]:
    """Return the sequences applied to each directory, in the order in which it happened."""
    async with database.connection() as connection:
        rows = await connection.fetch("select directory_id, sequence from effects order by id")
    found: dict[DirectoryId, list[int]] = {}
    for row in rows:
        found.setdefault(row["directory_id"], []).append(row["sequence"])
    return found


async def apply(tx: db.Connection, events: Sequence[Envelope]) -> None:
    """Leave a row for each event; choke on those named so, after some work."""
    await mended(tx, events)
    if any(event.data["name"] == POISON for event in events):
        raise ValueError(POISON)


async def mended(tx: db.Connection, events: Sequence[Envelope]) -> None:
    """Leave a row for each event, whatever its name."""
    await tx.execute(
        "insert into effects (directory_id, sequence) select * from unnest($1::uuid[], $2::int[])",
        [event.directory for event in events],
        [event.position.sequence for event in events],
    )


async def forget(database: db.Database) -> None:
    """Let a consumer start anew: no effect, no position, nothing that waits."""
    tables = "effects, consumer_positions, directory_positions, parked_events"
    async with database.connection() as connection:
        await connection.execute(f"truncate {tables}")


@dataclass(slots=True)
class Reader:
    """Runs consumers of one topic; another group reads everything anew."""

    database: db.Database
    servers: str
    topic: str
    handler: consume.Apply = apply

    @asynccontextmanager
    async def running(self, group: str = "first") -> AsyncIterator[None]:
        """Consume beside the block; stop in order after it."""
        async with service.background(self.consumer(group).run):
            yield

    def consumer(self, group: str = "first") -> consume.Consumer:
        name = f"{group} of {self.topic}"
        return consume.Consumer(self.database, self.servers, name, {self.topic: self.handler})

    async def reaches(self, expected: dict[DirectoryId, list[int]]) -> None:
        """Wait until at least so much is applied, then compare."""
        total = sum(map(len, expected.values()))

        async def enough() -> bool:
            return sum(map(len, (await effects(self.database)).values())) >= total

        await eventually(enough, within_s=20)
        assert await effects(self.database) == expected

    async def offset(self, partition: int = 0) -> int:
        """Return the stored offset of a partition."""
        async with self.database.connection() as connection:
            found = await connection.fetchval(
                "select next_offset from consumer_positions where topic = $1 and partition = $2",
                self.topic,
                partition,
            )
        return int(found or 0)

    async def reached(self, offset: int, partition: int = 0) -> None:
        """Wait until the stored offset is there."""

        async def there() -> bool:
            return await self.offset(partition) == offset

        await eventually(there, within_s=20)

    async def state(self, directory: DirectoryId) -> tuple[str, int]:
        """Return the state of a directory and the sequence up to which it is applied."""
        async with self.database.connection() as connection:
            row = await connection.fetchrow(
                "select state, sequence from directory_positions "
                "where topic = $1 and directory_id = $2",
                self.topic,
                directory,
            )
        return row["state"], row["sequence"]

    async def parked(self) -> list[tuple[DirectoryId, int, str]]:
        """Return directory, offset and reason of each parked record."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                'select directory_id, "offset", reason from parked_events order by "offset"'
            )
        return [(row["directory_id"], row["offset"], row["reason"]) for row in rows]


@asynccontextmanager
async def worker(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `worker.py` in a process of its own; it is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.shared.worker", *arguments
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def waits_for_a_lock(connection: db.Connection) -> bool:
    """Tell whether a session of this database waits for a lock."""
    query = """
    select 1 from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()
    """
    return bool(await connection.fetchval(query))


async def open_directory(database: db.Database, lane: int) -> DirectoryId:
    """Give a new directory its history."""
    directory = new_directory()
    async with database.transaction() as tx:
        await outbox.open_history(tx, directory, lane)
    return directory


async def append(database: db.Database, topic: str, directory: DirectoryId, count: int = 1) -> None:
    """Commit that many events of a directory to the outbox."""
    entries = [outbox.Entry(topic, directory, tail(directory)) for _ in range(count)]
    async with database.transaction() as tx:
        await outbox.append(tx, directory, entries)


async def is_drained(database: db.Database) -> bool:
    """Tell whether everything in the outbox was published."""
    async with database.connection() as connection:
        return not await connection.fetchval("select count(*) from outbox")


def occurrences(found: dict[int, list[kafka.Incoming]]) -> dict[DirectoryId, list[int]]:
    """Return the sequences of each directory in log order, repeats and all."""
    result: dict[DirectoryId, list[int]] = {}
    for records in found.values():
        for event in map(value, records):
            result.setdefault(event.directory, []).append(event.position.sequence)
    return result
