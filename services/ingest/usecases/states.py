"""What an administrator does with a whole directory: pause it, resume it, delete it (ADR 0030)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from services.ingest.domain.directories import Directory, State, StateError
from services.ingest.domain.resources import Act
from services.ingest.store import directories, events, snapshots
from shared import audit, db
from shared.contracts.directory_events import (
    Cause,
    DirectoryDeleted,
    DirectoryEvent,
    DirectoryPaused,
    DirectoryResumed,
    SnapshotBegin,
    SnapshotEnd,
)

Turn: TypeAlias = Callable[[db.Database, str, Cause, datetime], Awaitable[Directory]]


async def pause(database: db.Database, key: str, cause: Cause, now: datetime) -> Directory:
    """Take nothing from the provider until it is resumed; users and roles stay as they are.

    A second time changes nothing. Raises UnknownError, StateError.
    """
    return await _turn(database, key, "paused", DirectoryPaused(cause=cause), now)


async def resume(database: db.Database, key: str, cause: Cause, now: datetime) -> Directory:
    """Take what the provider sends again; a second time changes nothing.

    Raises UnknownError, StateError.
    """
    return await _turn(database, key, "live", DirectoryResumed(cause=cause), now)


async def _turn(
    database: db.Database, key: str, state: State, event: DirectoryEvent, now: datetime
) -> Directory:
    async with database.transaction() as tx:
        found = await directories.lock(tx, key)
        if found.state == state:
            return found
        if found.state == "deleted":
            raise StateError("This directory was deleted, and does not come back.")
        turned = await _turned(tx, found, state, event.cause, now)
        await events.append(tx, _act(found, event.cause, now), [event])
    return turned


async def delete(database: db.Database, key: str, cause: Cause, now: datetime) -> None:
    """End a directory for good: its tokens, users, groups and memberships, and so its roles.

    Its history says so by a snapshot that tells of nobody: whoever follows it takes everything
    away, however much that is. A second time changes nothing. Raises UnknownError, StateError.
    """
    async with database.transaction() as tx:
        found = await directories.lock(tx, key)
        if found.state == "deleted":
            return
        found.check_rests(now)
        await _turned(tx, found, "deleted", cause, now)
        await directories.revoke_all(tx, found.id, now)
        await snapshots.abandon(tx, found.id)
        await directories.empty(tx, found.id)
        act = _act(found, cause, now)
        opened = SnapshotBegin(cause=cause, name=found.name, provider=found.provider)
        begin = await events.append_one(tx, act, opened)
        ended = SnapshotEnd(cause=cause, begin=begin.sequence)
        await events.append(tx, act, [ended, DirectoryDeleted(cause=cause)])


async def _turned(
    tx: db.Connection, found: Directory, state: State, cause: Cause, now: datetime
) -> Directory:
    """Store a state, and record who wanted it."""
    actor = str(cause.actor)
    turned = replace(found, state=state, state_since=now, state_by=actor)
    await directories.set_state(tx, turned)
    name = "resumed" if state == "live" else state
    await audit.record(tx, actor, f"directory.{name}", found.id, {"request": cause.id})
    return turned


def _act(found: Directory, cause: Cause, now: datetime) -> Act:
    return Act(found.id, found.organization, cause, now)
