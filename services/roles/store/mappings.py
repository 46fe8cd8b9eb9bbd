"""The catalogue of roles, and the mapping of each directory."""

from collections.abc import Sequence

from shared import db
from shared.contracts.ids import DirectoryId
from shared.contracts.management import MappedGroupRow, MappingRow, Role

_ROLES = "select key, name, description, privileged from roles order by key"
_PUT_ROLE = """
insert into roles (key, name, description, privileged) values ($1, $2, $3, $4)
on conflict (key) do update
  set name = excluded.name, description = excluded.description, privileged = excluded.privileged
returning xmax = 0 as is_new
"""
_ROWS = """
select m.group_id, m.role_key, g.display_name, g.deleted, r.name
from mappings as m
join groups as g on g.directory_id = m.directory_id and g.id = m.group_id
join roles as r on r.key = m.role_key
where m.directory_id = $1
order by g.name_key, m.role_key
"""
_CLEAR = "delete from mappings where directory_id = $1"
_INSERT = """
insert into mappings (directory_id, group_id, role_key)
select $1, * from unnest($2::uuid[], $3::text[])
"""
_SET_VERSION = "update directories set mapping_version = $2 where id = $1"


async def catalogue(connection: db.Connection) -> list[Role]:
    """Return the roles that the application declared."""
    return [Role.model_validate(dict(row)) for row in await connection.fetch(_ROLES)]


async def put_role(tx: db.Connection, role: Role) -> bool:
    """Declare a role or change what it is called; return whether it is new."""
    return bool(
        await tx.fetchval(_PUT_ROLE, role.key, role.name, role.description, role.privileged)
    )


async def rows(connection: db.Connection, directory: DirectoryId) -> list[MappedGroupRow]:
    """Return the mapping of a directory by group name."""
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
    tx: db.Connection, directory: DirectoryId, wanted: Sequence[MappingRow], version: int
) -> None:
    """Replace the rows of a locked directory's mapping."""
    await tx.execute(_CLEAR, directory)
    await tx.execute(
        _INSERT, directory, [row.group_id for row in wanted], [row.role for row in wanted]
    )
    await tx.execute(_SET_VERSION, directory, version)
