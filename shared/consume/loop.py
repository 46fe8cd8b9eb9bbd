"""The consumer: batch after batch of each partition, each one transaction (ADR 0005).

A batch that does not start at the stored offset is dropped and the partition is read from there.
What fails for a deterministic reason parks its directory, in order; the others go on.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from shared import db, kafka, telemetry
from shared.consume import applying, plan, store
from shared.consume.applying import Apply
from shared.consume.plan import Plan, Progress, State
from shared.contracts.ids import DirectoryId
from shared.tracing import events as traced

_log = structlog.get_logger(__name__)
_WAIT_MS = 250
_PARALLEL_PARTITIONS = 4
_COMMIT_EVERY_S = 1.0
_WATCH_EVERY_S = 30.0
_FEW = 5
_SHARE = 0.05


class ConsumerError(Exception):
    """Base: the consumer cannot go on; the process ends and a person looks."""


class LogTruncatedError(ConsumerError):
    """The log does not hold the stored offset: events are gone, what is stored must be rebuilt."""


class MassParkingError(ConsumerError):
    """Many directories park at once: it is this version that is wrong, not their events."""


class NothingFetchedError(ConsumerError):
    """The client fetches nothing though the log goes on: a new process gets a new client."""


@dataclass(slots=True)
class _Watchdog:
    """Looks whether the log goes on while nothing is fetched; seen twice, it ends the consumer."""

    looked_at: float = field(default_factory=time.monotonic)
    is_suspicious: bool = False

    async def look(self, subscriber: kafka.Subscriber, *, is_fed: bool) -> None:
        """Raise NothingFetchedError when the log was ahead the last two times."""
        now = time.monotonic()
        if is_fed:
            self.looked_at, self.is_suspicious = now, False
        elif now - self.looked_at >= _WATCH_EVERY_S:
            is_behind = await subscriber.is_behind()
            if is_behind and self.is_suspicious:
                raise NothingFetchedError(
                    f"Kafka has records for us, and for {_WATCH_EVERY_S:.0f} s none arrived"
                )
            self.looked_at, self.is_suspicious = now, is_behind


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
    max_records: int = 1000

    def handler(self, topic: str) -> Apply:
        """Return what applies the events of a topic, as part of the traces that they belong to."""
        return traced.followed(self.handlers[topic], self.group, topic)

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until stopped. Raises a group: ConsumerError, or Kafka's errors as they come."""
        for topic in self.handlers:
            # Counted from 0 on: to Prometheus, what appears with its first count is no increase.
            telemetry.APPLIED_AGE.labels(self.group, topic)
        limit = asyncio.Semaphore(_PARALLEL_PARTITIONS)
        busy: dict[kafka.Place, asyncio.Task[None]] = {}
        reached: dict[kafka.Place, int] = {}
        commit_at = 0.0
        watchdog = _Watchdog()
        async with (
            kafka.subscriber(self.servers, self.group, list(self.handlers)) as subscriber,
            asyncio.TaskGroup() as tasks,
        ):
            while not stopping.is_set():
                await self._take_up(subscriber)
                # While Postgres works on one partition, another is read and decoded.
                batches = await subscriber.batches(
                    wait_ms=0 if busy else _WAIT_MS, max_records=self.max_records, but=busy
                )
                await watchdog.look(subscriber, is_fed=bool(batches or busy))
                for batch in batches:
                    work = self._consume(subscriber, batch, limit, reached)
                    busy[batch.place] = tasks.create_task(work)
                await _until_free(busy, is_full=not batches or len(busy) >= _PARALLEL_PARTITIONS)
                if reached and time.monotonic() >= commit_at:
                    await subscriber.commit(reached)
                    reached.clear()
                    commit_at = time.monotonic() + _COMMIT_EVERY_S

    async def _take_up(self, subscriber: kafka.Subscriber) -> None:
        """Start new partitions where Postgres says, whatever offset Kafka remembers.

        Who never read a partition starts where its log does: nothing is lost by that, and the
        directories whose beginning is gone stall until a snapshot opens.
        """
        places = frozenset(subscriber.unplaced)
        if not places:
            return
        bounds = await subscriber.log_bounds(places)
        starts = {place: start for place, (start, _) in bounds.items()}
        try:
            async with self.database.connection() as connection:
                stored = await store.open_offsets(connection, starts)
        except Exception as error:
            if not db.is_transient(error):
                raise
            await _postpone(error)
            return
        await _read_from(subscriber, {place: stored[place] for place in places})

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
            next_offset, given_up = await store.lock_offset(tx, batch)
            if next_offset != batch.start:
                return next_offset
            reads = [plan.read(record) for record in batch.records]
            directories = {found for one in reads if (found := plan.directory_of(one))}
            before = await store.lock_progress(tx, batch.topic, directories)
            handler = self.handler(batch.topic)
            result = await applying.apply(tx, handler, reads, before, given_up)
            await store.save(tx, batch, result)
            stopped = _newly_stopped(before, result)
            await _refuse_mass_parking(tx, batch.topic, stopped)
        _report_stopped(batch, stopped)
        if result.apply:
            self.committed()
        _report(batch, result, started)
        self._observe(batch.topic, result)
        return batch.end

    def _observe(self, topic: str, result: Plan) -> None:
        """Count how old the events were when what they led to was committed."""
        now, age = datetime.now(UTC), telemetry.APPLIED_AGE.labels(self.group, topic)
        for _, event in result.apply:
            age.observe((now - event.time).total_seconds())


async def _until_free(busy: dict[kafka.Place, asyncio.Task[None]], *, is_full: bool) -> None:
    """Forget the partitions whose batch is done; wait for one of them if all hands are full."""
    if busy and is_full:
        await asyncio.wait(busy.values(), return_when=asyncio.FIRST_COMPLETED)
    for place in [place for place, task in busy.items() if task.done()]:
        del busy[place]


def _newly_stopped(
    before: Mapping[DirectoryId, Progress], result: Plan
) -> dict[DirectoryId, Progress]:
    return {
        directory: now
        for directory, now in result.progress.items()
        if now.state is not State.LIVE and now.state is not before.get(directory, Progress()).state
    }


async def _refuse_mass_parking(
    tx: db.Connection, topic: str, stopped: Mapping[DirectoryId, Progress]
) -> None:
    """Leave the batch unapplied rather than park most of what there is. Raises MassParkingError."""
    if not any(one.state is State.PARKED for one in stopped.values()):
        return
    parked, seen = await store.lately(tx, topic)
    if parked > max(_FEW, _SHARE * seen):
        reasons = ", ".join(sorted({one.reason or "" for one in stopped.values()}))
        raise MassParkingError(
            f"{parked} of {seen} directories would be parked within 5 minutes ({reasons}); "
            "this version is likely wrong: run the one before, or mend it"
        )


def _report_stopped(batch: kafka.Batch, stopped: Mapping[DirectoryId, Progress]) -> None:
    for directory, now in stopped.items():
        telemetry.STOPPED.labels(batch.topic, now.state).inc()
        _log.error(
            "consumer.directory_stopped",
            directory_id=directory,
            topic=batch.topic,
            status=now.state,
            offset=batch.start,
            sequence=now.position.sequence,
            reason=now.reason,
        )


def _report(batch: kafka.Batch, result: Plan, started: float) -> None:
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
