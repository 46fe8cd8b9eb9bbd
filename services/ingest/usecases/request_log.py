"""The request log: write down what was noted, mask it first; look things up; forget."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from services.ingest.domain import request_log as log
from services.ingest.domain.request_log import Call, Decoded, Entry, Selection
from services.ingest.store import directories, request_log
from shared import db
from shared.contracts.ids import first_id_at


async def record(database: db.Database, calls: Iterable[Call]) -> None:
    """Mask calls and store them; those of directories that do not exist are left out."""
    entries = [_entry(call) for call in calls]
    async with database.connection() as connection:
        await request_log.insert(connection, entries)


def _entry(call: Call) -> Entry:
    return log.entry(call, _decoded(call.body), _answer(call.answer))


def _decoded(body: bytes | None) -> Decoded:
    if not body:
        return Decoded()
    try:
        return Decoded(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        return Decoded(error_at=error.pos)


def _answer(body: bytes | None) -> dict[str, Any]:
    decoded = _decoded(body).value
    return decoded if isinstance(decoded, dict) else {}


async def page(
    database: db.Database, directory: str, wanted: Selection, limit: int
) -> tuple[list[Entry], str | None]:
    """Return the newest entries of a selection and the id to go on after. Raises UnknownError."""
    async with database.connection() as connection:
        owner = await directories.get(connection, directory)
        found = await request_log.page(connection, owner.id, wanted, limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


async def get(database: db.Database, directory: str, key: str) -> Entry:
    """Return one entry with its body. Raises UnknownError."""
    async with database.connection() as connection:
        owner = await directories.get(connection, directory)
        return await request_log.get(connection, owner.id, key)


async def forget(database: db.Database, before: datetime, at_most: int) -> int:
    """Delete the oldest entries before a moment, so many at most; return how many went."""
    async with database.connection() as connection:
        return await request_log.delete_before(connection, first_id_at(before), at_most)
