"""Giving somebody a role by hand, and taking it back; recorded with who did it."""

from collections.abc import Sequence
from typing import NamedTuple

from services.roles.domain import manual
from services.roles.domain.errors import UnknownError
from services.roles.domain.rollouts import Pending
from services.roles.domain.values import Moment, Told
from services.roles.domain.working import Working
from services.roles.store import directories
from services.roles.store import manual as given
from services.roles.usecases import settling
from shared import audit, db
from shared.contracts import management
from shared.contracts.directory_events import UserRef
from shared.contracts.ids import RoleKey

_USERS_AT_ONCE = 500


class Wanted(NamedTuple):
    """A role of a user, as a caller names them: the user by id or user name."""

    directory: str
    user: str
    role: RoleKey


async def assign(
    database: db.Database, wanted: Wanted, moment: Moment
) -> tuple[management.ManualAssignment, bool]:
    """Give a user a role by hand; return what it is now, and whether it was not before.

    A user who is inactive holds it once it is active again. Raises UnknownError.
    """
    async with database.transaction() as tx:
        part, pending, user = await _load(tx, wanted)
        caught_up = pending.catch_up(part, user.id)
        told = manual.assign(part, user, wanted.role, moment)
        if told:
            await settling.settled(tx, part, pending, [*caught_up, *told])
            await _record(tx, part, user, wanted.role, told, "manual.assigned")
        by_hand = part.given[user.id][wanted.role]
        found = management.ManualAssignment(
            directory_id=part.directory.id,
            user=user,
            role=part.roles[wanted.role],
            since=by_hand.since,
            cause=by_hand.cause,
            is_held=wanted.role in part.held.get(user.id, {}),
        )
    return found, bool(told)


async def unassign(database: db.Database, wanted: Wanted, moment: Moment) -> None:
    """Take back a role that was given by hand. Raises UnknownError, NotManualError."""
    async with database.transaction() as tx:
        part, pending, user = await _load(tx, wanted)
        caught_up = pending.catch_up(part, user.id)
        told = manual.unassign(part, user, wanted.role, moment)
        await settling.settled(tx, part, pending, [*caught_up, *told])
        await _record(tx, part, user, wanted.role, told, "manual.unassigned")


async def replace(
    database: db.Database, directory: str, roles: tuple[RoleKey, RoleKey], moment: Moment
) -> None:
    """Give everybody the second of two roles by hand who was given the first, and take that back.

    In chunks; cut short, it goes on when it is asked for again. Raises UnknownError.
    """
    while await _replace_some(database, directory, *roles, moment):
        pass


async def _replace_some(
    database: db.Database, key: str, old: RoleKey, new: RoleKey, moment: Moment
) -> bool:
    async with database.transaction() as tx:
        directory = await directories.lock(tx, key)
        users = await given.holders(tx, directory.id, old, _USERS_AT_ONCE)
        part, pending = await settling.part(tx, directory, users)
        told: list[Told] = []
        for user in users:
            told += pending.catch_up(part, user)
            told += manual.assign(part, part.users[user], new, moment)
            told += manual.unassign(part, part.users[user], old, moment)
        await settling.settled(tx, part, pending, told)
    return len(users) == _USERS_AT_ONCE


async def _load(tx: db.Connection, wanted: Wanted) -> tuple[Working, Pending, UserRef]:
    directory = await directories.lock(tx, wanted.directory)
    user = await directories.find_user(tx, directory.id, wanted.user)
    part, pending = await settling.part(tx, directory, [user.id])
    if wanted.role not in part.roles:
        raise UnknownError(f"No role {wanted.role} is declared; see `rollcall roles list`.")
    return part, pending, user


async def _record(
    tx: db.Connection, part: Working, user: UserRef, role: RoleKey, told: Sequence[Told], act: str
) -> None:
    cause = told[0].moment.cause
    facts = {"user": user.id, "role": role, "cause": cause.id}
    await audit.record(tx, cause.actor or "api", act, part.directory.id, facts)
