"""A directory is told again: it begins, and at its end what was not told is gone (ADR 0015)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from services.roles.domain import snapshots
from services.roles.domain.remapping import Change
from services.roles.domain.rollouts import Rollout
from services.roles.domain.values import Directory, Moment
from services.roles.store import directories, rollouts, untold
from services.roles.usecases import settling
from shared import db
from shared.contracts.directory_events import DirectoryEvent, SnapshotBegin, SnapshotEnd
from shared.contracts.envelope import Envelope, Position
from shared.contracts.ids import UserId

Decoded: TypeAlias = tuple[Envelope, DirectoryEvent]


def runs(events: Sequence[Decoded]) -> Iterator[Sequence[Decoded]]:
    """Yield the events in order, what opens or ends a snapshot always alone."""
    start = 0
    for place, (_, event) in enumerate(events):
        if isinstance(event, SnapshotBegin | SnapshotEnd):
            if start < place:
                yield events[start:place]
            yield events[place : place + 1]
            start = place + 1
    if start < len(events):
        yield events[start:]


async def begin(tx: db.Connection, one: Envelope, event: SnapshotBegin) -> None:
    """Get to know the directory, if it is new; behind a gap, decide nothing until the end."""
    await directories.insert(tx, Directory(one.directory, one.organization, event.name))
    if one.is_behind_gap:
        await directories.set_resyncing(tx, one.directory, resyncing=True)


async def end(tx: db.Connection, one: Envelope, event: SnapshotEnd) -> None:
    """Drop what the snapshot did not tell of, and publish what follows.

    Where that concerns many, a rollout does it in chunks.
    """
    found = await directories.lock(tx, one.directory)
    directory = replace(found, is_resyncing=False)
    opened = Position(one.position.generation, event.begin)
    moment = Moment(one.time, event.cause, one.id, one.traceparent)
    await untold.delete_groups(tx, directory.id, opened)
    await directories.set_resyncing(tx, directory.id, resyncing=False)
    users = await _concerned(tx, found, opened)
    if len(users) > settling.MOST_AT_ONCE:
        await _roll_out(tx, found, opened, moment)
        return
    part, pending = await settling.part(tx, directory, users)
    part.position = one.position
    caught_up = [told for user in users for told in pending.catch_up(part, user)]
    gone = await untold.since(tx, directory.id, opened, users)
    part.fence.announce(moment.cause.id, len(gone.affected))
    told = snapshots.drop(part, gone, users, moment, restates=found.is_resyncing)
    await settling.settled(tx, part, pending, [*caught_up, *told])


async def _concerned(tx: db.Connection, directory: Directory, begin: Position) -> list[UserId]:
    """Return whom the end of a snapshot concerns, in order of ids; of too many just some."""
    most = settling.MOST_AT_ONCE + 1
    if directory.is_resyncing:
        return await rollouts.behind(tx, directory.id, None, None, most)
    return await untold.affected(tx, directory.id, begin, most)


async def _roll_out(
    tx: db.Connection, directory: Directory, begin: Position, moment: Moment
) -> None:
    part, _ = await settling.part(tx, directory, [])
    total = await rollouts.count_users(tx, directory.id, None)
    change, restates = Change(part.mapping), directory.is_resyncing
    losses = await untold.count_affected(tx, directory.id, begin)
    await rollouts.insert(
        tx,
        Rollout(directory.id, moment, change, total, begin=begin, restates=restates, losses=losses),
    )
