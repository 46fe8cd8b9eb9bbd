"""The partition loop: Kafka decides who reads, Postgres decides what counts (ADR 0005).

    records → offset row locked → gate → apply, own outbox rows, positions, offset: one commit

A batch that does not start at the stored offset is dropped and the partition is read from there.
What fails for a deterministic reason parks its directory, in order; the others go on.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from shared import db, gate, kafka, telemetry
from shared.contracts import envelope
from shared.contracts.envelope import Envelope, Position
from shared.contracts.ids import DirectoryId, is_id
from shared.gate import Verdict

_log = structlog.get_logger(__name__)
_WAIT_MS = 250
_MAX_RECORDS = 1000
_PARALLEL_PARTITIONS = 4
_COMMIT_EVERY_S = 1.0

Apply = Callable[[db.Connection, Sequence[Envelope]], Awaitable[None]]


class ConsumerError(Exception):
    """Base: the consumer cannot go on; the process ends and a person looks."""


class LogTruncatedError(ConsumerError):
    """The log does not hold the stored offset: events are gone, what is stored must be rebuilt."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a directory is applied; a parked one carries the reason and stays where it is."""

    position: Position = gate.START
    parked: str | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A record kept for later, because its directory is parked."""

    directory: DirectoryId
    record: kafka.Incoming
    reason: str


@dataclass(slots=True)
class Plan:
    """What a batch comes to, before anything is applied."""

    progress: dict[DirectoryId, Progress]
    apply: list[tuple[kafka.Incoming, Envelope]] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    dropped: int = 0
    skipped: int = 0

    def park(self, directory: DirectoryId, record: kafka.Incoming, reason: str) -> None:
        """Keep the record, and park its directory unless it is parked already."""
        now = self.progress.get(directory, Progress())
        self.progress[directory] = replace(now, parked=now.parked or reason)
        self.parked.append(Parked(directory, record, reason))


Read = tuple[kafka.Incoming, Envelope | None]


def read(record: kafka.Incoming) -> Read:
    """Return the record with its envelope, None where it is not one of our events."""
    try:
        return record, envelope.parse(record.value)
    except envelope.MalformedEventError:
        return record, None


def plan(reads: Sequence[Read], progress: Mapping[DirectoryId, Progress]) -> Plan:
    """Send each record through the gate: apply it, drop it as old, or park it."""
    result = Plan(dict(progress))
    for record, event in reads:
        if event is None:
            _plan_malformed(result, record)
        else:
            _plan_event(result, record, event)
    return result


def _plan_malformed(result: Plan, record: kafka.Incoming) -> None:
    key = (record.key or b"").decode("ascii", "replace")
    if is_id(key):
        result.park(DirectoryId(key), record, "malformed event")
    else:
        result.skipped += 1


def _plan_event(result: Plan, record: kafka.Incoming, event: Envelope) -> None:
    now = result.progress.get(event.directory, Progress())
    match gate.judge(now.position, event.position):
        case Verdict.DROP:
            result.dropped += 1
        case Verdict.APPLY if not now.parked:
            result.progress[event.directory] = Progress(event.position)
            result.apply.append((record, event))
        case Verdict.APPLY | Verdict.STALL:
            expected = now.position.sequence + 1
            reason = now.parked or f"gap: {expected} expected, {event.position.sequence} found"
            result.park(event.directory, record, reason)


def directory_of(read: Read) -> DirectoryId | None:
    """Return the directory that a record belongs to, if it tells."""
    record, event = read
    if event:
        return event.directory
    key = (record.key or b"").decode("ascii", "replace")
    return DirectoryId(key) if is_id(key) else None


_OFFSETS = """
select topic, partition, next_offset from consumer_positions where topic = any($1::text[])
"""
_OPEN_OFFSET = """
insert into consumer_positions (topic, partition) values ($1, $2) on conflict do nothing
"""
_LOCK_OFFSET = """
select next_offset from consumer_positions where topic = $1 and partition = $2 for update
"""
_MOVE_OFFSET = """
update consumer_positions set next_offset = $3 where topic = $1 and partition = $2
"""
_LOCK_PROGRESS = """
select directory_id, generation, sequence, reason, state from directory_positions
where topic = $1 and directory_id = any($2::uuid[])
order by directory_id for update
"""
_SAVE_PROGRESS = """
insert into directory_positions (topic, directory_id, generation, sequence, state, reason)
select $1, * from unnest($2::uuid[], $3::integer[], $4::bigint[], $5::text[], $6::text[])
on conflict (topic, directory_id) do update set
  generation = excluded.generation, sequence = excluded.sequence,
  state = excluded.state, reason = excluded.reason
"""
_PARK = """
insert into parked_events (topic, partition, "offset", directory_id, record, reason)
select $1, $2, * from unnest($3::bigint[], $4::uuid[], $5::bytea[], $6::text[])
on conflict do nothing
"""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One consumer group over topics, by name; a handler runs inside its batch's transaction.

    `committed` is called after each commit that applied something, to wake a relay.
    """

    database: db.Database
    servers: str
    group: str
    handlers: Mapping[str, Apply]
    committed: Callable[[], None] = lambda: None

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until stopped. Raises ConsumerError, and Kafka's errors as they come."""
        async with kafka.subscriber(self.servers, self.group, list(self.handlers)) as subscriber:
            limit = asyncio.Semaphore(_PARALLEL_PARTITIONS)
            reached: dict[kafka.Place, int] = {}
            commit_at = 0.0
            while not stopping.is_set():
                await self._take_up(subscriber)
                batches = await subscriber.batches(wait_ms=_WAIT_MS, max_records=_MAX_RECORDS)
                async with asyncio.TaskGroup() as tasks:
                    for batch in batches:
                        tasks.create_task(self._consume(subscriber, batch, limit, reached))
                if reached and time.monotonic() >= commit_at:
                    await subscriber.commit(reached)
                    reached, commit_at = {}, time.monotonic() + _COMMIT_EVERY_S

    async def _take_up(self, subscriber: kafka.Subscriber) -> None:
        """Start new partitions where Postgres says, whatever offset Kafka remembers."""
        places = frozenset(subscriber.unplaced)
        if not places:
            return
        try:
            async with self.database.connection() as connection:
                rows = await connection.fetch(_OFFSETS, list(self.handlers))
        except Exception as error:
            if not db.is_transient(error):
                raise
            await _postpone(error)
            return
        stored = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        await _read_from(subscriber, {place: stored.get(place, 0) for place in places})

    async def _consume(
        self,
        subscriber: kafka.Subscriber,
        batch: kafka.Batch,
        limit: asyncio.Semaphore,
        reached: dict[kafka.Place, int],
    ) -> None:
        async with limit:
            try:
                next_offset = await self._transact(batch)
            except Exception as error:
                if not db.is_transient(error):
                    raise
                await _postpone(error)
                next_offset = batch.start
        if next_offset != batch.end:
            await _read_from(subscriber, {batch.place: next_offset})
        reached[batch.place] = next_offset

    async def _transact(self, batch: kafka.Batch) -> int:
        """Apply the batch and move the offset, if it is next; return the offset stored then."""
        started = time.monotonic()
        async with self.database.transaction() as tx:
            next_offset = await _lock_offset(tx, batch)
            if next_offset != batch.start:
                return next_offset
            result = await self._apply(tx, batch)
            await _save(tx, batch, result)
        self._report(batch, result, started)
        if result.apply:
            self.committed()
        return batch.end

    async def _apply(self, tx: db.Connection, batch: kafka.Batch) -> Plan:
        reads = [read(record) for record in batch.records]
        progress = await _lock_progress(tx, batch.topic, reads)
        result = plan(reads, progress)
        if not result.apply:
            return result
        apply = self.handlers[batch.topic]
        try:
            async with tx.transaction():
                await apply(tx, [event for _, event in result.apply])
        except Exception as error:
            if db.is_transient(error):
                raise
            # Something in the batch fails for good: find it, and let the rest through.
            return await _apply_one_by_one(tx, apply, reads, progress)
        return result

    def _report(self, batch: kafka.Batch, result: Plan, started: float) -> None:
        counts = {
            "applied": len(result.apply),
            "dropped": result.dropped,
            "parked": len(result.parked),
            "skipped": result.skipped,
        }
        for verdict, count in counts.items():
            telemetry.CONSUMED.labels(batch.topic, verdict).inc(count)
        _log.info(
            "consumer.batch_applied",
            topic=batch.topic,
            partition=batch.partition,
            next_offset=batch.end,
            events=counts.pop("applied"),
            duration_ms=round((time.monotonic() - started) * 1000, 1),
            **counts,
        )


async def _postpone(error: Exception) -> None:
    _log.warning("consumer.batch_postponed", error=type(error).__name__)
    await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311  # jitter, no secret


async def _read_from(subscriber: kafka.Subscriber, offsets: Mapping[kafka.Place, int]) -> None:
    bounds = await subscriber.log_bounds(offsets)
    for place, offset in offsets.items():
        start, end = bounds[place]
        if not start <= offset <= end:
            topic, partition = place
            raise LogTruncatedError(
                f"{topic}/{partition} holds offsets {start} to {end}, but {offset} is next; "
                "events are gone: rebuild from a snapshot"
            )
        subscriber.seek(place, offset)


async def _apply_one_by_one(
    tx: db.Connection,
    apply: Apply,
    reads: Sequence[Read],
    progress: Mapping[DirectoryId, Progress],
) -> Plan:
    """Apply each event in a savepoint of its own; park the directories of those that fail."""
    total = Plan(dict(progress))
    for one in reads:
        step = plan([one], total.progress)
        for record, event in step.apply:
            try:
                async with tx.transaction():
                    await apply(tx, [event])
            except Exception as error:
                if db.is_transient(error):
                    raise
                before = total.progress.get(event.directory, Progress())
                step.progress[event.directory] = before
                step.park(event.directory, record, type(error).__name__)
                _log.exception("consumer.event_failed", directory_id=event.directory)
            else:
                total.apply.append((record, event))
        total.progress = step.progress
        total.parked += step.parked
        total.dropped += step.dropped
        total.skipped += step.skipped
    return total


async def _lock_offset(tx: db.Connection, batch: kafka.Batch) -> int:
    await tx.execute(_OPEN_OFFSET, batch.topic, batch.partition)
    return int(await tx.fetchval(_LOCK_OFFSET, batch.topic, batch.partition))


async def _lock_progress(
    tx: db.Connection, topic: str, reads: Sequence[Read]
) -> dict[DirectoryId, Progress]:
    directories = {directory_of(one) for one in reads} - {None}
    rows = await tx.fetch(_LOCK_PROGRESS, topic, list(directories))
    return {
        DirectoryId(row["directory_id"]): Progress(
            Position(row["generation"], row["sequence"]),
            (row["reason"] or "parked") if row["state"] == "parked" else None,
        )
        for row in rows
    }


async def _save(tx: db.Connection, batch: kafka.Batch, result: Plan) -> None:
    for one in {parked.directory: parked for parked in result.parked}.values():
        telemetry.PARKED.labels(batch.topic).inc()
        _log.error(
            "consumer.directory_parked",
            directory_id=one.directory,
            topic=batch.topic,
            offset=one.record.offset,
            reason=one.reason,
        )
    if result.parked:
        await tx.execute(
            _PARK,
            batch.topic,
            batch.partition,
            [one.record.offset for one in result.parked],
            [one.directory for one in result.parked],
            [one.record.value for one in result.parked],
            [one.reason for one in result.parked],
        )
    directories = list(result.progress)
    states = [result.progress[directory] for directory in directories]
    await tx.execute(
        _SAVE_PROGRESS,
        batch.topic,
        directories,
        [state.position.generation for state in states],
        [state.position.sequence for state in states],
        ["parked" if state.parked else "live" for state in states],
        [state.parked for state in states],
    )
    await tx.execute(_MOVE_OFFSET, batch.topic, batch.partition, batch.end)
