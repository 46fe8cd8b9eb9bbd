"""The read model, with the copies of events that it keeps."""

from collections.abc import Sequence

from cli.verify import rows
from cli.verify.cuts import DIRECTORY, ROLE, Copies, Model, Standing
from cli.verify.rows import Assignment, Row
from cli.verify.tables import reading
from shared import db

_DIRECTORIES = """
select id as directory_id, organization_id, name, provider
from directories where id = any($1::uuid[])
"""
_USERS = """
select directory_id, id, resource, version, user_name, display_name, email, external_id, active,
       created_at, updated_at, deleted_at
from users where directory_id = any($1::uuid[])
"""
_GROUPS = """
select directory_id, id, resource, version, display_name, external_id, created_at, updated_at,
       deleted_at
from groups where directory_id = any($1::uuid[])
"""
_MEMBERSHIPS = """
select directory_id, group_id, user_id, since from memberships where directory_id = any($1::uuid[])
"""
_MEMBER_COUNTS = """
select directory_id, group_id, members from member_counts where directory_id = any($1::uuid[])
"""
_ASSIGNMENTS = """
select directory_id, user_id, role_key, generation, sequence, role_name, reason, cause, valid_from,
       valid_to
from assignments where directory_id = any($1::uuid[])
"""
_MAPPINGS = """
select directory_id, group_id, role_key from mappings where directory_id = any($1::uuid[])
"""
_ERASED = "select directory_id, user_id from erased_users where directory_id = any($1::uuid[])"
_COPIES = """
select directory_id, topic, generation, sequence, id, type, subject, time, data, user_id
from events where directory_id = any($1::uuid[])
order by directory_id, topic, generation, sequence
"""


async def cut(
    database: db.Database, directories: Sequence[str], lane: int
) -> tuple[dict[str, Model], dict[str, int]]:
    """Return these directories, and the offsets that are read next."""
    async with reading.snapshot(database) as connection:
        at = await reading.standings(connection, directories)
        found = {
            one: Model(at.get((DIRECTORY, one), Standing()), at.get((ROLE, one), Standing()))
            for one in directories
        }
        await reading.fill(connection, found, _TAKERS)
        return found, await reading.offsets(connection, lane)


def _directory(one: Model, row: db.Record) -> None:
    one.organization = row["organization_id"]
    one.description = rows.digest(row["name"], row["provider"], row["organization_id"])


def _user(one: Model, row: db.Record) -> None:
    *values, updated_at, deleted_at = tuple(row)[2:]
    one.users[row["id"]] = Row(rows.digest(*values), updated_at, deleted_at)
    if row["deleted_at"] is None:
        content = rows.digest(rows.content(row["resource"]), row["version"])
        one.user_contents[row["id"]] = content


def _group(one: Model, row: db.Record) -> None:
    *values, updated_at, deleted_at = tuple(row)[2:]
    one.groups[row["id"]] = Row(rows.digest(*values), updated_at, deleted_at)
    if row["deleted_at"] is None:
        one.group_contents[row["id"]] = rows.digest(rows.content(row["resource"]))


def _membership(one: Model, row: db.Record) -> None:
    one.edges[row["group_id"], row["user_id"]] = row["since"]


def _member_count(one: Model, row: db.Record) -> None:
    one.member_counts[row["group_id"]] = row["members"]


def _assignment(one: Model, row: db.Record) -> None:
    key = (row["user_id"], row["role_key"], row["generation"], row["sequence"])
    told = rows.told(row["role_name"], row["reason"], row["cause"], row["valid_from"])
    one.assignments[key] = Assignment(told, row["valid_to"])


def _mapping(one: Model, row: db.Record) -> None:
    one.mapping.add((row["group_id"], row["role_key"]))


def _erased(one: Model, row: db.Record) -> None:
    one.erased.add(row["user_id"])


def _copy(one: Model, row: db.Record) -> None:
    key = (row["topic"], row["generation"])
    copies = one.copies.get(key) or one.copies.setdefault(key, Copies())
    copies.sequences.append(row["sequence"])
    mark = rows.event_mark(row["id"], row["type"], row["subject"], row["time"], row["data"])
    copies.marks.append(mark)
    if row["user_id"] in one.erased:
        copies.telling.extend([row["sequence"]] if row["data"] else [])
        copies.blank.add(row["sequence"])


_TAKERS = {
    _DIRECTORIES: _directory,
    _USERS: _user,
    _GROUPS: _group,
    _MEMBERSHIPS: _membership,
    _MEMBER_COUNTS: _member_count,
    _ASSIGNMENTS: _assignment,
    _MAPPINGS: _mapping,
    _ERASED: _erased,  # before the copies, which it concerns
    _COPIES: _copy,
}
