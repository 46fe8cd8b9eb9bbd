"""The relay: publishes outbox rows lane by lane, and deletes exactly the acknowledged ones."""

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from shared import db, kafka
from shared.contracts import envelope
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId
from shared.outbox.leases import Leases

_log = structlog.get_logger(__name__)
_ROWS_PER_LANE = 200
_IDLE_S = 0.2
_LEASE_CARE_S = 1.0


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


_PENDING = """
select l.lane, o.id, o.topic, o.key, o.directory_id, o.generation, o.sequence, o.tail,
       o.created_at, p.generation as published_generation, p.sequence as published_sequence
from unnest($1::smallint[]) as l (lane)
cross join lateral (
  select * from outbox where outbox.lane = l.lane order by outbox.id limit $2) as o
left join relay_positions as p on p.directory_id = o.directory_id
order by l.lane, o.id
"""
# Exact ids, not `id <= max`: a row committed meanwhile must not vanish unsent.
_DELETE = """
delete from outbox where (lane, id) in (select * from unnest($1::smallint[], $2::bigint[]))
"""
_MOVE = """
insert into relay_positions (directory_id, generation, sequence)
select * from unnest($1::uuid[], $2::integer[], $3::bigint[])
on conflict (directory_id) do update
  set generation = excluded.generation, sequence = excluded.sequence
"""


@dataclass(slots=True)
class Relay:
    """Publishes the lanes it holds leases on. `scope` is the middle of event ids (`roles`)."""

    database: db.Database
    servers: str
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
        await self._settle(rows, reached)
        return True

    async def _pending(self) -> list[_Row]:
        async with self.database.connection() as connection:
            found = await connection.fetch(_PENDING, list(self._leases.lanes), _ROWS_PER_LANE)
        return [_row(record) for record in found]

    async def _publish(self, publisher: kafka.Publisher, rows: Iterable[_Row]) -> None:
        lanes: dict[int, list[kafka.Outgoing]] = {}
        for row in rows:
            lanes.setdefault(row.lane, []).append(self._record(row))
        try:
            async with asyncio.TaskGroup() as group:
                for lane, records in lanes.items():
                    group.create_task(publisher.publish(lane, records))
        except* kafka.PublishError as errors:
            raise kafka.PublishError("a lane was not acknowledged") from errors

    async def _settle(self, rows: Sequence[_Row], reached: dict[DirectoryId, Position]) -> None:
        async with self.database.transaction() as tx:
            await self._leases.renew(tx)
            # A lane lost meanwhile is published again by its new owner: only repeats.
            ours = [row for row in rows if row.lane in self._leases.lanes]
            moved = {row.directory: reached[row.directory] for row in ours}
            await tx.execute(_DELETE, [row.lane for row in ours], [row.id for row in ours])
            await tx.execute(
                _MOVE,
                list(moved),
                [position.generation for position in moved.values()],
                [position.sequence for position in moved.values()],
            )
        oldest = datetime.now(UTC) - min(row.created_at for row in rows)
        _log.info(
            "relay.batch_published",
            events=len(ours),
            repeated=len(rows) - len(ours),
            oldest_ms=round(oldest.total_seconds() * 1000),
        )

    def _record(self, row: _Row) -> kafka.Outgoing:
        value = row.tail and envelope.head(row.directory, row.position, self.scope) + row.tail
        return kafka.Outgoing(row.topic, row.key.encode(), value)


def _continue(rows: Iterable[_Row]) -> dict[DirectoryId, Position]:
    """Check that each directory goes on without a hole; return where it gets to."""
    reached: dict[DirectoryId, Position] = {}
    for row in rows:
        last = reached.get(row.directory, row.published)
        if last and row.position not in _successors(last):
            raise BrokenOrderError(f"directory {row.directory}: {row.position} after {last}")
        reached[row.directory] = row.position
    return reached


def _successors(last: Position) -> tuple[Position, ...]:
    # The same position again is an unnumbered entry; a new generation starts at 1.
    return (
        last,
        Position(last.generation, last.sequence + 1),
        Position(last.generation + 1, 1),
    )


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
