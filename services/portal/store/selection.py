"""Which users a list shows: its SQL, put together from parts so that each part has its index.

One statement with `$n is null or …` for each filter would hide from Postgres which of them count.
What starts with a prefix comes in three runs, each along an index of its own, so that a page costs
the same whether ten users match or ten thousand: by user name, then by name, then by e-mail.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.portal.domain.rows import UserFilter
from shared import db
from shared.contracts.ids import DirectoryId

Cursor = tuple[str, str] | None
Statement = tuple[str, Sequence[Any]]

_RUNS = ("user_name", "display_name", "email")
_FROM = "from projector.portal_users as u where u.directory_id = $1 and u.deleted_at is null"
# Byte order, as text_pattern_ops has it: whatever starts with a prefix lies between it and this.
_LAST = "\U0010ffff"
_STARTS = "lower(u.{column}) ~>=~ {0} and lower(u.{column}) ~<~ {1}"
_ACTIVE = "and u.active = {0}"
_GROUP = """
and u.id in (select m.user_id from projector.portal_memberships as m
             where m.directory_id = $1 and m.group_id = {0})
"""
_ROLE = """
and u.id in (select a.user_id from projector.portal_assignments as a
             where a.directory_id = $1 and a.role_key = {0} and a.valid_to is null)
"""
_RUN = """
(select u.*, {run} as run, lower(u.{column}) as key {rest}
 order by lower(u.{column}) using ~<~, u.id limit {limit})
"""
_BEHIND_IN_RUN = """
and lower(u.{column}) ~>=~ {0} and (lower(u.{column}) ~>~ {0} or u.id > {1}::uuid)
"""
_BY_NAME = """
select u.*, 0 as run, lower(u.user_name) as key {rest}
order by lower(u.user_name), u.id limit {limit}
"""
_BEHIND_NAME = "and (lower(u.user_name), u.id) > ({0}, {1}::uuid)"
_BY_UPDATE = """
select u.*, 0 as run, u.updated_at::text as key {rest}
order by u.updated_at desc, u.id desc limit {limit}
"""
_BEHIND_UPDATE = "and (u.updated_at, u.id) < ({0}, {1}::uuid)"
IN_RUNS = "order by u.run, u.key using ~<~, u.id"
IN_ORDER = {
    "name": "order by lower(u.user_name), u.id",
    "updated": "order by u.updated_at desc, u.id desc",
}


class _Parts:
    """The `where` of a statement as it grows, with its values."""

    def __init__(self, directory: DirectoryId) -> None:
        self.values: list[Any] = [directory]

    def add(self, part: str, *values: Any, **names: str) -> str:
        """Return a part with the places of its values filled in."""
        first = len(self.values) + 1
        self.values += values
        return part.format(*(f"${first + place}" for place in range(len(values))), **names)

    def filters(self, wanted: UserFilter) -> str:
        """Return the conditions that are no prefix."""
        pairs = ((_ACTIVE, wanted.active), (_GROUP, wanted.group), (_ROLE, wanted.role))
        return " ".join(self.add(part, value) for part, value in pairs if value is not None)

    def starts(self, prefix: str) -> list[str]:
        """Return the condition of each run, that its column starts with the prefix."""
        low, high = self.add("{0} {1}", prefix, prefix + _LAST).split()
        return [_STARTS.format(low, high, column=column) for column in _RUNS]


def page(directory: DirectoryId, wanted: UserFilter, after: Cursor, limit: int) -> Statement:
    """Return the statement that selects a page of users, with what the cursor is made of."""
    parts = _Parts(directory)
    filters = parts.filters(wanted)
    most = parts.add("{0}::bigint", limit)
    if wanted.prefix is not None and wanted.by == "name":
        return _runs(parts, filters, wanted.prefix, after, most), parts.values
    if wanted.prefix is not None:
        filters += f" and ({' or '.join(parts.starts(wanted.prefix))})"
    if wanted.by == "name":
        behind = parts.add(_BEHIND_NAME, _key(after), after[1]) if after else ""
        return _BY_NAME.format(rest=f"{_FROM} {filters} {behind}", limit=most), parts.values
    behind = parts.add(_BEHIND_UPDATE, _moment(_key(after)), after[1]) if after else ""
    return _BY_UPDATE.format(rest=f"{_FROM} {filters} {behind}", limit=most), parts.values


def _runs(parts: _Parts, filters: str, prefix: str, after: Cursor, most: str) -> str:
    """Return the runs from the one of the cursor on."""
    rests = _rests(parts, filters, prefix)
    first = _run(after)
    if after:
        rests[first] += parts.add(_BEHIND_IN_RUN, _key(after), after[1], column=_RUNS[first])
    found = [
        _RUN.format(run=run, column=column, rest=rests[run], limit=most)
        for run, column in enumerate(_RUNS)
        if run >= first
    ]
    return f"select * from ({' union all '.join(found)}) as runs limit {most}"


def _rests(parts: _Parts, filters: str, prefix: str) -> list[str]:
    """Return what each run consists of; it leaves out who was in one before."""
    starts = parts.starts(prefix)
    return [
        f"{_FROM} and {start} {filters}"
        + "".join(f" and not coalesce({before}, false)" for before in starts[:run])
        for run, start in enumerate(starts)
    ]


def count(directory: DirectoryId, wanted: UserFilter, most: int) -> Statement:
    """Return the statement that counts users, and stops at a number."""
    parts = _Parts(directory)
    filters = parts.filters(wanted)
    rests = [f"{_FROM} {filters}"]
    if wanted.prefix is not None:
        rests = _rests(parts, filters, wanted.prefix)
    limit = parts.add("{0}::bigint", most)
    # Each run has the limit, so that it is read along its index and no further.
    found = " union all ".join(f"(select 1 {rest} limit {limit})" for rest in rests)
    counted = f"select 1 from ({found}) as runs limit {limit}"
    return f"select count(*) from ({counted}) as found", parts.values


def cursor(last: db.Record) -> Cursor:
    """Return where the page behind a row of such a page starts."""
    return f"{last['run']}:{last['key']}", last["id"]


def _run(after: Cursor) -> int:
    run = after[0].partition(":")[0] if after else "0"
    return int(run) if run in {"0", "1", "2"} else 0


def _key(after: Cursor) -> str:
    return after[0].partition(":")[2] if after else ""


def _moment(text: str) -> datetime:
    """Return the moment of a cursor; one that was tampered with starts at the beginning."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
