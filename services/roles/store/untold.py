"""What a snapshot did not tell of: found by the event that told of a row last."""

from collections.abc import Collection

from services.roles.domain.snapshots import Untold
from shared import db
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId, GroupId, UserId

_USERS = """
select id from users where directory_id = $1 and (generation, sequence) < ($2, $3)
  and ($4::uuid[] is null or id = any($4))
"""
_MEMBERSHIPS = """
select group_id, user_id from memberships
where directory_id = $1 and (generation, sequence) < ($2, $3)
  and ($4::uuid[] is null or user_id = any($4))
"""
_AFFECTED = """
select user_id from (
  (select id as user_id from users
   where directory_id = $1 and (generation, sequence) < ($2, $3) limit $4)
  union (select user_id from memberships
   where directory_id = $1 and (generation, sequence) < ($2, $3) limit $4)) as each
order by user_id limit $4
"""
_COUNT_AFFECTED = """
select count(*) from (
  select id as user_id from users
  where directory_id = $1 and (generation, sequence) < ($2, $3)
  union select user_id from memberships
  where directory_id = $1 and (generation, sequence) < ($2, $3)) as each
"""
_DELETE_GROUPS = """
update groups set deleted = true
where directory_id = $1 and not deleted and (generation, sequence) < ($2, $3)
"""


async def since(
    tx: db.Connection,
    directory: DirectoryId,
    begin: Position,
    users: Collection[UserId] | None = None,
) -> Untold:
    """Return of these users, or of all, who and which memberships were not told since `begin`."""
    place = (directory, begin.generation, begin.sequence, None if users is None else list(users))
    memberships: dict[UserId, set[GroupId]] = {}
    for row in await tx.fetch(_MEMBERSHIPS, *place):
        memberships.setdefault(UserId(row["user_id"]), set()).add(GroupId(row["group_id"]))
    gone = await tx.fetch(_USERS, *place)
    return Untold(
        frozenset(UserId(row["id"]) for row in gone),
        {user: frozenset(groups) for user, groups in memberships.items()},
    )


async def affected(
    tx: db.Connection, directory: DirectoryId, begin: Position, most: int
) -> list[UserId]:
    """Return users of whom something was not told since `begin`, in order of ids; `most` of them.

    All of them, where there are fewer.
    """
    rows = await tx.fetch(_AFFECTED, directory, begin.generation, begin.sequence, most)
    return [UserId(row["user_id"]) for row in rows]


async def count_affected(tx: db.Connection, directory: DirectoryId, begin: Position) -> int:
    """Return of how many users something was not told since `begin`."""
    place = (directory, begin.generation, begin.sequence)
    return int(await tx.fetchval(_COUNT_AFFECTED, *place))


async def delete_groups(tx: db.Connection, directory: DirectoryId, begin: Position) -> None:
    """Mark the groups of which nothing was told since `begin` as deleted."""
    await tx.execute(_DELETE_GROUPS, directory, begin.generation, begin.sequence)
