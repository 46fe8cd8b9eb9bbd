"""Offsets, positions, records that wait, and copies of what parked: all SQL of a consumer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared import db, gate, kafka
from shared.consume.plan import GivenUp, Parked, Plan, Progress, State
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId

_OPEN_OFFSETS = """
insert into consumer_positions (topic, partition, next_offset)
select * from unnest($1::text[], $2::smallint[], $3::bigint[]) on conflict do nothing
"""
_OFFSETS = """
select topic, partition, next_offset from consumer_positions where topic = any($1::text[])
"""
_LOCK_OFFSETS = """
select p.partition, p.next_offset,
  array(select g."offset" from given_up_records as g
        where g.topic = $1 and g.partition = p.partition
          and g."offset" >= r.first and g."offset" < r.behind and g.heals) as healed,
  array(select g."offset" from given_up_records as g
        where g.topic = $1 and g.partition = p.partition
          and g."offset" >= r.first and g."offset" < r.behind and not g.heals) as left_out
from unnest($2::smallint[], $3::bigint[], $4::bigint[]) as r (partition, first, behind)
join consumer_positions as p on p.topic = $1 and p.partition = r.partition
order by p.partition for update of p
"""
_GIVE_UP = """
insert into given_up_records (topic, partition, "offset", directory_id, heals)
values ($1, $2, $3, $4, $5) on conflict do nothing
"""
_MOVE_OFFSET = """
update consumer_positions set next_offset = $3 where topic = $1 and partition = $2
"""
_STALL_ALL = """
update directory_positions
set state = 'stalled', reason = $2, since = now(), asked_at = null,
    awaits_generation = null, awaits_sequence = null
where topic = $1 and state <> 'parked'
"""
_LOCK_PROGRESS = """
select directory_id, generation, sequence, state, reason, awaits_generation, awaits_sequence
from directory_positions
where topic = $1 and directory_id = any($2::uuid[])
order by directory_id for update
"""
_POSITION = """
select generation, sequence from directory_positions where topic = $1 and directory_id = $2
"""
_PUT_PROGRESS = """
insert into directory_positions as p (topic, directory_id, generation, sequence, state, reason,
                                      awaits_generation, awaits_sequence, since)
select $1, s.*, case when s.state <> 'live' then now() end
from unnest($2::uuid[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::integer[],
            $8::bigint[])
  as s (directory_id, generation, sequence, state, reason, awaits_generation, awaits_sequence)
on conflict (topic, directory_id) do update set
  generation = excluded.generation, sequence = excluded.sequence,
  state = excluded.state, reason = excluded.reason, seen_at = now(),
  since = case when excluded.since is not null then coalesce(p.since, excluded.since) end,
  awaits_generation = excluded.awaits_generation, awaits_sequence = excluded.awaits_sequence
"""
_MOVE_ON = f"""
with moved as (
  update consumer_positions as c set next_offset = r.behind
  from unnest($9::smallint[], $10::bigint[]) as r (partition, behind)
  where c.topic = $1 and c.partition = r.partition)
{_PUT_PROGRESS.strip()}
"""
_KEEP = """
insert into parked_events (topic, partition, "offset", directory_id, record, reason)
select $1, $2, * from unnest($3::bigint[], $4::uuid[], $5::bytea[], $6::text[])
on conflict do nothing
"""
_COPY = """
insert into dead_letters (topic, partition, "offset", directory_id, record, reason, attempt)
select topic, partition, "offset", directory_id, record, reason, attempts from parked_events
where topic = $1 and partition = $2 and "offset" = any($3::bigint[])
order by "offset"
"""
_SUPERSEDE = """
delete from parked_events using unnest($2::uuid[], $3::bigint[]) as r (directory_id, "offset")
where topic = $1 and parked_events.directory_id = r.directory_id
  and parked_events."offset" < r."offset"
"""
# Whoever parks something counts alone: partitions that counted at once would each find room.
_COUNT_ALONE = """
select pg_advisory_xact_lock(hashtext('parking'), hashtext(current_schema()))
"""
# Seen lately, so that what is quiet for months does not hide that most of today's is wrong.
_LATELY = """
select count(*) filter (where state = 'parked' and since > now() - interval '5 min') as parked,
       count(*) as seen
from directory_positions where topic = $1 and seen_at > now() - interval '5 min'
"""
_WAITING = """
select partition, "offset", record, attempts from parked_events
where topic = $1 and directory_id = $2 order by "offset" limit $3
"""
_COUNT_WAITING = "select count(*) from parked_events where topic = $1 and directory_id = $2"
_FORGET = """
delete from parked_events where topic = $1 and partition = $2 and "offset" = any($3::bigint[])
"""
_TRIED = """
update parked_events as p set reason = t.reason, attempts = p.attempts + 1
from unnest($3::bigint[], $4::text[]) as t ("offset", reason)
where p.topic = $1 and p.partition = $2 and p."offset" = t."offset"
"""
_STOPPED = """
select p.topic, p.directory_id, p.generation, p.sequence, p.state, p.reason, p.since,
  (select count(*) from parked_events as e
   where e.topic = p.topic and e.directory_id = p.directory_id) as waiting
from directory_positions as p
where p.state <> 'live' and ($1::uuid is null or p.directory_id = $1)
order by p.since, p.topic, p.directory_id limit 1000
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that waits, and how often it was tried."""

    partition: int
    record: kafka.Incoming
    attempts: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """A directory of which nothing is applied at the moment."""

    topic: str
    directory: DirectoryId
    progress: Progress
    since: datetime
    waiting: int


async def open_offsets(
    connection: db.Connection, starts: Mapping[kafka.Place, int]
) -> dict[kafka.Place, int]:
    """Return the next offset of each partition; `starts` are theirs who were never read."""
    topics, partitions = [place[0] for place in starts], [place[1] for place in starts]
    await connection.execute(_OPEN_OFFSETS, topics, partitions, list(starts.values()))
    return await offsets(connection, topics)


async def offsets(connection: db.Connection, topics: Sequence[str]) -> dict[kafka.Place, int]:
    """Return the next offset of each partition that was ever read."""
    rows = await connection.fetch(_OFFSETS, topics)
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def move_offset(tx: db.Connection, place: kafka.Place, offset: int) -> None:
    """Read a partition from the offset on."""
    await tx.execute(_MOVE_OFFSET, *place, offset)


async def stall_all(tx: db.Connection, topic: str, reason: str) -> None:
    """Stall each directory until a snapshot opens; what is parked waits for somebody first."""
    await tx.execute(_STALL_ALL, topic, reason)


async def lock_offsets(
    tx: db.Connection, batches: Sequence[kafka.Batch]
) -> dict[kafka.Place, tuple[int, GivenUp]]:
    """Return the next offset of partitions of a topic, locked until commit, and what was given up.

    In order of their numbers, so that two processes that were given the same never block each
    other.
    """
    topic = batches[0].topic
    rows = await tx.fetch(
        _LOCK_OFFSETS,
        topic,
        [one.partition for one in batches],
        [one.start for one in batches],
        [one.end for one in batches],
    )
    return {
        (topic, row["partition"]): (
            row["next_offset"],
            dict.fromkeys(row["healed"], True) | dict.fromkeys(row["left_out"], False),
        )
        for row in rows
    }


async def lock_progress(
    tx: db.Connection, topic: str, directories: Iterable[DirectoryId]
) -> dict[DirectoryId, Progress]:
    """Return how far directories are, locked until commit; none for those never seen."""
    rows = await tx.fetch(_LOCK_PROGRESS, topic, list(directories))
    return {DirectoryId(row["directory_id"]): _progress(row) for row in rows}


def _progress(row: db.Record) -> Progress:
    generation = row["awaits_generation"]
    return Progress(
        Position(row["generation"], row["sequence"]),
        State(row["state"]),
        row["reason"],
        generation and Position(generation, row["awaits_sequence"]),
    )


async def save(tx: db.Connection, steps: Sequence[tuple[kafka.Batch, Plan]]) -> None:
    """Store what batches of a topic came to, in order, and that the next ones start behind."""
    for batch, one in steps:
        await keep(tx, batch.place, one.parked)
        await _supersede(tx, batch.topic, one)
    batches, last = [batch for batch, _ in steps], steps[-1][1]
    partitions, ends = [one.partition for one in batches], [one.end for one in batches]
    await tx.execute(_MOVE_ON, batches[0].topic, *_columns(last.progress), partitions, ends)


async def keep(tx: db.Connection, place: kafka.Place, parked: Sequence[Parked]) -> None:
    """Keep records that wait; those that stopped their directory are also copied."""
    if not parked:
        return
    await tx.execute(
        _KEEP,
        *place,
        [one.record.offset for one in parked],
        [one.directory for one in parked],
        [one.record.value for one in parked],
        [one.reason for one in parked],
    )
    await tx.execute(_COPY, *place, [one.record.offset for one in parked if one.is_culprit])


async def _supersede(tx: db.Connection, topic: str, plan: Plan) -> None:
    if plan.resumed:
        await tx.execute(_SUPERSEDE, topic, list(plan.resumed), list(plan.resumed.values()))


async def save_progress(tx: db.Connection, topic: str, plan: Plan) -> None:
    """Store how far each directory of a plan is."""
    await tx.execute(_PUT_PROGRESS, topic, *_columns(plan.progress))


def _columns(progress: Mapping[DirectoryId, Progress]) -> tuple[list[object], ...]:
    states = list(progress.values())
    awaits = [state.awaits for state in states]
    return (
        list(progress),
        [state.position.generation for state in states],
        [state.position.sequence for state in states],
        [state.state for state in states],
        [state.reason for state in states],
        [one and one.generation for one in awaits],
        [one and one.sequence for one in awaits],
    )


async def position(connection: db.Connection, topic: str, directory: DirectoryId) -> Position:
    """Return how far a directory was applied; the start for one that was never heard of."""
    row = await connection.fetchrow(_POSITION, topic, directory)
    return Position(row["generation"], row["sequence"]) if row else gate.START


async def lately(tx: db.Connection, topic: str) -> tuple[int, int]:
    """Return how many directories parked within 5 minutes, and of how many something came.

    Until commit nobody else gets an answer.
    """
    await tx.execute(_COUNT_ALONE)
    row = await tx.fetchrow(_LATELY, topic)
    return row["parked"], row["seen"]


async def waiting(
    tx: db.Connection, topic: str, directory: DirectoryId, limit: int
) -> list[Waiting]:
    """Return the records of a directory that wait first, in order."""
    return [
        Waiting(
            row["partition"],
            kafka.Incoming(row["offset"], directory.encode(), row["record"]),
            row["attempts"],
        )
        for row in await tx.fetch(_WAITING, topic, directory, limit)
    ]


async def count_waiting(connection: db.Connection, topic: str, directory: DirectoryId) -> int:
    """Return how many records of a directory wait."""
    return int(await connection.fetchval(_COUNT_WAITING, topic, directory))


async def settle(
    tx: db.Connection, place: kafka.Place, tried: Sequence[Waiting], plan: Plan
) -> None:
    """Forget the records that were tried and need wait no longer; copy what failed again."""
    kept = {one.record.offset for one in plan.parked}
    gone = [one.record.offset for one in tried if one.record.offset not in kept]
    await tx.execute(_FORGET, *place, gone)
    await _supersede(tx, place[0], plan)
    again = [one for one in plan.parked if one.is_culprit]
    offsets = [one.record.offset for one in again]
    await tx.execute(_TRIED, *place, offsets, [one.reason for one in again])
    await tx.execute(_COPY, *place, offsets)


async def give_up(
    tx: db.Connection, topic: str, directory: DirectoryId, one: Waiting, *, heals: bool
) -> None:
    """Forget a record that waits, for good."""
    place = (topic, one.partition)
    await tx.execute(_FORGET, *place, [one.record.offset])
    await tx.execute(_GIVE_UP, *place, one.record.offset, directory, heals)


async def stopped(connection: db.Connection, directory: DirectoryId | None) -> list[Stopped]:
    """Return the directories that are stopped, or what of this one is; 1000 at most."""
    return [
        Stopped(
            row["topic"],
            DirectoryId(row["directory_id"]),
            Progress(
                Position(row["generation"], row["sequence"]), State(row["state"]), row["reason"]
            ),
            row["since"],
            row["waiting"],
        )
        for row in await connection.fetch(_STOPPED, directory)
    ]
