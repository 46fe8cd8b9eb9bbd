"""What happens to roles: events come in, the application declares them."""

from collections.abc import Collection, Iterable, Sequence

from pydantic import TypeAdapter, ValidationError

from services.roles import domain
from services.roles.domain import snapshots as told_again
from services.roles.domain.errors import BadRoleKeyError
from services.roles.domain.values import Directory, Moment, Told
from services.roles.store import directories, fences, history, mappings, outgoing, rollouts, working
from services.roles.usecases import snapshots
from services.roles.usecases.snapshots import Decoded
from shared import consume, db, outbox
from shared.contracts import management
from shared.contracts.directory_events import (
    DirectoryCreated,
    DirectoryEvent,
    MembershipEvent,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotItem,
    UserErased,
    UserEvent,
)
from shared.contracts.ids import DirectoryId, RoleKey, UserId
from shared.contracts.topics import DIRECTORY_EVENTS

_KEY: TypeAdapter[str] = TypeAdapter(management.Key)


async def apply_events(tx: db.Connection, events: Sequence[Decoded]) -> None:
    """Fold a batch of directory events into assignments, and publish the transitions.

    Runs inside the consumer's transaction. Raises UnknownError for a directory never created.
    """
    for run in snapshots.runs(events):
        match run[0]:
            case (one, SnapshotBegin() as event):
                await snapshots.begin(tx, one, event)
            case (one, SnapshotEnd() as event):
                await snapshots.end(tx, one, event)
            case _:
                await _fold(tx, run)


async def _fold(tx: db.Connection, events: Sequence[Decoded]) -> None:
    await _meet_new_directories(tx, events)
    locked = await directories.lock_all(tx, {one.directory for one, _ in events})
    affected = _affected(events)
    parts = await working.load(tx, locked, affected)
    pending = await rollouts.pending(tx, parts.values(), affected)
    told: dict[DirectoryId, list[Told]] = {key: [] for key in parts}
    for one, event in events:
        part = parts[one.directory]
        moment = Moment(one.time, event.cause, one.id, one.traceparent)
        if one.directory in pending:
            for user in _mentioned(event):
                told[one.directory] += pending[one.directory].catch_up(part, user)
        if isinstance(event, SnapshotItem):
            told[one.directory] += told_again.take_in(part, event, moment)
        else:
            told[one.directory] += domain.apply(part, event, moment)
        part.position = one.position
    await working.save(tx, list(parts.values()))
    await rollouts.note(tx, pending)
    await outgoing.append(tx, [(part, told[key]) for key, part in parts.items()])
    # Last: what was told just now is part of the history as well.
    await history.erase(
        tx, [(one.directory, event.id) for one, event in events if isinstance(event, UserErased)]
    )


async def _meet_new_directories(tx: db.Connection, events: Iterable[Decoded]) -> None:
    for one, event in events:
        if isinstance(event, DirectoryCreated):
            new = Directory(one.directory, one.organization, event.name)
            await directories.insert(tx, new)


def _affected(events: Iterable[Decoded]) -> set[tuple[DirectoryId, UserId]]:
    return {(one.directory, user) for one, event in events for user in _mentioned(event)}


def _mentioned(event: DirectoryEvent) -> Collection[UserId]:
    match event:
        case UserEvent() | MembershipEvent():
            return [event.user.id]
        case SnapshotItem():
            return told_again.mentioned(event)
    return []


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
        if not role.privileged:
            await fences.forget_holders(tx, role.key)
        return role, await mappings.put_role(tx, role)


async def groups(
    database: db.Database, directory: str, name: str | None
) -> list[management.KnownGroup]:
    """Return the groups of a directory, or those of that name. Raises UnknownError."""
    async with database.connection() as connection:
        found = await directories.find(connection, directory)
        return await directories.groups(connection, found.id, name)


async def position(database: db.Database, directory: str) -> management.RolesPosition:
    """Return how far a directory is applied, and told in turn. Raises UnknownError."""
    async with database.reading() as connection:
        found = await directories.find(connection, directory)
        applied = await consume.position(connection, DIRECTORY_EVENTS.name, found.id)
        return management.RolesPosition(
            applied=management.Reached(generation=applied.generation, sequence=applied.sequence),
            told=await outbox.outgoing(connection, found.id),
        )
