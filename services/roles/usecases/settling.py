"""Rollouts: what concerns many users reaches them in chunks, each a transaction of its own.

Whoever loads a part of a directory here has its pending rollouts beside it; `settled` stores both.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from services.roles.domain.rollouts import Pending, Rollout
from services.roles.domain.values import Directory, Told
from services.roles.domain.working import Working
from services.roles.store import directories, outgoing, rollouts, working
from services.roles.usecases import removal
from shared import db, outbox
from shared.contracts.ids import UserId

_log = structlog.get_logger(__name__)
MOST_AT_ONCE = 500
"""How many users are settled in the transaction that concerns them; more are left to a rollout."""
_CHUNK = 150  # what a chunk takes of the event loop and of a lock, others wait
_PAGE = 3000
_IDLE_S = 1.0
_BACKED_UP_S = 0.05
_BACKLOG = 3000


async def part(
    tx: db.Connection, directory: Directory, users: Iterable[UserId]
) -> tuple[Working, Pending]:
    """Return the part of a locked directory that concerns these users, with what awaits them."""
    wanted = [(directory.id, user) for user in users]
    found = (await working.load(tx, {directory.id: directory}, wanted))[directory.id]
    pending = await rollouts.pending(tx, [found], wanted)
    return found, pending.get(directory.id, Pending())


async def settled(
    tx: db.Connection, found: Working, pending: Pending, told: Sequence[Told]
) -> None:
    """Store what became of a part, and publish what follows."""
    await working.save(tx, [found])
    await rollouts.note(tx, {found.directory.id: pending})
    await outgoing.append(tx, [(found, told)])


@dataclass(slots=True)
class Ahead:
    """The ids of those who come next, read some thousands at a time.

    They stay right however late they are used: whoever joined or left since was touched by that,
    and so was reached early.
    """

    users: dict[int, list[UserId]] = field(default_factory=dict)

    async def next(self, tx: db.Connection, of: Rollout) -> list[UserId]:
        """Return the next users of a rollout; fewer than a chunk are the last."""
        known = [user for user in self.users.get(of.id, ()) if of.is_ahead_of(user)]
        if len(known) < _CHUNK:
            known = await rollouts.next_of(tx, of, _PAGE)
        # Of what another replica goes on with, nothing is remembered for long.
        self.users = {of.id: known}
        return known[:_CHUNK]


@dataclass(frozen=True, slots=True)
class Step:
    """A chunk of a rollout that was done."""

    rollout: Rollout
    users: int
    transitions: int
    is_last: bool


async def advance(database: db.Database, ahead: Ahead) -> Step | None:
    """Let the rollout that waited longest reach its next users; None when none is free.

    What they hold, what is told of it and how far the rollout is commit together, so a crash
    neither repeats nor skips.
    """
    async with database.transaction() as tx:
        claimed = await rollouts.claim(tx)
        if claimed is None:
            return None
        directory = await directories.lock(tx, claimed.directory)
        users = await ahead.next(tx, claimed)
        found, pending = await part(tx, directory, users)
        told = pending.advance(found, users)
        await settled(tx, found, pending, told)
        is_last = len(users) < _CHUNK
        if is_last:
            await rollouts.end(tx, claimed)
        else:
            await rollouts.advance(tx, claimed.advanced(users))
    return Step(claimed, len(users), len(told), is_last)


@dataclass(slots=True)
class Worker:
    """Advances the rollouts, in any replica; `committed` wakes the relay."""

    database: db.Database
    committed: Callable[[], None]
    _ahead: Ahead = field(default_factory=Ahead)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look at once, not within a second: something was saved."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until stopped, no faster than the relay publishes."""
        while not stopping.is_set():
            self._woken.clear()
            pause = await self._step()
            if pause:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()

    async def _step(self) -> float:
        """Do a chunk; return how many seconds to wait before the next."""
        started = time.monotonic()
        try:
            async with self.database.connection() as connection:
                if await outbox.holds_more_than(connection, _BACKLOG):
                    return _BACKED_UP_S
            step = await advance(self.database, self._ahead)
            if step is None or step.is_last:
                await removal.finish(self.database)
        except Exception as error:
            if not db.is_transient(error):
                raise
            _log.warning("rollout.postponed", error=type(error).__name__)
            return _IDLE_S
        if step is None:
            return _IDLE_S
        self.committed()
        _report(step, started)
        return 0.0


def _report(step: Step, started: float) -> None:
    _log.info(
        "rollout.ended" if step.is_last else "rollout.advanced",
        directory_id=step.rollout.directory,
        count=step.users,
        transitions=step.transitions,
        duration_ms=round((time.monotonic() - started) * 1000, 1),
    )
