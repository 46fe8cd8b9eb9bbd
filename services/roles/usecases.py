"""What happens to roles: events come in, an administrator saves a mapping, somebody asks why."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from services.roles import domain
from services.roles.domain import (
    BadMappingError,
    BadRoleKeyError,
    Directory,
    Moment,
    StaleMappingError,
    Told,
)
from services.roles.store import directories, mappings, outgoing, working
from shared import db
from shared.contracts import management
from shared.contracts.directory_events import (
    Cause,
    DirectoryCreated,
    DirectoryEvent,
    MembershipEvent,
    UserEvent,
)
from shared.contracts.envelope import Envelope
from shared.contracts.ids import DirectoryId, GroupId, RoleKey, UserId
from shared.contracts.management import Explanation, Mapping, MappingEdit, MappingRow
from shared.contracts.role_events import MappedGroup, MappingSaved, RoleRef

Decoded = tuple[Envelope, DirectoryEvent]
_KEY: TypeAdapter[str] = TypeAdapter(management.Key)
_USERS_AT_ONCE = 500


async def apply_events(tx: db.Connection, events: Sequence[Decoded]) -> None:
    """Fold a batch of directory events into assignments, and publish the transitions.

    Runs inside the consumer's transaction. Raises UnknownError for a directory never created.
    """
    await _meet_new_directories(tx, events)
    locked = await directories.lock_all(tx, {one.directory for one, _ in events})
    parts = await working.load(tx, locked, _affected(events))
    told: dict[DirectoryId, list[Told]] = {key: [] for key in parts}
    for one, event in events:
        moment = Moment(one.time, event.cause, one.id)
        told[one.directory] += domain.apply(parts[one.directory], event, moment)
    await working.save(tx, list(parts.values()))
    for key, part in parts.items():
        await outgoing.append(tx, part, told[key])


async def _meet_new_directories(tx: db.Connection, events: Iterable[Decoded]) -> None:
    for one, event in events:
        if isinstance(event, DirectoryCreated):
            new = Directory(one.directory, one.organization, event.name)
            await directories.insert(tx, new)


def _affected(events: Iterable[Decoded]) -> set[tuple[DirectoryId, UserId]]:
    return {
        (one.directory, event.user.id)
        for one, event in events
        if isinstance(event, UserEvent | MembershipEvent)
    }


async def catalogue(database: db.Database) -> list[management.Role]:
    """Return the roles that the application declared."""
    async with database.connection() as connection:
        return await mappings.catalogue(connection)


async def declare_role(
    database: db.Database, key: str, wanted: management.RoleDeclaration
) -> tuple[management.Role, bool]:
    """Declare a role, or change its name, description or rank; return it and whether it is new.

    Raises BadRoleKeyError.
    """
    try:
        role = management.Role(key=RoleKey(_KEY.validate_python(key)), **wanted.model_dump())
    except ValidationError as error:
        raise BadRoleKeyError(
            "A role's key is 1 to 63 lower-case letters, digits, '_', '.', ':' or '-', "
            "starting with a letter or digit; choose one like billing-admin."
        ) from error
    async with database.transaction() as tx:
        return role, await mappings.put_role(tx, role)


async def mapping(database: db.Database, directory: str) -> Mapping:
    """Return the mapping of a directory. Raises UnknownError."""
    async with database.connection() as connection:
        return await _mapping(connection, await directories.find(connection, directory))


async def _mapping(tx: db.Connection, directory: Directory) -> Mapping:
    rows = await mappings.rows(tx, directory.id)
    return Mapping(directory_id=directory.id, version=directory.mapping_version, rows=rows)


async def groups(
    database: db.Database, directory: str, name: str | None
) -> list[management.KnownGroup]:
    """Return the groups of a directory, or those of that name. Raises UnknownError."""
    async with database.connection() as connection:
        found = await directories.find(connection, directory)
        return await directories.groups(connection, found.id, name)


async def save_mapping(
    database: db.Database, directory: str, edit: MappingEdit, *, now: datetime, new_id: str
) -> Mapping:
    """Save a mapping and publish what follows from it; one act, one cause, `new_id`.

    A save that changes nothing changes no version and publishes nothing.
    Raises UnknownError, StaleMappingError, BadMappingError.
    """
    async with database.transaction() as tx:
        found = await directories.lock(tx, directory)
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
        after = replace(found, mapping_version=found.mapping_version + 1)
        await mappings.replace(tx, after.id, edit.rows, after.mapping_version)
        cause = Cause(kind="mapping", id=new_id, actor=edit.actor)
        saved = MappingSaved(cause=cause, version=after.mapping_version, rows=mapped)
        moment = Moment(now, cause)
        await outgoing.append_saved(tx, after, saved, moment)
        await _reassign(tx, after, groups, moment)
        return await _mapping(tx, after)


async def _checked(
    tx: db.Connection, directory: Directory, rows: Sequence[MappingRow], before: Mapping
) -> list[MappedGroup]:
    """Return the rows with names. Raises BadMappingError for one that cannot be."""
    kept = [row.group_id for row in before.rows]
    known = await directories.group_refs(tx, directory.id, [row.group_id for row in rows], kept)
    roles = {role.key: role for role in await mappings.catalogue(tx)}
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
    tx: db.Connection, directory: Directory, groups: set[GroupId], moment: Moment
) -> None:
    """Settle everybody in the groups whose rows changed, under the mapping as stored now.

    In chunks, so that a large group neither holds the event loop nor outgrows a statement.
    """
    users = await working.members(tx, directory.id, groups)
    for start in range(0, len(users), _USERS_AT_ONCE):
        chunk = [(directory.id, user) for user in users[start : start + _USERS_AT_ONCE]]
        loaded = await working.load(tx, {directory.id: directory}, chunk)
        part = loaded[directory.id]
        told = [
            one
            for user in sorted(part.users)
            for one in domain.remap(part, part.users[user], moment)
        ]
        await working.save(tx, [part])
        await outgoing.append(tx, part, told)


async def explain(database: db.Database, directory: str, user: str) -> Explanation:
    """Say why a user holds its roles, or why it holds none. Raises UnknownError."""
    async with database.connection() as connection:
        found = await directories.find(connection, directory)
        person = await directories.find_user(connection, found.id, user)
        loaded = await working.load(connection, {found.id: found}, [(found.id, person.id)])
    part = loaded[found.id]
    roles = [
        management.ExplainedRole(
            role=part.roles[key],
            reason=domain.renamed(one.reason, part.groups),
            since=one.since,
            cause=one.cause,
        )
        for key, one in sorted(part.held.get(person.id, {}).items())
    ]
    words = None if roles else domain.missing(person, part.groups.values())
    return Explanation(directory_id=found.id, user=person, roles=roles, missing=words)
