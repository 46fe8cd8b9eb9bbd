"""Users and groups: two tables of one shape."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from services.ingest.domain.resources import Resource
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import NotFound, Uniqueness
from services.ingest.scim.schema import ResourceType
from services.ingest.store.filters import Condition
from shared import db
from shared.contracts.ids import DirectoryId, is_id

_COLUMNS = "id, document, version, created_at, updated_at"


@dataclass(frozen=True, slots=True)
class _Statements:
    insert: str
    get: str
    lock: str
    lock_by_name: str
    update: str
    delete: str
    page: str
    count: str


def _statements(table: str) -> _Statements:
    return _Statements(
        insert=f"""
insert into {table} (directory_id, id, name_key, external_id, version, document, created_at,
                     updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
""",
        get=f"select {_COLUMNS} from {table} where directory_id = $1 and id = $2",
        lock=f"select {_COLUMNS} from {table} where directory_id = $1 and id = $2 for update",
        lock_by_name=f"""
select {_COLUMNS} from {table} where directory_id = $1 and name_key = $2 for update
""",
        update=f"""
update {table}
set name_key = $3, external_id = $4, version = $5, document = $6, updated_at = $7
where directory_id = $1 and id = $2
""",
        delete=f"delete from {table} where directory_id = $1 and id = $2",
        page=f"""
select {_COLUMNS} from {table} as resource
where directory_id = $1 and {{condition}}
order by id limit $2 offset $3
""",
        count=f"select count(*) from {table} as resource where directory_id = $1 and {{condition}}",
    )


_STATEMENTS = {USER.name: _statements("users"), GROUP.name: _statements("groups")}
_UNIQUE = {"users_name_key": "userName", "groups_name_key": "displayName"}


async def insert(tx: db.Connection, resource: Resource) -> None:
    """Store a new resource. Raises Uniqueness."""
    async with _unique():
        await tx.execute(
            _STATEMENTS[resource.type.name].insert,
            resource.directory,
            resource.id,
            resource.name_key,
            resource.external_id,
            resource.version,
            resource.document,
            resource.created_at,
            resource.updated_at,
        )


async def update(tx: db.Connection, resource: Resource) -> None:
    """Store the next version of a locked resource. Raises Uniqueness."""
    async with _unique():
        await tx.execute(
            _STATEMENTS[resource.type.name].update,
            resource.directory,
            resource.id,
            resource.name_key,
            resource.external_id,
            resource.version,
            resource.document,
            resource.updated_at,
        )


@asynccontextmanager
async def _unique() -> AsyncIterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        attribute = _UNIQUE.get(str(error.constraint_name))
        if attribute is None:
            raise
        raise Uniqueness(attribute) from error


async def get(
    connection: db.Connection, resource_type: ResourceType, directory: DirectoryId, key: str
) -> Resource:
    """Return a resource. Raises NotFound."""
    statement = _STATEMENTS[resource_type.name].get
    return await _one(connection, statement, resource_type, directory, key)


async def lock(
    tx: db.Connection, resource_type: ResourceType, directory: DirectoryId, key: str
) -> Resource:
    """Return a resource, its row locked until commit. Raises NotFound."""
    statement = _STATEMENTS[resource_type.name].lock
    return await _one(tx, statement, resource_type, directory, key)


async def _one(
    connection: db.Connection,
    statement: str,
    resource_type: ResourceType,
    directory: DirectoryId,
    key: str,
) -> Resource:
    row = await connection.fetchrow(statement, directory, key) if is_id(key) else None
    if row is None:
        raise NotFound(resource_type.name, key)
    return _resource(resource_type, directory, row)


async def lock_by_name(
    tx: db.Connection, resource_type: ResourceType, directory: DirectoryId, name_key: str
) -> Resource | None:
    """Return the resource of that name, its row locked until commit, or None."""
    statement = _STATEMENTS[resource_type.name].lock_by_name
    row = await tx.fetchrow(statement, directory, name_key)
    return _resource(resource_type, directory, row) if row else None


async def delete(tx: db.Connection, resource: Resource) -> None:
    """Remove a locked resource; its name is free again."""
    await tx.execute(_STATEMENTS[resource.type.name].delete, resource.directory, resource.id)


async def page(
    connection: db.Connection,
    resource_type: ResourceType,
    directory: DirectoryId,
    condition: Condition,
    *,
    limit: int,
    offset: int,
) -> tuple[int, list[Resource]]:
    """Return how many resources match, and those of one page in a stable order."""
    statements = _STATEMENTS[resource_type.name]
    total = await connection.fetchval(
        statements.count.format(condition=condition.sql(first=2)), directory, *condition.values
    )
    if not limit or offset >= total:
        return total, []
    rows: Sequence[db.Record] = await connection.fetch(
        statements.page.format(condition=condition.sql(first=4)),
        directory,
        limit,
        offset,
        *condition.values,
    )
    return total, [_resource(resource_type, directory, row) for row in rows]


def _resource(resource_type: ResourceType, directory: DirectoryId, row: db.Record) -> Resource:
    return Resource(
        resource_type,
        directory,
        row["id"],
        row["document"],
        row["version"],
        row["created_at"],
        row["updated_at"],
    )
