"""The read models, through the projector's `portal_` views; every query names the directory."""

from services.portal.domain import (
    PAGE_SIZE,
    DirectorySummary,
    EventRow,
    GroupRow,
    MissingError,
    RoleRow,
    UserDetail,
    UserRow,
)
from shared import db
from shared.contracts.ids import DirectoryId, OrganizationId, is_id

_DIRECTORIES = """
select id, organization_id, name, provider, users, active_users, groups, mapped_groups,
       last_event_at
from projector.portal_directories where organization_id = $1 order by created_at desc, id
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
_USERS = f"""
select {_USER} from projector.portal_users as u
where u.directory_id = $1 and u.deleted_at is null
  and ($2::boolean is null or u.active = $2)
  and ($3::text is null or starts_with(lower(u.user_name), $3)
       or starts_with(lower(u.display_name), $3) or starts_with(lower(u.email), $3))
  and ($4::text is null or (lower(u.user_name), u.id) > ($4, $5::uuid))
order by lower(u.user_name), u.id limit $6
"""
_ONE_USER = f"""
select {_USER}, u.resource, u.created_at, u.deleted_at
from projector.portal_users as u where u.directory_id = $1 and u.id = $2
"""
_ROLES_OF = """
select role_key, role_name, reason, cause, valid_from from projector.portal_assignments
where directory_id = $1 and user_id = $2 and valid_to is null order by role_name
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

Cursor = tuple[str, str] | None


async def directories(
    connection: db.Connection, organization: OrganizationId
) -> list[DirectorySummary]:
    """Return the directories of an organization, the newest first."""
    return [
        DirectorySummary(
            DirectoryId(row["id"]),
            OrganizationId(row["organization_id"]),
            row["name"],
            row["provider"],
            row["users"],
            row["active_users"],
            row["groups"],
            row["mapped_groups"],
            row["last_event_at"],
        )
        for row in await connection.fetch(_DIRECTORIES, organization)
    ]


async def users(
    connection: db.Connection,
    directory: DirectoryId,
    *,
    search: str | None,
    active: bool | None,
    after: Cursor,
) -> tuple[list[UserRow], Cursor]:
    """Return a page of users by user name, and where the next page starts."""
    rows = await connection.fetch(
        _USERS, directory, active, search, *(after or (None, None)), PAGE_SIZE + 1
    )
    found = [_user(row) for row in rows[:PAGE_SIZE]]
    more = len(rows) > PAGE_SIZE
    return found, (found[-1].user_name.lower(), found[-1].id) if more else None


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
        row["role_key"], row["role_name"], row["reason"], row["cause"], row["valid_from"]
    )
