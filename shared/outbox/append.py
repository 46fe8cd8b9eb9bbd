"""Appending: one statement draws the sequence numbers and stores the events.

Where no decision depends on stored state, the same statement stores the state as well.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared import db
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId

MAX_EVENT_BYTES = 900 * 1024


class EventTooLargeError(Exception):
    """An event is larger than Kafka takes; it must be refused before it blocks its lane."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to publish: the tail of an envelope, or None to delete the key.

    `numbered` entries draw the next sequence; others repeat the last one (compacted state).
    """

    topic: str
    key: str
    tail: bytes | None
    numbered: bool = True


_OPEN_HISTORY = """
insert into directory_sequences (directory_id, lane) values ($1, $2)
on conflict (directory_id) do nothing
"""
_HOLD = "select 1 from directory_sequences where directory_id = $1 for update"
_HOLDS_MORE = "select count(*) > $1::bigint from (select from outbox limit $1::bigint + 1) as found"
_APPEND = """
{before}drawn as (
  update directory_sequences set sequence = sequence + ${0} where directory_id = $1{condition}
  returning lane, generation, sequence - ${0} as base)
insert into outbox (lane, topic, key, directory_id, generation, sequence, tail)
select drawn.lane, e.topic, e.key, $1, drawn.generation, drawn.base + e.step, e.tail
from drawn, unnest(${1}::text[], ${2}::text[], ${3}::bigint[], ${4}::bytea[])
  with ordinality as e (topic, key, step, tail, n)
order by e.n
returning generation, sequence
"""
_APPEND_ALL = """
with drawn as (
  update directory_sequences as s set sequence = s.sequence + w.count
  from unnest($1::uuid[], $2::bigint[]) as w (directory_id, count)
  where s.directory_id = w.directory_id
  returning s.directory_id, s.lane, s.generation, s.sequence - w.count as base)
insert into outbox (lane, topic, key, directory_id, generation, sequence, tail)
select drawn.lane, e.topic, e.key, e.directory_id, drawn.generation, drawn.base + e.step, e.tail
from unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bytea[])
  with ordinality as e (directory_id, topic, key, step, tail, n)
join drawn on drawn.directory_id = e.directory_id
order by e.n
returning directory_id, generation, sequence
"""
_PARAMETERS = 5


def statement(stored: str = "", *, first: int = 2) -> str:
    """Return the statement that appends entries, if `stored` returns a row where it is given.

    `stored` changes one resource of the directory $1 and comes first, so that its row is locked
    before the counter. `store` runs it; the parameters from $`first` on are the entries'.
    """
    before = f"with stored as ({stored}),\n" if stored else "with "
    condition = " and exists (select from stored)" if stored else ""
    numbers = range(first, first + _PARAMETERS)
    return _APPEND.format(*numbers, before=before, condition=condition)


def _parameters(
    entries: Sequence[Entry],
) -> tuple[int, list[str], list[str], list[int], list[bytes | None]]:
    if any(entry.tail and len(entry.tail) > MAX_EVENT_BYTES for entry in entries):
        raise EventTooLargeError(f"an event exceeds {MAX_EVENT_BYTES} bytes")
    steps = list(itertools.accumulate(int(entry.numbered) for entry in entries))
    return (
        steps[-1],
        [entry.topic for entry in entries],
        [entry.key for entry in entries],
        steps,
        [entry.tail for entry in entries],
    )


_APPEND_ALONE = statement()


async def open_history(tx: db.Connection, directory: DirectoryId, lane: int) -> None:
    """Give a directory its counter and its lane, for good; a second time changes nothing."""
    await tx.execute(_OPEN_HISTORY, directory, lane)


async def hold(tx: db.Connection, directory: DirectoryId) -> None:
    """Lock a directory's counter until commit: nobody else adds to its history meanwhile.

    What a later statement of this transaction reads is what the history says up to here.
    """
    await tx.fetchval(_HOLD, directory)


async def holds_more_than(connection: db.Connection, count: int) -> bool:
    """Tell whether more than so many records wait to be published."""
    return bool(await connection.fetchval(_HOLDS_MORE, count))


async def append(
    tx: db.Connection, directory: DirectoryId, entries: Sequence[Entry]
) -> Position | None:
    """Append the entries in order; return the position of the last one, None for no entries.

    Locks the directory's counter row until commit: call it last. Raises EventTooLargeError,
    and LookupError for a directory whose history was never opened.
    """
    if not entries:
        return None
    return await store(tx, _APPEND_ALONE, [directory], entries)


async def append_all(
    tx: db.Connection, entries: Mapping[DirectoryId, Sequence[Entry]]
) -> dict[DirectoryId, Position]:
    """Append the entries of several directories, of each in order; return where each got to.

    As `append`, and only for who already holds all of these directories: their counters are locked
    in no order.
    """
    some = {directory: _parameters(found) for directory, found in entries.items() if found}
    if not some:
        return {}
    counts = [count for count, *_ in some.values()]
    owners = [directory for directory, (_, topics, *_) in some.items() for _ in topics]
    columns = [
        list(itertools.chain.from_iterable(each))
        for each in zip(*(columns for _, *columns in some.values()), strict=True)
    ]
    rows = await tx.fetch(_APPEND_ALL, list(some), counts, owners, *columns)
    reached = {row["directory_id"]: Position(row["generation"], row["sequence"]) for row in rows}
    if lacking := some.keys() - reached.keys():
        raise LookupError(f"directory {min(lacking)} has no history")
    return reached


async def append_one(tx: db.Connection, directory: DirectoryId, entry: Entry) -> Position:
    """Append an entry as `append` does; return its position."""
    return await store(tx, _APPEND_ALONE, [directory], [entry])


async def store(
    connection: db.Connection, sql: str, values: Sequence[object], entries: Sequence[Entry]
) -> Position:
    """Run what `statement` returned, `values` first; return the position of the last entry.

    Needs no transaction around it. Raises as `append` does.
    """
    rows = await connection.fetch(sql, *values, *_parameters(entries))
    if not rows:
        raise LookupError(f"directory {values[0]} has no history")
    return Position(rows[-1]["generation"], rows[-1]["sequence"])
