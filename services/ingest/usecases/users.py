"""What a provider can do with users (RFC 7644 §3)."""

import uuid
from collections.abc import Callable
from typing import Any

from services.ingest.domain import changes
from services.ingest.domain.preconditions import ANY_VERSION, Precondition
from services.ingest.domain.resources import Act, Resource, new, user_ref
from services.ingest.scim import immutable, normalize, patch
from services.ingest.scim.definitions import USER
from services.ingest.scim.errors import Uniqueness
from services.ingest.scim.schema import Document
from services.ingest.store import events, memberships, resources
from services.ingest.store.resources import OvertakenError
from shared import db
from shared.contracts.ids import UserId, UserKey


async def create(database: db.Database, act: Act, raw: Any, new_id: str | None = None) -> Resource:
    """Create a user, or restore the inactive one of that name (ADR 0011).

    Raises Uniqueness, InvalidValue, InvalidSyntax.
    """
    kind = act.types[USER.name]
    user = new(kind, act, new_id or str(uuid.uuid4()), normalize.resource(kind, raw))
    told = events.entries(act, [changes.created(user, act.cause)])
    try:
        async with database.connection() as connection:
            await resources.insert(connection, user, told)
    except Uniqueness:
        return await _restore(database, act, user)
    return user


async def _restore(database: db.Database, act: Act, wanted: Resource) -> Resource:
    async with database.transaction() as tx:
        before = await resources.lock_by_name(tx, wanted.type, act.directory, wanted.name_key)
        if before is None or before.is_active:
            raise Uniqueness("userName")
        return await _save(tx, act, before, wanted.document)


async def replace(
    database: db.Database, act: Act, key: str, raw: Any, when: Precondition = ANY_VERSION
) -> Resource:
    """Replace a user's attributes (RFC 7644 §3.5.1).

    Raises NotFound, PreconditionFailed, Uniqueness, Mutability, InvalidValue, InvalidSyntax.
    """
    kind = act.types[USER.name]
    document = normalize.resource(kind, raw)
    return await _changed(
        database, act, key, when, lambda before: immutable.kept(kind, before, document)
    )


async def patched(
    database: db.Database, act: Act, key: str, raw: Any, when: Precondition = ANY_VERSION
) -> Resource:
    """Apply operations to a user, all or none (RFC 7644 §3.5.2).

    Raises NotFound, PreconditionFailed, Uniqueness, and what is wrong with the operations.
    """
    kind = act.types[USER.name]
    operations = normalize.operations(raw)
    return await _changed(
        database, act, key, when, lambda before: patch.apply(kind, before, operations)
    )


async def _changed(
    database: db.Database,
    act: Act,
    key: str,
    when: Precondition,
    change: Callable[[Document], Document],
) -> Resource:
    """Store what `change` makes of a user; who is overtaken does it again with the user locked.

    To read and to write is half of the round trips of a transaction that locks.
    """
    kind = act.types[USER.name]
    try:
        async with database.connection() as connection:
            before = await resources.get(connection, kind, act.directory, key)
            when.check(before)
            return await _save(connection, act, before, change(before.document))
    except OvertakenError:
        async with database.transaction() as tx:
            before = await resources.lock(tx, kind, act.directory, key)
            when.check(before)
            return await _save(tx, act, before, change(before.document))


async def _save(
    connection: db.Connection, act: Act, before: Resource, document: Document
) -> Resource:
    """Store what a user is now; a change without effect keeps its version.

    Raises Uniqueness, OvertakenError.
    """
    after = before.changed(document, act.now)
    if after is not before:
        told = changes.between(before, after, act.cause)
        await resources.update(connection, after, events.entries(act, told))
    return after


async def delete(
    database: db.Database, act: Act, key: str, when: Precondition = ANY_VERSION
) -> None:
    """Delete a user and its memberships, each an event. Raises NotFound, PreconditionFailed."""
    async with database.transaction() as tx:
        user = await resources.lock(tx, act.types[USER.name], act.directory, key)
        when.check(user)
        groups = await memberships.leave_all(tx, UserKey(act.directory, UserId(key)))
        await resources.delete(tx, user)
        left = [
            event
            for group in groups
            for event in changes.left([user_ref(user)], group, act.cause, "user.deleted")
        ]
        await events.append(tx, act, [*left, changes.deleted(user, act.cause)])
