"""What a provider can do with users (RFC 7644 §3)."""

import uuid
from collections.abc import Iterable

from services.ingest.domain import changes
from services.ingest.domain.resources import Act, Resource, new, user_ref
from services.ingest.scim import patch
from services.ingest.scim.definitions import USER
from services.ingest.scim.errors import Uniqueness
from services.ingest.scim.messages import Operation
from services.ingest.scim.schema import Document
from services.ingest.store import events, memberships, resources
from shared import db
from shared.contracts.ids import UserId, UserKey


async def create(database: db.Database, act: Act, document: Document) -> Resource:
    """Create a user, or restore the inactive one of that name (ADR 0011). Raises Uniqueness."""
    user = new(USER, act, str(uuid.uuid4()), document)
    try:
        async with database.transaction() as tx:
            await resources.insert(tx, user)
            await events.append(tx, act, [changes.created(user, act.cause)])
    except Uniqueness:
        return await _restore(database, act, user)
    return user


async def _restore(database: db.Database, act: Act, wanted: Resource) -> Resource:
    async with database.transaction() as tx:
        before = await resources.lock_by_name(tx, USER, act.directory, wanted.name_key)
        if before is None or before.is_active:
            raise Uniqueness("userName")
        return await _save(tx, act, before, wanted.document)


async def replace(database: db.Database, act: Act, key: str, document: Document) -> Resource:
    """Replace a user's attributes (RFC 7644 §3.5.1). Raises NotFound, Uniqueness."""
    async with database.transaction() as tx:
        before = await resources.lock(tx, USER, act.directory, key)
        return await _save(tx, act, before, document)


async def patched(
    database: db.Database, act: Act, key: str, operations: Iterable[Operation]
) -> Resource:
    """Apply operations to a user, all or none (RFC 7644 §3.5.2).

    Raises NotFound, InvalidPath, InvalidValue, NoTarget, Mutability, Uniqueness.
    """
    async with database.transaction() as tx:
        before = await resources.lock(tx, USER, act.directory, key)
        return await _save(tx, act, before, patch.apply(USER, before.document, operations))


async def _save(tx: db.Connection, act: Act, before: Resource, document: Document) -> Resource:
    """Store what a locked user is now; a change without effect keeps its version."""
    after = before.changed(document, act.now)
    if after is not before:
        await resources.update(tx, after)
        await events.append(tx, act, changes.between(before, after, act.cause))
    return after


async def delete(database: db.Database, act: Act, key: str) -> None:
    """Delete a user and its memberships, each an event. Raises NotFound."""
    async with database.transaction() as tx:
        user = await resources.lock(tx, USER, act.directory, key)
        groups = await memberships.leave_all(tx, UserKey(act.directory, UserId(key)))
        await resources.delete(tx, user)
        left = [
            event for group in groups for event in changes.left([user_ref(user)], group, act.cause)
        ]
        await events.append(tx, act, [*left, changes.deleted(user, act.cause)])
