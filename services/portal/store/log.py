"""The log as the read models hold it: one topic of a directory, the newest event first.

A topic is read backwards along its key, in the order in which every consumer gets it. Conditions
are put together from parts, so that each has its index (see `selection`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.portal.domain.log import Place
from services.portal.domain.rows import PAGE_SIZE, EventFilter, LoggedEvent
from shared import db
from shared.contracts.ids import DirectoryId

_FROM = """
select id, topic, type, subject, time, generation, sequence, published_at, stored_at, data
from projector.portal_events where directory_id = $1 and topic = $2
"""
_ONE = f"{_FROM} and generation = $3 and sequence = $4"
_ORDER = "order by generation desc, sequence desc limit"
_BEHIND = "and (generation, sequence) < (${}::integer, ${}::bigint)"
_CONDITIONS: Mapping[str, str] = {
    "type": "and type = ${}",
    "subject": "and (user_id = ${0}::uuid or group_id = ${0}::uuid)",
    "since": "and time >= ${}",
    "until": "and time < ${}",
}


def page(
    directory: DirectoryId, wanted: EventFilter, after: Place | None, limit: int
) -> tuple[str, Sequence[Any]]:
    """Return the statement that selects a page of events, with its values."""
    values: list[Any] = [directory, wanted.topic]
    parts = [_FROM]
    for name, condition in _CONDITIONS.items():
        value = getattr(wanted, name)
        if value is not None:
            values.append(value)
            parts.append(condition.format(len(values)))
    if after:
        values += [after.generation, after.sequence]
        parts.append(_BEHIND.format(len(values) - 1, len(values)))
    values.append(limit)
    return "\n".join([*parts, f"{_ORDER} ${len(values)}"]), values


async def events(
    connection: db.Connection, directory: DirectoryId, wanted: EventFilter, after: Place | None
) -> tuple[list[LoggedEvent], bool]:
    """Return a page of events behind a place, the newest first, and whether there are more."""
    statement, values = page(directory, wanted, after, PAGE_SIZE + 1)
    rows = await connection.fetch(statement, *values)
    return [_event(row) for row in rows[:PAGE_SIZE]], len(rows) > PAGE_SIZE


async def event(connection: db.Connection, place: Place) -> LoggedEvent | None:
    """Return the event at a place."""
    row = await connection.fetchrow(
        _ONE, place.directory, place.topic, place.generation, place.sequence
    )
    return _event(row) if row else None


def _event(row: db.Record) -> LoggedEvent:
    return LoggedEvent(
        row["id"],
        row["topic"],
        row["type"],
        row["subject"],
        row["time"],
        row["generation"],
        row["sequence"],
        row["published_at"],
        row["stored_at"],
        row["data"],
    )
