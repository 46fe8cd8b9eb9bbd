"""Who is in which group: one row a membership, so that its cost never depends on the group."""

from collections.abc import Iterable

import asyncpg

from services.ingest.scim.errors import InvalidValue
from shared import db
from shared.contracts.directory_events import GroupRef, UserRef
from shared.contracts.ids import DirectoryId, GroupId, GroupKey, UserId, UserKey, is_id

_USER = """
u.id, u.document ->> 'userName' as user_name, u.external_id,
coalesce((u.document ->> 'active')::boolean, true) as active
"""
_GROUP = "g.id, g.document ->> 'displayName' as display_name, g.external_id"
_ADD = f"""
with known as (
  select u.id from users as u where directory_id = $1 and id = any($3::uuid[]) order by id),
added as (
  insert into memberships (directory_id, group_id, user_id) select $1, $2, id from known
  on conflict do nothing returning user_id)
select {_USER}, added.user_id is not null as is_new
from users as u left join added on added.user_id = u.id
where u.directory_id = $1 and u.id in (select id from known)
order by u.id
"""
_REMOVED = f"""
select {_USER} from removed join users as u on u.directory_id = $1 and u.id = removed.user_id
order by u.id
"""
_REMOVE = f"""
with removed as (
  delete from memberships
  where directory_id = $1 and group_id = $2 and user_id = any($3::uuid[]) returning user_id)
{_REMOVED}
"""
_KEEP = f"""
with removed as (
  delete from memberships
  where directory_id = $1 and group_id = $2 and user_id <> all($3::uuid[]) returning user_id)
{_REMOVED}
"""
_LEAVE_ALL = f"""
with removed as (
  delete from memberships where directory_id = $1 and user_id = $2 returning group_id)
select {_GROUP}
from removed join groups as g on g.directory_id = $1 and g.id = removed.group_id
order by g.id
"""


_AFTER = f"""
select m.group_id, {_USER}, g.document ->> 'displayName' as display_name,
       g.external_id as group_external_id
from (select group_id, user_id from memberships
      where directory_id = $1 and (group_id, user_id) > ($2, $3)
      order by group_id, user_id limit $4) as m
join users as u on u.directory_id = $1 and u.id = m.user_id
join groups as g on g.directory_id = $1 and g.id = m.group_id
order by m.group_id, m.user_id
"""


async def add(tx: db.Connection, group: GroupKey, users: Iterable[str]) -> list[UserRef]:
    """Add users to a locked group; return those that were not in it. Raises InvalidValue."""
    wanted = list(users)
    if not wanted:
        return []
    _refuse(user for user in wanted if not is_id(user))
    try:
        rows = await tx.fetch(_ADD, group.directory, group.id, wanted)
    except asyncpg.ForeignKeyViolationError as error:
        raise InvalidValue("members", "a user was deleted at this moment") from error
    known = {row["id"] for row in rows}
    _refuse(user for user in wanted if user not in known)
    return [_user(row) for row in rows if row["is_new"]]


def _refuse(unknown: Iterable[str]) -> None:
    names = ", ".join(list(unknown)[:5])
    if names:
        raise InvalidValue("members", f"no user of this directory has the id {names}")


async def remove(tx: db.Connection, group: GroupKey, users: Iterable[str]) -> list[UserRef]:
    """Take users out of a locked group; return those that were in it."""
    known = [user for user in users if is_id(user)]
    if not known:
        return []
    rows = await tx.fetch(_REMOVE, group.directory, group.id, known)
    return [_user(row) for row in rows]


async def keep_only(tx: db.Connection, group: GroupKey, users: Iterable[str]) -> list[UserRef]:
    """Take everybody but these users out of a locked group; return who was taken out."""
    kept = [user for user in users if is_id(user)]
    rows = await tx.fetch(_KEEP, group.directory, group.id, kept)
    return [_user(row) for row in rows]


async def leave_all(tx: db.Connection, user: UserKey) -> list[GroupRef]:
    """Take a locked user out of every group; return these groups."""
    rows = await tx.fetch(_LEAVE_ALL, user.directory, user.id)
    return [_group(row) for row in rows]


async def after(
    connection: db.Connection, directory: DirectoryId, group: str, user: str, *, limit: int
) -> list[tuple[UserRef, GroupRef]]:
    """Return the memberships that follow this one, in order of groups, then users."""
    return [
        (
            _user(row),
            GroupRef(
                id=GroupId(row["group_id"]),
                external_id=row["group_external_id"],
                display_name=row["display_name"],
            ),
        )
        for row in await connection.fetch(_AFTER, directory, group, user, limit)
    ]


def _user(row: db.Record) -> UserRef:
    return UserRef(
        id=UserId(row["id"]),
        external_id=row["external_id"],
        user_name=row["user_name"],
        active=row["active"],
    )


def _group(row: db.Record) -> GroupRef:
    return GroupRef(
        id=GroupId(row["id"]), external_id=row["external_id"], display_name=row["display_name"]
    )
