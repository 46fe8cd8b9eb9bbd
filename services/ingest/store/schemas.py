"""The extension schemas that directories declare, as the JSON of /Schemas."""

from datetime import datetime

from services.ingest.domain.schemas import DeclaredSchema
from services.ingest.scim import declaration, discovery
from services.ingest.scim.definitions import GROUP, TYPES, USER, Types
from shared import db
from shared.contracts.ids import DirectoryId

_LOCK_DIRECTORY = "select 1 from directories where id = $1 for no key update"
_LISTED = """
select resource_type, document from directory_schemas where directory_id = $1 order by urn_key
"""
_SAVE = """
insert into directory_schemas (directory_id, urn_key, resource_type, document, updated_at)
values ($1, $2, $3, $4, $5)
on conflict on constraint directory_schemas_pkey do update
set resource_type = excluded.resource_type, document = excluded.document,
    updated_at = excluded.updated_at
"""
_DELETE = "delete from directory_schemas where directory_id = $1 and urn_key = $2"
_HOLDERS = {
    USER.name: "select count(*) from users where directory_id = $1 and document ? $2",
    GROUP.name: "select count(*) from groups where directory_id = $1 and document ? $2",
}


async def lock(tx: db.Connection, directory: DirectoryId) -> list[DeclaredSchema]:
    """Return what a directory declares; nobody else changes it until commit."""
    await tx.fetchval(_LOCK_DIRECTORY, directory)
    return await listed(tx, directory)


async def listed(connection: db.Connection, directory: DirectoryId) -> list[DeclaredSchema]:
    """Return the schemas that a directory declares, by URN."""
    return [
        DeclaredSchema(row["resource_type"], declaration.schema(row["document"]))
        for row in await connection.fetch(_LISTED, directory)
    ]


async def types(connection: db.Connection, directory: DirectoryId) -> Types:
    """Return the resource types of a directory, with the schemas that it declares."""
    found = await listed(connection, directory)
    return {
        name: declaration.extended(kind, [one.schema for one in found if one.resource_type == name])
        for name, kind in TYPES.items()
    }


async def save(
    tx: db.Connection, directory: DirectoryId, declared: DeclaredSchema, now: datetime
) -> None:
    """Store a declaration, instead of the one with its URN if there is one."""
    described = discovery.described(declared.schema)
    await tx.execute(_SAVE, directory, declared.key, declared.resource_type, described, now)


async def delete(tx: db.Connection, directory: DirectoryId, declared: DeclaredSchema) -> None:
    """Forget a declaration; the values in documents stay."""
    await tx.execute(_DELETE, directory, declared.key)


async def count_holders(
    connection: db.Connection, directory: DirectoryId, declared: DeclaredSchema
) -> int:
    """Return how many users or groups have values of the schema."""
    statement = _HOLDERS[declared.resource_type]
    return int(await connection.fetchval(statement, directory, declared.schema.id))
