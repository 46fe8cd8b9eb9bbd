"""The fence of a directory: what waits behind it, how much it lets pass, and letting it go."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from services.roles.domain import release
from services.roles.domain.errors import FenceError
from services.roles.domain.fence import Rules
from services.roles.domain.remapping import Change
from services.roles.domain.rollouts import Rollout
from services.roles.domain.values import Moment
from services.roles.store import directories, fences, rollouts
from services.roles.usecases import settling
from shared import audit, db, telemetry
from shared.contracts import management
from shared.contracts.directory_events import Cause
from shared.contracts.ids import DirectoryId
from shared.contracts.management import Fence, FenceApproval, FenceRules

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 1.0


async def get(database: db.Database, directory: str, most: int) -> Fence:
    """Return the fence of a directory, and `most` of the losses that wait. Raises UnknownError."""
    async with database.reading() as tx:
        return await _shown(tx, (await directories.find(tx, directory)).id, most)


async def waiting(database: db.Database) -> list[Fence]:
    """Return the fences behind which something waits; 1000 at most, without the losses."""
    async with database.reading() as tx:
        return [await _shown(tx, key, 0) for key in await fences.raised(tx)]


async def _shown(tx: db.Connection, directory: DirectoryId, most: int) -> Fence:
    found = (await fences.load(tx, [directory], []))[directory]
    rules = management.FenceRules(
        enabled=found.rules.is_on,
        percent=found.rules.percent,
        least=found.rules.least,
        window_s=found.rules.window_s,
    )
    return Fence(
        directory_id=directory,
        waiting=found.waiting,
        assigned=found.assigned,
        raised_at=found.raised_at,
        rules=rules,
        losses=await fences.losses(tx, directory, most) if most else [],
    )


async def set_rules(database: db.Database, directory: str, wanted: FenceRules) -> Fence:
    """Say how much a directory may lose at once. Raises UnknownError, FenceError."""
    async with database.transaction() as tx:
        found = await directories.lock(tx, directory)
        fence = (await fences.load(tx, [found.id], []))[found.id]
        if fence.waiting and not wanted.enabled:
            raise FenceError(
                f"{fence.waiting:,} losses wait behind the fence; approve them first, or wait "
                "until the provider has given the roles back."
            )
        rules = Rules(wanted.enabled, wanted.percent, wanted.least, wanted.window_s)
        await fences.set_rules(tx, found.id, rules)
        facts = wanted.model_dump(mode="json", exclude={"actor"})
        await audit.record(tx, wanted.actor or "api", "fence.changed", found.id, facts)
        return await _shown(tx, found.id, 0)


async def approve(
    database: db.Database, directory: str, wanted: FenceApproval, *, now: datetime, new_id: str
) -> Fence:
    """Let what waits behind the fence of a directory happen, with the approval as its cause.

    Raises UnknownError, and FenceError where another number waits than was seen.
    """
    moment = Moment(now, Cause(kind="administrator", id=new_id, actor=wanted.actor))
    async with database.transaction() as tx:
        found = await directories.lock(tx, directory)
        users = await fences.waiting(tx, found.id, None, settling.MOST_AT_ONCE + 1)
        part, pending = await settling.part(tx, found, users[: settling.MOST_AT_ONCE])
        count = part.fence.waiting
        if count != wanted.waiting:
            raise FenceError(
                f"{count:,} losses wait by now, not {wanted.waiting:,}: look at them again, and "
                "approve then."
            )
        part.fence.approve()
        facts = {"waiting": count, "cause": new_id}
        await audit.record(tx, wanted.actor, "fence.approved", found.id, facts)
        told = []
        if len(users) > settling.MOST_AT_ONCE:
            total = await fences.count_waiting(tx, found.id)
            new = Rollout(found.id, moment, Change(part.mapping), total, releases=True)
            await rollouts.insert(tx, new)
        else:
            told += [one for user in users for one in pending.catch_up(part, user)]
            told += [one for user in users for one in release(part, user, moment)]
        await settling.settled(tx, part, pending, told)
        shown = await _shown(tx, found.id, 0)
    _log.warning("fence.approved", directory_id=found.id, count=count)
    return shown


@dataclass(slots=True)
class Watch:
    """Tells metrics and log how much waits: once when something begins to, and when it ended."""

    database: db.Database
    _seen: set[DirectoryId] = field(default_factory=set)

    async def run(self, stopping: asyncio.Event) -> None:
        """Look every second until stopped."""
        while not stopping.is_set():
            try:
                await self.look()
            except Exception as error:
                if not db.is_transient(error):
                    raise
                _log.warning("fence.unwatched", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await stopping.wait()

    async def look(self) -> None:
        """Say what waits now."""
        async with self.database.connection() as connection:
            found = await fences.raised(connection)
        telemetry.FENCED.set(sum(found.values()))
        telemetry.FENCED_DIRECTORIES.set(len(found))
        for key in sorted(found.keys() - self._seen):
            _log.error("fence.raised", directory_id=key, count=found[key])
        for key in sorted(self._seen - found.keys()):
            _log.info("fence.cleared", directory_id=key)
        self._seen = set(found)
