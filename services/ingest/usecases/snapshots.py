"""Telling all of a directory again, beside the requests that go on changing it (ADR 0015)."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from services.ingest.domain import snapshots as domain
from services.ingest.domain.directories import Directory
from services.ingest.domain.resources import Act
from services.ingest.domain.snapshots import PARTS, Chunk, Place, Snapshot
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.store import (
    directories,
    events,
    memberships,
    resources,
    schemas,
    snapshots,
)
from shared import db, outbox
from shared.contracts.directory_events import SnapshotBegin, SnapshotEnd

_log = structlog.get_logger(__name__)
_IDLE_S = 1.0
_BACKED_UP_S = 0.2
_BACKLOG = 100
_TYPES = {"users": USER.name, "groups": GROUP.name}


async def begin(
    database: db.Database, key: str, actor: str, now: datetime
) -> tuple[Snapshot, bool]:
    """Return the snapshot of a directory that runs, and whether it was begun now.

    Raises UnknownError.
    """
    async with database.transaction() as tx:
        directory = await directories.get(tx, key)
        begun = await open_in(tx, directory, actor, now)
        if begun:
            return begun, True
        return (await snapshots.latest(tx, directory))[0], False


async def open_in(
    tx: db.Connection, directory: Directory, actor: str, now: datetime
) -> Snapshot | None:
    """Begin a snapshot in this transaction, unless one runs. Locks the directory's counter."""
    new = Snapshot(
        str(uuid.uuid4()), directory.id, directory.organization, actor, 0, 0, Place(), 0, 0, now
    )
    total = await snapshots.insert(tx, new)
    if total is None:
        return None
    act = new.act(now)
    opened = SnapshotBegin(cause=act.cause, name=directory.name, provider=directory.provider)
    position = await events.append_one(tx, act, opened)
    await snapshots.begun(tx, new, position)
    return replace(new, generation=position.generation, begin=position.sequence, total=total)


async def get(database: db.Database, key: str, snapshot: str) -> Snapshot:
    """Return a snapshot of a directory. Raises UnknownError."""
    async with database.connection() as connection:
        return await snapshots.get(connection, await directories.get(connection, key), snapshot)


async def latest(database: db.Database, key: str) -> list[Snapshot]:
    """Return the latest snapshots of a directory, the newest first. Raises UnknownError."""
    async with database.connection() as connection:
        return await snapshots.latest(connection, await directories.get(connection, key))


async def advance(database: db.Database, now: datetime) -> Snapshot | None:
    """Tell the next chunk of the snapshot that waited longest; return it, None when none runs.

    What is told and how far it got commit together, so a crash neither repeats nor skips.
    """
    async with database.transaction() as tx:
        found = await snapshots.claim(tx)
        if found is None:
            return None
        # From here on nobody commits an event of this directory, and whoever did is visible.
        await outbox.hold(tx, found.directory)
        act = replace(found.act(now), types=await schemas.types(tx, found.directory))
        chunk = await _chunk(tx, found, act)
        if chunk:
            after = found.advanced(chunk)
            await events.append_one(tx, act, chunk.item)
        else:
            after = replace(found, finished_at=now)
            await events.append_one(tx, act, SnapshotEnd(cause=act.cause, begin=found.begin))
        await snapshots.save(tx, after)
    return after


async def _chunk(tx: db.Connection, found: Snapshot, act: Act) -> Chunk | None:
    """Return what comes next, from this part or the ones behind it."""
    for part in PARTS[PARTS.index(found.place.part) :]:
        place = found.place if part == found.place.part else Place(part)
        chunk = await _read(tx, place, act)
        if chunk:
            return chunk
    return None


async def _read(tx: db.Connection, place: Place, act: Act) -> Chunk | None:
    if place.part in _TYPES:
        kind = act.types[_TYPES[place.part]]
        found = await resources.after(
            tx, kind, act.directory, place.last, limit=domain.RESOURCES_AT_ONCE
        )
        return domain.resources_chunk(place.part, found, act.cause)
    edges = await memberships.after(
        tx, act.directory, place.last, place.last_user, limit=domain.MEMBERSHIPS_AT_ONCE
    )
    return domain.memberships_chunk(edges, act.cause)


@dataclass(slots=True)
class Writer:
    """Advances the snapshots that run, in any replica; `committed` wakes the relay."""

    database: db.Database
    committed: Callable[[], None]

    async def run(self, stopping: asyncio.Event) -> None:
        """Write until stopped, no faster than the relay publishes."""
        while not stopping.is_set():
            pause = await self._step()
            if pause:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await stopping.wait()

    async def _step(self) -> float:
        """Write a chunk; return how many seconds to wait before the next."""
        try:
            async with self.database.connection() as connection:
                if await outbox.holds_more_than(connection, _BACKLOG):
                    return _BACKED_UP_S
            snapshot = await advance(self.database, datetime.now(UTC))
        except Exception as error:
            if not db.is_transient(error):
                raise
            _log.warning("snapshot.postponed", error=type(error).__name__)
            return _IDLE_S
        if snapshot is None:
            return _IDLE_S
        self.committed()
        if snapshot.finished_at:
            _log.info("snapshot.finished", directory_id=snapshot.directory, count=snapshot.written)
        return 0.0
