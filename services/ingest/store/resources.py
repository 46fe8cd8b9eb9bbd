"""Users and groups: two tables of one shape, and what lookups need beside it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from services.ingest.domain.resources import Resource
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import NotFound, Uniqueness
from services.ingest.scim.folding import folded
from services.ingest.scim.schema import Document, ResourceType
from shared import db, outbox
from shared.contracts.ids import DirectoryId, UserId, is_id


class OvertakenError(Exception):
    """Somebody else changed the resource since it was read."""


_COLUMNS = "id, document, version, created_at, updated_at"


def _display_key(user: Document) -> str | None:
    name = user.get("displayName")
    return None if name is None else folded(name)


def _email_keys(user: Document) -> list[str]:
    return [folded(each["value"]) for each in user.get("emails", ()) if "value" in each]


# Folded here, as `name_key` is: in Postgres it would cost as much as the rest of the insert.
_KEYS: Mapping[str, Mapping[str, Callable[[Document], object]]] = {
    USER.name: {"display_key": _display_key, "email_keys": _email_keys},
    GROUP.name: {},
}
_HAS_USER = "select exists (select from users where directory_id = $1 and id = $2)"
_STORED = ("name_key", "external_id", "version", "document", "updated_at")


@dataclass(frozen=True, slots=True)
class _Statements:
    insert: str
    insert_told: str
    get: str
    lock: str
    lock_by_name: str
    update_told: str
    delete: str
    after: str


def _statements(table: str, keys: Iterable[str]) -> _Statements:
    written = (*_STORED, *keys)
    after = len(written) + 3
    places = ", ".join(f"${number}" for number in range(1, after + 1))
    insert = f"""
insert into {table} (directory_id, id, {", ".join(written)}, created_at) values ({places})
"""
    update = f"""
update {table} set {", ".join(f"{name} = ${place}" for place, name in enumerate(written, 3))}
where directory_id = $1 and id = $2 and version = ${written.index("version") + 3} - 1
"""
    return _Statements(
        insert=insert,
        insert_told=outbox.statement(f"{insert}returning 1", first=after + 1),
        update_told=outbox.statement(f"{update}returning 1", first=after),
        get=f"select {_COLUMNS} from {table} where directory_id = $1 and id = $2",
        lock=f"select {_COLUMNS} from {table} where directory_id = $1 and id = $2 for update",
        lock_by_name=f"""
select {_COLUMNS} from {table} where directory_id = $1 and name_key = $2 for update
""",
        delete=f"delete from {table} where directory_id = $1 and id = $2",
        after=f"""
select {_COLUMNS} from {table} where directory_id = $1 and id > $2 order by id limit $3
""",
    )


_STATEMENTS = {
    USER.name: _statements("users", _KEYS[USER.name]),
    GROUP.name: _statements("groups", _KEYS[GROUP.name]),
}
_UNIQUE = {"users_name_key": "userName", "groups_name_key": "displayName"}


async def insert(
    connection: db.Connection, resource: Resource, told: Sequence[outbox.Entry] = ()
) -> None:
    """Store a new resource, and in the same statement what is told of it. Raises Uniqueness.

    What is told needs no transaction around it; it locks the directory's counter.
    """
    statements, values = _STATEMENTS[resource.type.name], (*_values(resource), resource.created_at)
    async with _unique():
        if told:
            await outbox.store(connection, statements.insert_told, values, told)
        else:
            await connection.execute(statements.insert, *values)


async def update(
    connection: db.Connection, resource: Resource, told: Sequence[outbox.Entry]
) -> None:
    """Store the next version of a resource with what is told of it, in one statement.

    Needs no transaction around it; it locks the directory's counter: call it last.
    Raises Uniqueness, and OvertakenError when the version before is not what is stored.
    """
    async with _unique():
        statement = _STATEMENTS[resource.type.name].update_told
        try:
            await outbox.store(connection, statement, _values(resource), told)
        except LookupError as error:
            raise OvertakenError from error


def _values(resource: Resource) -> tuple[object, ...]:
    return (
        resource.directory,
        resource.id,
        resource.name_key,
        resource.external_id,
        resource.version,
        resource.document,
        resource.updated_at,
        *(key(resource.document) for key in _KEYS[resource.type.name].values()),
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


async def has_user(connection: db.Connection, directory: DirectoryId, user: UserId) -> bool:
    """Tell whether a user is in the directory."""
    return bool(await connection.fetchval(_HAS_USER, directory, user))


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


async def after(
    connection: db.Connection,
    resource_type: ResourceType,
    directory: DirectoryId,
    last: str,
    *,
    limit: int,
) -> list[Resource]:
    """Return the resources that follow an id, in order of ids."""
    statement = _STATEMENTS[resource_type.name].after
    rows = await connection.fetch(statement, directory, last, limit)
    return [_resource(resource_type, directory, row) for row in rows]


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
