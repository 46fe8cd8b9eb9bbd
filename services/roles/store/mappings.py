"""The catalogue of roles, and the mapping of each directory."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.roles.domain.values import Directory
from shared import db
from shared.contracts.ids import DirectoryId, GroupId, RoleKey
from shared.contracts.management import MappedGroupRow, Role

_ROLES = """
select key, name, description, privileged, leaving is not null as leaving from roles order by key
"""
_PUT_ROLE = """
insert into roles (key, name, description, privileged) values ($1, $2, $3, $4)
on conflict (key) do update
  set name = excluded.name, description = excluded.description, privileged = excluded.privileged,
      leaving = null
returning xmax = 0 as is_new
"""
_MAPPED_IN = """
select directory_id from mappings where role_key = $1
union select id from directories where default_role = $1
union select directory_id from manual_assignments where role_key = $1
order by 1
"""
_LET_GO = "update roles set leaving = $2 where key = $1"
_LEAVING = "select key from roles where leaving is not null order by key"
# A save on its way to its users may still give them the role for a moment.
_REMOVE_ROLE = """
delete from roles where key = $1 and leaving is not null
  and not exists (select from mappings where role_key = $1)
  and not exists (select from directories where default_role = $1)
  and not exists (select from manual_assignments where role_key = $1)
  and not exists (select from assignments where role_key = $1)
  and not exists (select from rollouts where position('"' || $1 || '"' in change::text) > 0)
returning leaving
"""
_ROWS = """
select m.group_id, m.role_key, g.display_name, g.deleted, r.name
from mappings as m
join directories as d on d.id = m.directory_id
join groups as g on g.directory_id = m.directory_id and g.id = m.group_id
join roles as r on r.key = m.role_key
where m.directory_id = $1
order by case d.strategy when 'first_match' then m.position end, g.name_key, m.role_key
"""
_CLEAR = "delete from mappings where directory_id = $1"
_INSERT = """
insert into mappings (directory_id, group_id, role_key, position)
select $1, * from unnest($2::uuid[], $3::text[]) with ordinality
"""
_SET_OPTIONS = """
update directories set mapping_version = $2, strategy = $3, default_role = $4, mapping_on = $5
where id = $1
"""
_HOLDERS = """
select role_key, count(*) as users from assignments
where directory_id = $1 and role_key = any($2::text[]) group by role_key
"""


async def catalogue(connection: db.Connection) -> list[Role]:
    """Return the roles that the application declared."""
    return [Role.model_validate(dict(row)) for row in await connection.fetch(_ROLES)]


async def put_role(tx: db.Connection, role: Role) -> bool:
    """Declare a role or change what it is called; return whether it is new."""
    return bool(
        await tx.fetchval(_PUT_ROLE, role.key, role.name, role.description, role.privileged)
    )


async def mapped_in(connection: db.Connection, role: RoleKey) -> list[DirectoryId]:
    """Return the directories whose mapping grants a role, or where it is given by hand."""
    rows = await connection.fetch(_MAPPED_IN, role)
    return [DirectoryId(row["directory_id"]) for row in rows]


async def let_go(tx: db.Connection, role: RoleKey, facts: Mapping[str, object]) -> None:
    """Note that a role goes once nothing grants it and nobody holds it, with what is audited."""
    await tx.execute(_LET_GO, role, facts)


async def leaving(connection: db.Connection) -> list[RoleKey]:
    """Return the roles that go once they can."""
    return [RoleKey(row["key"]) for row in await connection.fetch(_LEAVING)]


async def remove_role(tx: db.Connection, role: RoleKey) -> Mapping[str, Any] | None:
    """Remove a role that nothing grants and nobody holds; return what was noted of that.

    None while it cannot go.
    """
    row = await tx.fetchrow(_REMOVE_ROLE, role)
    return dict(row["leaving"]) if row else None


async def rows(connection: db.Connection, directory: DirectoryId) -> list[MappedGroupRow]:
    """Return the rows of a directory's mapping in order; without one, by group name."""
    return [
        MappedGroupRow(
            group_id=row["group_id"],
            role=row["role_key"],
            group_name=row["display_name"],
            group_deleted=row["deleted"],
            role_name=row["name"],
        )
        for row in await connection.fetch(_ROWS, directory)
    ]


async def replace(
    tx: db.Connection, directory: Directory, wanted: Sequence[tuple[GroupId, RoleKey]]
) -> None:
    """Replace the mapping of a locked directory by these rows, in order, and its options."""
    await tx.execute(_CLEAR, directory.id)
    groups, keys = [group for group, _ in wanted], [key for _, key in wanted]
    await tx.execute(_INSERT, directory.id, groups, keys)
    await tx.execute(
        _SET_OPTIONS,
        directory.id,
        directory.mapping_version,
        directory.strategy,
        directory.default_role,
        directory.is_mapping_on,
    )


async def holders(
    connection: db.Connection, directory: DirectoryId, roles: Sequence[RoleKey]
) -> dict[RoleKey, int]:
    """Return how many users of a directory hold each of these roles, those that anybody holds."""
    rows = await connection.fetch(_HOLDERS, directory, roles) if roles else []
    return {RoleKey(row["role_key"]): row["users"] for row in rows}
