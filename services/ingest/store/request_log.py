"""The request log: calls of a directory, masked, newest first."""

from collections.abc import Sequence
from typing import Any

import orjson

from services.ingest.domain.directories import UnknownError
from services.ingest.domain.request_log import FAILED, Entry, Selection
from shared import db
from shared.contracts.ids import DirectoryId, is_id

# In the order of Entry's fields, which ends with the body.
_COLUMNS = """
directory_id, id, at, method, path, query, status, duration_ms, provider, scim_type, detail,
user_agent, content_type, key_id, token_last_four, body_bytes, body_error_at
"""
# Repeating a batch whose answer was lost adds nothing; unknown directories have no log.
_INSERT = f"""
insert into requests ({_COLUMNS}, body)
select {_COLUMNS}, body from unnest(
  $1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::smallint[],
  $8::real[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
  $15::text[], $16::integer[], $17::integer[], $18::text[]) as each ({_COLUMNS}, body)
where exists (select 1 from directories where directories.id = each.directory_id)
on conflict (directory_id, id) do nothing
"""
_LISTED = f"""
select {_COLUMNS} from requests
where directory_id = $1 and id >= $2 and id < $3 and status between $4 and $5
  and ($6::text is null or method = $6)
  and ($7::text is null or id::text = $7 or position($7 in lower(path || '?' || query)) > 0)
"""
_NEWEST_FIRST = "order by id desc limit $8"
_PAGE = f"{_LISTED} {_NEWEST_FIRST}"
# Said as a constant, so that the index of failures serves.
_FAILED_PAGE = f"{_LISTED} and status >= 400 {_NEWEST_FIRST}"
_ONE = f"select {_COLUMNS}, body from requests where directory_id = $1 and id = $2"
_DELETE_OLDEST = """
delete from requests where (directory_id, id) in (
  select directory_id, id from requests where id < $1 order by id limit $2)
"""


async def insert(connection: db.Connection, entries: Sequence[Entry]) -> None:
    """Store entries, those of directories that exist; one that is there stays as it is."""
    *columns, bodies = zip(*entries, strict=True)
    await connection.execute(_INSERT, *columns, list(map(_text, bodies)))


async def page(
    connection: db.Connection, directory: DirectoryId, wanted: Selection, limit: int
) -> list[Entry]:
    """Return the newest entries of a selection, without their bodies."""
    query = _FAILED_PAGE if wanted.statuses[0] >= FAILED else _PAGE
    rows = await connection.fetch(
        query,
        directory,
        wanted.first_id,
        wanted.before_id,
        *wanted.statuses,
        wanted.method,
        wanted.text,
        limit,
    )
    return [_entry(row) for row in rows]


async def get(connection: db.Connection, directory: DirectoryId, key: str) -> Entry:
    """Return one entry with its body. Raises UnknownError."""
    row = await connection.fetchrow(_ONE, directory, key) if is_id(key) else None
    if row is None:
        raise UnknownError(f"There is no request {key} of this directory; it may have expired.")
    return _entry(row, row["body"])


async def delete_before(connection: db.Connection, before_id: str, limit: int) -> int:
    """Delete the oldest entries with a smaller id, so many at most; return how many went."""
    done = await connection.execute(_DELETE_OLDEST, before_id, limit)
    return int(done.rpartition(" ")[2])


def _text(body: Any) -> str | None:
    # Not jsonb: it would reorder what the provider sent.
    return None if body is None else orjson.dumps(body).decode()


def _entry(row: db.Record, body: str | None = None) -> Entry:
    return Entry(
        DirectoryId(row["directory_id"]),
        row["id"],
        row["at"],
        row["method"],
        row["path"],
        row["query"],
        row["status"],
        row["duration_ms"],
        row["provider"],
        row["scim_type"],
        row["detail"],
        row["user_agent"],
        row["content_type"],
        row["key_id"],
        row["token_last_four"],
        row["body_bytes"],
        row["body_error_at"],
        None if body is None else orjson.loads(body),
    )
