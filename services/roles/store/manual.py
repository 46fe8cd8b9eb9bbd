"""Roles that are given by hand, as they are counted and listed; `working` loads and saves them."""

from shared import db
from shared.contracts.ids import DirectoryId, RoleKey, UserId

_KEPT = """
select count(*) from manual_assignments where directory_id = $1 and cause ->> 'kind' = 'mapping'
"""
_HOLDERS = """
select user_id from manual_assignments where directory_id = $1 and role_key = $2
order by user_id limit $3
"""


async def holders(
    connection: db.Connection, directory: DirectoryId, role: RoleKey, most: int
) -> list[UserId]:
    """Return users who are given a role by hand, `most` of them."""
    rows = await connection.fetch(_HOLDERS, directory, role, most)
    return [UserId(row["user_id"]) for row in rows]


async def kept(connection: db.Connection, directory: DirectoryId) -> int:
    """Return how many roles are given by hand because the mapping was switched off."""
    return int(await connection.fetchval(_KEPT, directory))
