"""Appending: one statement draws the sequence numbers and stores the events."""

import itertools
from collections.abc import Sequence
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
_APPEND = """
with drawn as (
  update directory_sequences set sequence = sequence + $2 where directory_id = $1
  returning lane, generation, sequence - $2 as base)
insert into outbox (lane, topic, key, directory_id, generation, sequence, tail)
select drawn.lane, e.topic, e.key, $1, drawn.generation, drawn.base + e.step, e.tail
from drawn, unnest($3::text[], $4::text[], $5::bigint[], $6::bytea[])
  with ordinality as e (topic, key, step, tail, n)
order by e.n
returning generation, sequence
"""


async def open_history(tx: db.Connection, directory: DirectoryId, lane: int) -> None:
    """Give a directory its counter and its lane, for good; a second time changes nothing."""
    await tx.execute(_OPEN_HISTORY, directory, lane)


async def append(
    tx: db.Connection, directory: DirectoryId, entries: Sequence[Entry]
) -> Position | None:
    """Append the entries in order; return the position of the last one, None for no entries.

    Locks the directory's counter row until commit: call it last. Raises EventTooLargeError,
    and LookupError for a directory whose history was never opened.
    """
    if not entries:
        return None
    if any(entry.tail and len(entry.tail) > MAX_EVENT_BYTES for entry in entries):
        raise EventTooLargeError(f"an event exceeds {MAX_EVENT_BYTES} bytes")
    steps = list(itertools.accumulate(int(entry.numbered) for entry in entries))
    rows = await tx.fetch(
        _APPEND,
        directory,
        steps[-1],
        [entry.topic for entry in entries],
        [entry.key for entry in entries],
        steps,
        [entry.tail for entry in entries],
    )
    if not rows:
        raise LookupError(f"directory {directory} has no history")
    return Position(rows[-1]["generation"], rows[-1]["sequence"])
