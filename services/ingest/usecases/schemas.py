"""Extension schemas of a directory: declare, list, remove.

A declaration describes values and never touches them: what is stored stays stored, before a
schema is declared, when it changes, and after it is removed (ADR 0014).
"""

from datetime import datetime

from services.ingest.domain import schemas as declarations
from services.ingest.domain.directories import SchemaConflictError, UnknownError
from services.ingest.domain.schemas import DeclaredSchema
from services.ingest.scim.schema import Schema
from services.ingest.store import directories, schemas
from shared import db
from shared.contracts.ids import DirectoryId


async def listed(database: db.Database, directory: str) -> list[DeclaredSchema]:
    """Return the schemas that a directory declares, by URN. Raises UnknownError."""
    async with database.connection() as connection:
        owner = await directories.get(connection, directory)
        return await schemas.listed(connection, owner.id)


async def declare(
    database: db.Database,
    directory: str,
    wanted: Schema,
    resource_type: str | None,
    now: datetime,
) -> tuple[DeclaredSchema, bool]:
    """Declare a schema or change it, effective in every process within 5 s.

    Return it, and whether it is new. Raises UnknownError, UnclearSchemaError, SchemaConflictError.
    """
    async with database.transaction() as tx:
        owner = await directories.get(tx, directory)
        existing = await schemas.lock(tx, owner.id)
        before = declarations.find(existing, wanted.id)
        after = declarations.declare(existing, wanted, resource_type)
        if before and before.resource_type != after.resource_type:
            await _refuse_if_held(tx, owner.id, before)
        if before != after:
            await schemas.save(tx, owner.id, after, now)
    return after, before is None


async def remove(database: db.Database, directory: str, urn: str, *, is_forced: bool) -> None:
    """Remove a schema; values of it stay stored, and are shown again when it is declared anew.

    Raises UnknownError, and SchemaConflictError while there are values, unless it is forced.
    """
    async with database.transaction() as tx:
        owner = await directories.get(tx, directory)
        found = declarations.find(await schemas.lock(tx, owner.id), urn)
        if found is None:
            raise UnknownError(
                f"This directory declares no schema {urn}; list them with GET …/schemas."
            )
        if not is_forced:
            await _refuse_if_held(tx, owner.id, found)
        await schemas.delete(tx, owner.id, found)


async def _refuse_if_held(
    tx: db.Connection, directory: DirectoryId, declared: DeclaredSchema
) -> None:
    count = await schemas.count_holders(tx, directory, declared)
    if count:
        kind = f"{declared.resource_type.lower()}{'s' if count > 1 else ''}"
        raise SchemaConflictError(
            f"{count} {kind} of this directory hold values of {declared.schema.id}. "
            "Remove it with ?force=true: the values stay stored, but are no longer shown."
        )
