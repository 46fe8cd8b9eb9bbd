"""The read models, through the projector's `portal_` views; every query names the directory."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.portal.domain.errors import MissingError
from services.portal.domain.journey import TracedEvent
from services.portal.domain.rows import (
    PAGE_SIZE,
    DirectoryRow,
    DirectorySummary,
    EventRow,
    GroupRow,
    RoleRow,
    UserDetail,
    UserFilter,
    UserRow,
)
from services.portal.store import selection
from services.portal.store.selection import Cursor
from shared import db
from shared.contracts.ids import DirectoryId, OrganizationId, is_id

_DIRECTORIES = """
select id, organization_id, name, provider, deleted_at
from projector.portal_directories where organization_id = $1
order by deleted_at is not null, created_at desc, id
"""
# Both counts of users in one look: they are the costly part.
_SUMMARY = """
select users.number as users, users.active as active_users, groups, mapped_groups, last_event_at
from projector.portal_directories as d
cross join lateral (
  select count(*) as number, count(*) filter (where u.active) as active
  from projector.portal_users as u where u.directory_id = d.id and u.deleted_at is null) as users
where d.id = $1
"""
_GROUP_NAMES = """
(select coalesce(array_agg(g.display_name order by lower(g.display_name)), '{}')
 from projector.portal_memberships as m
 join projector.portal_groups as g on g.directory_id = m.directory_id and g.id = m.group_id
 where m.directory_id = u.directory_id and m.user_id = u.id) as groups
"""
_ROLE_NAMES = """
(select coalesce(array_agg(a.role_name order by a.role_name), '{}')
 from projector.portal_assignments as a
 where a.directory_id = u.directory_id and a.user_id = u.id and a.valid_to is null) as roles
"""
_USER = f"""
u.id, u.user_name, u.display_name, u.email, u.active, u.updated_at, {_GROUP_NAMES}, {_ROLE_NAMES}
"""
_NAMES_ON_PAGE = f"select {_USER}, u.run, u.key from ("
_NAMED = f"""
select {_USER} from projector.portal_users as u
where u.directory_id = $1 and u.deleted_at is null
  and (lower(u.user_name) = $2 or lower(u.email) = $2)
order by u.active desc, lower(u.user_name), u.id limit 10
"""
_ONE_USER = f"""
select {_USER}, u.resource, u.created_at, u.deleted_at
from projector.portal_users as u where u.directory_id = $1 and u.id = $2
"""
_ROLES_OF = """
select role_key, role_name, reason, cause, valid_from, valid_to from projector.portal_assignments
where directory_id = $1 and user_id = $2 and valid_to is null order by role_name
"""
_PAST_ROLES_OF = """
select role_key, role_name, reason, cause, valid_from, valid_to from projector.portal_assignments
where directory_id = $1 and user_id = $2 and valid_to is not null
order by valid_to desc, role_name limit 50
"""
_MAPPED_ROLES = """
(select coalesce(array_agg(p.role_name order by p.role_name), '{}')
 from projector.portal_mappings as p
 where p.directory_id = g.directory_id and p.group_id = g.id) as roles
"""
_GROUP = f"g.id, g.display_name, g.members, g.updated_at, g.deleted_at, {_MAPPED_ROLES}"
_GROUPS = f"""
select {_GROUP} from projector.portal_groups as g
where g.directory_id = $1 and g.deleted_at is null
  and ($2::text is null or starts_with(lower(g.display_name), $2))
  and ($3::text is null or (lower(g.display_name), g.id) > ($3, $4::uuid))
order by lower(g.display_name), g.id limit $5
"""
_ONE_GROUP = f"""
select {_GROUP} from projector.portal_groups as g where g.directory_id = $1 and g.id = $2
"""
_GROUPS_OF = f"""
select {_GROUP} from projector.portal_memberships as m
join projector.portal_groups as g on g.directory_id = m.directory_id and g.id = m.group_id
where m.directory_id = $1 and m.user_id = $2 order by lower(g.display_name), g.id
"""
_MEMBERS = f"""
select {_USER} from projector.portal_memberships as m
join projector.portal_users as u on u.directory_id = m.directory_id and u.id = m.user_id
where m.directory_id = $1 and m.group_id = $2
  and ($3::text is null or (lower(u.user_name), u.id) > ($3, $4::uuid))
order by lower(u.user_name), u.id limit $5
"""
_EVENTS = """
select id, type, time, data from projector.portal_events
where directory_id = $1
  and ($2::uuid is null or user_id = $2) and ($3::uuid is null or group_id = $3)
order by time desc, topic, sequence desc limit 50
"""

# The first event of some types: the log of a topic is read from its beginning, up to there.
_FIRST = """
select time, cause from projector.portal_events
where directory_id = $1 and topic = $2 and type = any($3::text[])
order by generation, sequence limit 1
"""
_HAS_MEMBERS = "select exists(select from projector.portal_memberships where directory_id = $1)"
_TRACED = """
select id, type, time, data, topic, cause, published_at, stored_at from projector.portal_events
where directory_id = $1 and user_id = $2 order by time desc, topic desc, sequence desc limit 200
"""
_BY_HOUR = """
select date_trunc('hour', time, 'UTC') as hour, count(*) as changes from projector.portal_events
where directory_id = $1 and time >= $2 group by 1
"""
_GROUP_BY_NAME = """
select id from projector.portal_groups
where directory_id = $1 and lower(display_name) = $2 and deleted_at is null limit 1
"""
_SOME_GROUPS = """
select display_name from projector.portal_groups
where directory_id = $1 and deleted_at is null order by lower(display_name), id limit 100
"""
_HELD_ROLES = """
select distinct role_key, role_name from projector.portal_mappings where directory_id = $1
order by role_name
"""


async def directories(
    connection: db.Connection, organization: OrganizationId
) -> list[DirectoryRow]:
    """Return the directories of an organization, the newest first, deleted ones last."""
    return [
        DirectoryRow(
            DirectoryId(row["id"]),
            OrganizationId(row["organization_id"]),
            row["name"],
            row["provider"],
            row["deleted_at"],
        )
        for row in await connection.fetch(_DIRECTORIES, organization)
    ]


async def summary(connection: db.Connection, directory: DirectoryId) -> DirectorySummary | None:
    """Count what is in a directory; None before its first event arrived. Slow where it is large."""
    row = await connection.fetchrow(_SUMMARY, directory)
    return DirectorySummary(**dict(row)) if row else None


async def users(
    connection: db.Connection,
    directory: DirectoryId,
    wanted: UserFilter,
    after: Cursor,
    size: int = PAGE_SIZE,
) -> tuple[list[UserRow], Cursor]:
    """Return a page of users, and where the next page starts."""
    query, values = selection.page(directory, wanted, after, size + 1)
    in_runs = wanted.prefix is not None and wanted.by == "name"
    order = selection.IN_RUNS if in_runs else selection.IN_ORDER[wanted.by]
    rows = await connection.fetch(f"{_NAMES_ON_PAGE}{query}) as u {order}", *values)
    more = len(rows) > size
    found = [_user(row) for row in rows[:size]]
    return found, selection.cursor(rows[size - 1]) if more else None


async def count_users(
    connection: db.Connection, directory: DirectoryId, wanted: UserFilter, most: int
) -> int:
    """Count the users of a selection, up to a number where it stops."""
    query, values = selection.count(directory, wanted, most)
    return int(await connection.fetchval(query, *values))


async def find_users(connection: db.Connection, directory: DirectoryId, name: str) -> list[UserRow]:
    """Return the users whose user name or e-mail is exactly this, folded; active ones first."""
    return [_user(row) for row in await connection.fetch(_NAMED, directory, name)]


async def user(connection: db.Connection, directory: DirectoryId, key: str) -> UserDetail:
    """Return what the page of a user shows. Raises MissingError."""
    row = await connection.fetchrow(_ONE_USER, directory, key) if is_id(key) else None
    if row is None:
        raise MissingError
    return UserDetail(
        row=_user(row),
        resource=row["resource"],
        created_at=row["created_at"],
        deleted_at=row["deleted_at"],
        groups=[_group(one) for one in await connection.fetch(_GROUPS_OF, directory, key)],
        roles=[_role(one) for one in await connection.fetch(_ROLES_OF, directory, key)],
        past_roles=[_role(one) for one in await connection.fetch(_PAST_ROLES_OF, directory, key)],
        events=await _events(connection, directory, user=key),
    )


async def groups(
    connection: db.Connection, directory: DirectoryId, *, search: str | None, after: Cursor
) -> tuple[list[GroupRow], Cursor]:
    """Return a page of groups by name, and where the next page starts."""
    rows = await connection.fetch(
        _GROUPS, directory, search, *(after or (None, None)), PAGE_SIZE + 1
    )
    found = [_group(row) for row in rows[:PAGE_SIZE]]
    more = len(rows) > PAGE_SIZE
    return found, (found[-1].display_name.lower(), found[-1].id) if more else None


async def group(
    connection: db.Connection, directory: DirectoryId, key: str, after: Cursor
) -> tuple[GroupRow, list[UserRow], Cursor, list[EventRow]]:
    """Return a group, a page of its members with the next cursor, its events. MissingError."""
    row = await connection.fetchrow(_ONE_GROUP, directory, key) if is_id(key) else None
    if row is None:
        raise MissingError
    rows = await connection.fetch(_MEMBERS, directory, key, *(after or (None, None)), PAGE_SIZE + 1)
    members = [_user(one) for one in rows[:PAGE_SIZE]]
    more = len(rows) > PAGE_SIZE
    cursor = (members[-1].user_name.lower(), str(members[-1].id)) if more else None
    return _group(row), members, cursor, await _events(connection, directory, group=key)


async def first_event(
    connection: db.Connection, directory: DirectoryId, topic: str, types: Sequence[str]
) -> tuple[datetime, dict[str, Any]] | None:
    """Return time and cause of the first event of these types; None before there is one."""
    row = await connection.fetchrow(_FIRST, directory, topic, types)
    return (row["time"], row["cause"]) if row else None


async def has_members(connection: db.Connection, directory: DirectoryId) -> bool:
    """Tell whether anybody is in any group."""
    return bool(await connection.fetchval(_HAS_MEMBERS, directory))


async def traced_events(
    connection: db.Connection, directory: DirectoryId, user: str
) -> list[TracedEvent]:
    """Return the newest events of a user with all their times, newest first."""
    return [
        TracedEvent(
            EventRow(row["id"], row["type"], row["time"], row["data"]),
            row["topic"],
            row["cause"],
            row["published_at"],
            row["stored_at"],
        )
        for row in await connection.fetch(_TRACED, directory, user)
    ]


async def changes_by_hour(
    connection: db.Connection, directory: DirectoryId, since: datetime
) -> list[tuple[datetime, int]]:
    """Return how many events each hour since then had; hours without any are left out."""
    rows = await connection.fetch(_BY_HOUR, directory, since)
    return [(row["hour"], row["changes"]) for row in rows]


async def group_named(connection: db.Connection, directory: DirectoryId, name: str) -> str | None:
    """Return the id of the group with this name, folded."""
    found: str | None = await connection.fetchval(_GROUP_BY_NAME, directory, name)
    return found


async def some_groups(connection: db.Connection, directory: DirectoryId) -> list[str]:
    """Return the names of the first hundred groups."""
    return [row["display_name"] for row in await connection.fetch(_SOME_GROUPS, directory)]


async def mapped_roles(connection: db.Connection, directory: DirectoryId) -> list[tuple[str, str]]:
    """Return key and name of the roles that groups grant."""
    rows = await connection.fetch(_HELD_ROLES, directory)
    return [(row["role_key"], row["role_name"]) for row in rows]


async def _events(
    connection: db.Connection,
    directory: DirectoryId,
    *,
    user: str | None = None,
    group: str | None = None,
) -> list[EventRow]:
    rows = await connection.fetch(_EVENTS, directory, user, group)
    return [EventRow(row["id"], row["type"], row["time"], row["data"]) for row in rows]


def _user(row: db.Record) -> UserRow:
    return UserRow(
        row["id"],
        row["user_name"],
        row["display_name"],
        row["email"],
        row["active"],
        row["updated_at"],
        row["groups"],
        row["roles"],
    )


def _group(row: db.Record) -> GroupRow:
    return GroupRow(
        row["id"],
        row["display_name"],
        row["members"],
        row["updated_at"],
        row["roles"],
        row["deleted_at"],
    )


def _role(row: db.Record) -> RoleRow:
    return RoleRow(
        row["role_key"],
        row["role_name"],
        row["reason"],
        row["cause"],
        row["valid_from"],
        row["valid_to"],
    )
