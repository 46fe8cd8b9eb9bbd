"""The consumer: what has arrived of several partitions, in one transaction (ADR 0005, 0029).

A batch that does not start at the stored offset is dropped and the partition is read from there.
What fails for a deterministic reason parks its directory, in order; the others go on.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
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
_AT_ONCE = 2  # while Postgres works on one, another is decoded; what arrives meanwhile is the next
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
    servers: kafka.Servers
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
                batches = await self._arrived(subscriber, busy)
                await watchdog.look(subscriber, is_fed=bool(batches or busy))
                for some in _by_topic(batches):
                    work = tasks.create_task(self._consume(subscriber, some, reached))
                    busy |= dict.fromkeys((one.place for one in some), work)
                await _until_free(busy)
                if reached and time.monotonic() >= commit_at:
                    await subscriber.commit(reached)
                    reached.clear()
                    commit_at = time.monotonic() + _COMMIT_EVERY_S

    async def _arrived(
        self, subscriber: kafka.Subscriber, busy: Mapping[kafka.Place, asyncio.Task[None]]
    ) -> list[kafka.Batch]:
        """Wait for records of partitions that are not busy; none once one of those is done."""
        fetch = asyncio.ensure_future(
            subscriber.batches(wait_ms=_WAIT_MS, max_records=self.max_records, but=busy)
        )
        try:
            await asyncio.wait({fetch, *busy.values()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            fetch.cancel()  # what it has not returned it has not taken out either
        [found] = await asyncio.gather(fetch, return_exceptions=True)
        if isinstance(found, asyncio.CancelledError):
            return []
        if isinstance(found, BaseException):
            raise found
        return found

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
        batches: Sequence[kafka.Batch],
        reached: dict[kafka.Place, int],
    ) -> None:
        try:
            stored = await self._transact(batches)
        except Exception as error:
            if not db.is_transient(error):
                raise
            await _postpone(error)
            stored = {one.place: one.start for one in batches}
        elsewhere = {one.place for one in batches if stored[one.place] != one.end}
        if elsewhere:
            await _read_from(subscriber, {place: stored[place] for place in elsewhere})
        reached |= stored

    async def _transact(self, batches: Sequence[kafka.Batch]) -> dict[kafka.Place, int]:
        """Apply the batches that are next, move their offsets; return the offsets stored then."""
        with suppress(applying.FailedForGoodError):
            return await self._attempt(batches, applying.whole)
        return await self._attempt(batches, applying.one_by_one)

    async def _attempt(
        self, batches: Sequence[kafka.Batch], way: applying.Way
    ) -> dict[kafka.Place, int]:
        started, topic = time.monotonic(), batches[0].topic
        async with self.database.transaction() as tx:
            found = await store.lock_offsets(tx, batches)
            stored = {place: next_offset for place, (next_offset, _) in found.items()}
            due = [one for one in batches if one.start == stored[one.place]]
            if not due:
                return stored
            parts = [([*map(plan.read, one.records)], found[one.place][1]) for one in due]
            before = await store.lock_progress(tx, topic, _directories(parts))
            plans = await way(tx, self.handler(topic), parts, before)
            steps = list(zip(due, plans, strict=True))
            await store.save(tx, steps)
            stopped = _newly_stopped(before, plans[-1])
            await _refuse_mass_parking(tx, topic, stopped)
        _report_stopped(topic, stopped)
        if any(one.apply for one in plans):
            self.committed()
        for batch, one in steps:
            _report(batch, one, started)
        self._observe(topic, plans)
        return stored | {one.place: one.end for one in due}

    def _observe(self, topic: str, plans: Iterable[Plan]) -> None:
        """Count how old the events were when what they led to was committed."""
        now, age = datetime.now(UTC), telemetry.APPLIED_AGE.labels(self.group, topic)
        for _, event in (each for one in plans for each in one.apply):
            age.observe((now - event.time).total_seconds())


def _by_topic(batches: Iterable[kafka.Batch]) -> list[list[kafka.Batch]]:
    topics: dict[str, list[kafka.Batch]] = {}
    for one in batches:
        topics.setdefault(one.topic, []).append(one)
    return list(topics.values())


def _directories(parts: Iterable[applying.Part]) -> set[DirectoryId]:
    found = (plan.directory_of(one) for reads, _ in parts for one in reads)
    return {directory for directory in found if directory}


async def _until_free(busy: dict[kafka.Place, asyncio.Task[None]]) -> None:
    """Forget the partitions whose work is done; wait for one if all hands are full."""
    if len(set(busy.values())) >= _AT_ONCE:
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


def _report_stopped(topic: str, stopped: Mapping[DirectoryId, Progress]) -> None:
    for directory, now in stopped.items():
        telemetry.STOPPED.labels(topic, now.state).inc()
        _log.error(
            "consumer.directory_stopped",
            directory_id=directory,
            topic=topic,
            status=now.state,
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
