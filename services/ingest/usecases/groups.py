"""What a provider can do with groups; members are rows, written only where they change."""

import uuid
from typing import Any

from services.ingest.domain import changes
from services.ingest.domain.preconditions import ANY_VERSION, Precondition
from services.ingest.domain.resources import Act, Resource, group_ref, new
from services.ingest.scim import immutable, normalize, patch
from services.ingest.scim.definitions import GROUP
from services.ingest.scim.patch import MemberEdits
from services.ingest.scim.schema import Document
from services.ingest.store import events, memberships, resources
from shared import db
from shared.contracts.directory_events import DirectoryEvent
from shared.contracts.ids import GroupId, GroupKey


async def create(database: db.Database, act: Act, raw: Any, new_id: str | None = None) -> Resource:
    """Create a group with its members.

    Raises Uniqueness, InvalidSyntax, InvalidValue, also for an unknown member.
    """
    kind = act.types[GROUP.name]
    document, members = normalize.group(kind, raw)
    group = new(kind, act, new_id or str(uuid.uuid4()), document)
    made = changes.created(group, act.cause)
    if not members:
        async with database.connection() as connection:
            await resources.insert(connection, group, events.entries(act, [made]))
        return group
    async with database.transaction() as tx:
        await resources.insert(tx, group)
        joined = await memberships.add(tx, _key(group), members)
        told = changes.joined(joined, group_ref(group), act.cause)
        await events.append(tx, act, [made, *told])
    return group


async def replace(
    database: db.Database, act: Act, key: str, raw: Any, when: Precondition = ANY_VERSION
) -> Resource:
    """Replace a group and its members (RFC 7644 §3.5.1).

    Raises NotFound, PreconditionFailed, Uniqueness, Mutability, InvalidValue, InvalidSyntax.
    """
    kind = act.types[GROUP.name]
    document, members = normalize.group(kind, raw)
    async with database.transaction() as tx:
        before = await resources.lock(tx, kind, act.directory, key)
        when.check(before)
        document = immutable.kept(kind, before.document, document)
        edits = MemberEdits(cleared=True, added=tuple(members), removed=frozenset())
        return await _save(tx, act, before, document, edits)


async def patched(
    database: db.Database, act: Act, key: str, raw: Any, when: Precondition = ANY_VERSION
) -> Resource:
    """Apply operations to a group, all or none (RFC 7644 §3.5.2).

    Raises NotFound, PreconditionFailed, Uniqueness, and what is wrong with the operations.
    """
    kind = act.types[GROUP.name]
    operations = normalize.operations(raw)
    async with database.transaction() as tx:
        before = await resources.lock(tx, kind, act.directory, key)
        when.check(before)
        result = patch.apply_to_group(kind, before.document, operations)
        return await _save(tx, act, before, result.document, result.members)


async def _save(
    tx: db.Connection, act: Act, before: Resource, document: Document, edits: MemberEdits
) -> Resource:
    """Store what a locked group is now; a change without effect keeps its version."""
    after = before.changed(document, act.now)
    moved = await _edit_members(tx, act, after, edits)
    if moved and after is before:
        after = before.touched(act.now)
    if after is not before:
        told = [*changes.between(before, after, act.cause), *moved]
        await resources.update(tx, after, events.entries(act, told))
    return after


async def _edit_members(
    tx: db.Connection, act: Act, group: Resource, edits: MemberEdits
) -> list[DirectoryEvent]:
    key = _key(group)
    if edits.cleared:
        gone = await memberships.keep_only(tx, key, edits.added)
    else:
        gone = await memberships.remove(tx, key, edits.removed)
    come = await memberships.add(tx, key, edits.added)
    ref = group_ref(group)
    return [*changes.left(gone, ref, act.cause), *changes.joined(come, ref, act.cause)]


async def delete(
    database: db.Database, act: Act, key: str, when: Precondition = ANY_VERSION
) -> None:
    """Delete a group and its memberships, each an event. Raises NotFound, PreconditionFailed."""
    async with database.transaction() as tx:
        group = await resources.lock(tx, act.types[GROUP.name], act.directory, key)
        when.check(group)
        left = await memberships.keep_only(tx, _key(group), [])
        await resources.delete(tx, group)
        told = [
            *changes.left(left, group_ref(group), act.cause, "group.deleted"),
            changes.deleted(group, act.cause),
        ]
        await events.append(tx, act, told)


def _key(group: Resource) -> GroupKey:
    return GroupKey(group.directory, GroupId(group.id))
