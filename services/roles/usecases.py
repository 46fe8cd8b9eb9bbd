"""What happens to roles: events come in, an administrator saves a mapping, somebody asks why."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from services.roles import domain, store
from services.roles.domain import (
    BadMappingError,
    Directory,
    Moment,
    StaleMappingError,
    Told,
    Working,
)
from shared import db
from shared.contracts import directory_events, management
from shared.contracts.directory_events import (
    Cause,
    DirectoryCreated,
    DirectoryEvent,
    MembershipEvent,
    UserEvent,
)
from shared.contracts.envelope import Envelope, Origin
from shared.contracts.ids import DirectoryId, GroupId, RoleKey, UserId
from shared.contracts.management import Explanation, Mapping, MappingEdit, MappingRow
from shared.contracts.role_events import MappedGroup, MappingSaved, RoleRef

Decoded = tuple[Envelope, DirectoryEvent]


async def apply_events(tx: db.Connection, envelopes: Sequence[Envelope]) -> None:
    """Fold a batch of directory events into assignments, and publish the transitions.

    Runs inside the consumer's transaction. Raises pydantic.ValidationError for data that does not
    fit its type; types of a newer version are skipped.
    """
    events = [(one, event) for one in envelopes if (event := directory_events.decode(one))]
    await _meet_new_directories(tx, events)
    directories = await store.lock_directories(tx, {one.directory for one, _ in events})
    working = await store.load(tx, directories, _affected(events))
    told: dict[DirectoryId, list[Told]] = {key: [] for key in working}
    for one, event in events:
        moment = Moment(one.time, event.cause, one.id)
        told[one.directory] += domain.apply(working[one.directory], event, moment)
    for key, part in working.items():
        await store.save(tx, key, part.edits)
        await store.announce(tx, store.Announcement(part, told[key]))


async def _meet_new_directories(tx: db.Connection, events: Iterable[Decoded]) -> None:
    for one, event in events:
        if isinstance(event, DirectoryCreated):
            directory = Directory(one.directory, one.organization, event.name)
            await store.insert_directory(tx, directory)


def _affected(events: Iterable[Decoded]) -> set[tuple[DirectoryId, UserId]]:
    return {
        (one.directory, event.user.id)
        for one, event in events
        if isinstance(event, UserEvent | MembershipEvent)
    }


async def catalogue(database: db.Database) -> list[management.Role]:
    """Return the roles that the application declared."""
    async with database.connection() as connection:
        return await store.catalogue(connection)


async def declare_role(
    database: db.Database, key: RoleKey, wanted: management.RoleDeclaration
) -> tuple[management.Role, bool]:
    """Declare a role, or change its name, description or rank; return it and whether it is new."""
    role = management.Role(key=key, **wanted.model_dump())
    async with database.transaction() as tx:
        return role, await store.put_role(tx, role)


async def mapping(database: db.Database, directory: str) -> Mapping:
    """Return the mapping of a directory. Raises UnknownError."""
    async with database.connection() as connection:
        return await _mapping(connection, await store.directory(connection, directory))


async def _mapping(tx: db.Connection, directory: Directory) -> Mapping:
    rows = await store.mapping_rows(tx, directory.id)
    return Mapping(directory_id=directory.id, version=directory.mapping_version, rows=rows)


async def groups(
    database: db.Database, directory: str, name: str | None
) -> list[management.KnownGroup]:
    """Return the groups of a directory, or those of that name. Raises UnknownError."""
    async with database.connection() as connection:
        found = await store.directory(connection, directory)
        return await store.groups(connection, found.id, name)


async def save_mapping(
    database: db.Database, directory: str, edit: MappingEdit, now: datetime
) -> Mapping:
    """Save a mapping and publish what follows from it; one act, one cause.

    A save that changes nothing changes no version and publishes nothing.
    Raises UnknownError, StaleMappingError, BadMappingError.
    """
    async with database.transaction() as tx:
        found = await store.lock_directory(tx, directory)
        before = await _mapping(tx, found)
        if edit.version != found.mapping_version:
            raise StaleMappingError(
                f"The mapping was saved meanwhile: it has version {found.mapping_version}, "
                f"yours was made from {edit.version}. Read it again and repeat your change."
            )
        mapped = await _checked(tx, found, edit.rows, before)
        groups = domain.changed_groups(_by_group(before.rows), _by_group(edit.rows))
        if not groups:
            return before
        await store.save_mapping(tx, found.id, edit.rows, found.mapping_version + 1)
        cause = Cause(kind="mapping", id=str(uuid.uuid4()), actor=edit.actor)
        saved = MappingSaved(cause=cause, version=found.mapping_version + 1, rows=mapped)
        await _reassign(tx, found, groups, saved, now)
        return Mapping(
            directory_id=found.id,
            version=found.mapping_version + 1,
            rows=await store.mapping_rows(tx, found.id),
        )


async def _checked(
    tx: db.Connection, directory: Directory, rows: Sequence[MappingRow], before: Mapping
) -> list[MappedGroup]:
    """Return the rows with names. Raises BadMappingError for one that cannot be."""
    kept = [row.group_id for row in before.rows]
    known = await store.group_refs(tx, directory.id, [row.group_id for row in rows], kept)
    roles = {role.key: role for role in await store.catalogue(tx)}
    seen: set[tuple[GroupId, str]] = set()
    for row in rows:
        if row.group_id not in known:
            raise BadMappingError(
                f"There is no group {row.group_id} in this directory; choose one of its groups."
            )
        if row.role not in roles:
            raise BadMappingError(
                f"No role {row.role} is declared; declare it first: rollcall roles declare."
            )
        if (row.group_id, row.role) in seen:
            name = known[row.group_id].display_name
            raise BadMappingError(f"The group {name} is given {row.role} twice; remove one row.")
        seen.add((row.group_id, row.role))
    return [
        MappedGroup(
            group=known[row.group_id],
            role=RoleRef(key=RoleKey(row.role), name=roles[RoleKey(row.role)].name),
        )
        for row in rows
    ]


def _by_group(rows: Iterable[MappingRow]) -> dict[GroupId, frozenset[RoleKey]]:
    mapping: dict[GroupId, frozenset[RoleKey]] = {}
    for row in rows:
        mapping[row.group_id] = mapping.get(row.group_id, frozenset()) | {RoleKey(row.role)}
    return mapping


async def _reassign(
    tx: db.Connection,
    directory: Directory,
    groups: set[GroupId],
    saved: MappingSaved,
    now: datetime,
) -> None:
    """Settle everybody in the groups whose rows changed, under the mapping as stored now."""
    users = await store.members(tx, directory.id, groups)
    loaded = await store.load(
        tx, {directory.id: directory}, [(directory.id, user) for user in users]
    )
    working: Working = loaded[directory.id]
    moment = Moment(now, saved.cause)
    told = [
        one
        for user in sorted(working.users)
        for one in domain.settle(working, working.users[user], moment, lost="mapping")
    ]
    await store.save(tx, directory.id, working.edits)
    origin = Origin(directory.id, directory.organization, now)
    await store.announce(tx, store.Announcement(working, told, (saved, origin)))


async def explain(database: db.Database, directory: str, user: str) -> Explanation:
    """Say why a user holds its roles, or why it holds none. Raises UnknownError."""
    async with database.connection() as connection:
        found = await store.directory(connection, directory)
        person = await store.find_user(connection, found.id, user)
        loaded = await store.load(connection, {found.id: found}, [(found.id, person.id)])
    working = loaded[found.id]
    held = working.held.get(person.id, {})
    roles = [
        management.ExplainedRole(
            role=working.roles[key], reason=one.reason, since=one.since, cause=one.cause
        )
        for key, one in sorted(held.items())
    ]
    words = None if roles else domain.missing(person, working.groups.values())
    return Explanation(directory_id=found.id, user=person, roles=roles, missing=words)
