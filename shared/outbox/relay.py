"""The relay: publishes outbox rows lane by lane, and deletes exactly the acknowledged ones."""

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import structlog

from shared import db, kafka, telemetry
from shared.contracts import envelope
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import ROLE_STATE
from shared.outbox import leases
from shared.outbox.leases import Leases
from shared.tracing import events as traced

_log = structlog.get_logger(__name__)
_ROWS_PER_LANE = 200
_IDLE_S = 0.2
_LEASE_CARE_S = 1.0


class _Topical(Protocol):
    """What goes to a topic."""

    @property
    def topic(self) -> str: ...


_OnTopic = TypeVar("_OnTopic", bound=_Topical)


class BrokenOrderError(Exception):
    """The outbox continues a directory with a hole: a broken invariant, never to be published."""


@dataclass(frozen=True, slots=True)
class _Row:
    lane: int
    id: int
    topic: str
    key: str
    directory: DirectoryId
    position: Position
    published: Position | None
    tail: bytes | None
    created_at: datetime


# From one lane that has rows to the next: most lanes are empty most of the time.
_PENDING = """
with recursive full_lanes (lane) as (
  (select lane from outbox order by lane limit 1)
  union all
  select (select lane from outbox where outbox.lane > full_lanes.lane order by lane limit 1)
  from full_lanes where full_lanes.lane is not null)
select l.lane, o.id, o.topic, o.key, o.directory_id, o.generation, o.sequence, o.tail,
       o.created_at, p.generation as published_generation, p.sequence as published_sequence
from full_lanes as l
cross join lateral (
  select * from outbox where outbox.lane = l.lane order by outbox.id limit $2) as o
left join relay_positions as p on p.directory_id = o.directory_id
where l.lane = any($1::smallint[])
order by l.lane, o.id
"""
# One statement, so that who lost a lane deletes nothing from it: only rows under a lease of ours.
# Exact ids, not `id <= max`: a row committed meanwhile must not vanish unsent.
_SETTLE = f"""
with held as ({leases.RENEW}),
sent as (
  delete from outbox using held, unnest($4::smallint[], $5::bigint[]) as s (lane, id)
  where outbox.lane = held.lane and outbox.lane = s.lane and outbox.id = s.id
  returning outbox.lane),
moved as (
  insert into relay_positions (directory_id, generation, sequence)
  select r.directory_id, r.generation, r.sequence
  from unnest($6::smallint[], $7::uuid[], $8::integer[], $9::bigint[])
    as r (lane, directory_id, generation, sequence)
  where r.lane in (select lane from held)
  on conflict (directory_id) do update
    set generation = excluded.generation, sequence = excluded.sequence)
select held.lane, (select count(*) from sent where sent.lane = held.lane) as events from held
"""


@dataclass(slots=True)
class Relay:
    """Publishes the lanes it holds leases on. `scope` is the middle of event ids (`roles`)."""

    database: db.Database
    servers: kafka.Servers
    client_id: str
    scope: str = ""
    _leases: Leases = field(default_factory=lambda: Leases(str(uuid.uuid4())))
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Say that something was committed; without it the relay looks every 200 ms."""
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until stopped and drained; wait out Kafka or Postgres being away.

        Ends with an error when order is broken or a client cannot even be stopped: then the
        process must end, and its supervisor starts it afresh.
        """
        while not stopping.is_set():
            try:
                async with kafka.publisher(self.servers, self.client_id) as publisher:
                    await self._serve(publisher, stopping)
            except (kafka.PublishError, kafka.KafkaUnavailableError) as error:
                _log.warning("relay.publisher_replaced", error=type(error).__name__)
            except Exception as error:
                if not db.is_transient(error):
                    raise
                _log.warning("relay.database_awaited", error=type(error).__name__)
                await asyncio.sleep(_LEASE_CARE_S)

    async def _serve(self, publisher: kafka.Publisher, stopping: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        care_at = loop.time()
        async with self.database.transaction() as tx:
            await self._leases.seed(tx)
        while not stopping.is_set():
            if loop.time() >= care_at:
                async with self.database.transaction() as tx:
                    await self._leases.care(tx)
                care_at = loop.time() + _LEASE_CARE_S
            if not await self._publish_pending(publisher):
                await self._idle()
        await self._publish_pending(publisher)
        async with self.database.transaction() as tx:
            await self._leases.leave(tx)

    async def _idle(self) -> None:
        try:
            async with asyncio.timeout(_IDLE_S):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def _publish_pending(self, publisher: kafka.Publisher) -> bool:
        rows = await self._pending()
        if not rows:
            return False
        reached = _continue(rows)
        await self._publish(publisher, rows)
        _observe(rows)
        await self._settle(rows, reached)
        return True

    async def _pending(self) -> list[_Row]:
        async with self.database.connection() as connection:
            found = await connection.fetch(_PENDING, list(self._leases.lanes), _ROWS_PER_LANE)
        return [_row(record) for record in found]

    async def _publish(self, publisher: kafka.Publisher, rows: Iterable[_Row]) -> None:
        lanes: dict[int, list[kafka.Outgoing]] = {}
        for row in states_first(rows):
            lanes.setdefault(row.lane, []).append(self._record(row))
        try:
            async with asyncio.TaskGroup() as group:
                for lane, records in lanes.items():
                    group.create_task(publisher.publish(lane, records))
        except* kafka.PublishError as errors:
            raise kafka.PublishError("a lane was not acknowledged") from errors

    async def _settle(self, rows: Sequence[_Row], reached: dict[DirectoryId, Position]) -> None:
        lanes = {row.directory: row.lane for row in rows}
        claimed = set(lanes.values())
        async with self.database.connection() as connection:
            held = await connection.fetch(
                _SETTLE,
                *self._leases.claims(claimed),
                [row.lane for row in rows],
                [row.id for row in rows],
                [lanes[directory] for directory in reached],
                list(reached),
                [position.generation for position in reached.values()],
                [position.sequence for position in reached.values()],
            )
        # A lane lost meanwhile is published again by its new owner: only repeats.
        self._leases.keep(claimed, [row["lane"] for row in held])
        settled = sum(row["events"] for row in held)
        oldest = datetime.now(UTC) - min(row.created_at for row in rows)
        telemetry.PUBLISHED.inc(settled)
        telemetry.OUTBOX_AGE.set(oldest.total_seconds())
        _log.info(
            "relay.batch_published",
            events=settled,
            repeated=len(rows) - settled,
            oldest_ms=round(oldest.total_seconds() * 1000),
        )

    def _record(self, row: _Row) -> kafka.Outgoing:
        value = row.tail and envelope.head(row.directory, row.position, self.scope) + row.tail
        return kafka.Outgoing(row.topic, row.key.encode(), value)


def states_first(rows: Iterable[_OnTopic]) -> list[_OnTopic]:
    """Return the rows of a batch as they are published: compacted state before events (ADR 0021).

    The topics of a batch are published one after the other, each in order.
    """
    return sorted(rows, key=lambda row: row.topic != ROLE_STATE.name)


def _observe(rows: Iterable[_Row]) -> None:
    """Count how long it took until Kafka had the rows, by topic."""
    now = datetime.now(UTC)
    for row in rows:
        waited = (now - row.created_at).total_seconds()
        telemetry.OUTBOX_WAIT.labels(row.topic).observe(waited)
        changed_at = envelope.time_of(row.tail or b"")
        if changed_at:
            age = (now - changed_at).total_seconds()
            telemetry.PUBLISHED_AGE.labels(row.topic).observe(age)
        traced.published(row.topic, row.directory, row.tail or b"", row.created_at)


def _continue(rows: Iterable[_Row]) -> dict[DirectoryId, Position]:
    """Check that each directory goes on without a hole; return where it gets to."""
    reached: dict[DirectoryId, Position] = {}
    for row in rows:
        last = reached.get(row.directory, row.published)
        if last and not _follows(last, row.position):
            raise BrokenOrderError(f"directory {row.directory}: {row.position} after {last}")
        reached[row.directory] = row.position
    return reached


def _follows(last: Position, position: Position) -> bool:
    # The same position again is an unnumbered entry; a new generation starts at 1.
    if position.generation > last.generation:
        return position.sequence == 1
    return position in {last, Position(last.generation, last.sequence + 1)}


def _row(record: db.Record) -> _Row:
    generation = record["published_generation"]
    return _Row(
        lane=record["lane"],
        id=record["id"],
        topic=record["topic"],
        key=record["key"],
        directory=DirectoryId(record["directory_id"]),
        position=Position(record["generation"], record["sequence"]),
        published=generation and Position(generation, record["published_sequence"]),
        tail=record["tail"],
        created_at=record["created_at"],
    )
