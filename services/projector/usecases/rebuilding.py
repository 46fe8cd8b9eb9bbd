"""The steps of a rebuild, each one transaction that holds the version's row (ADR 0018).

Any replica may do the next step; one that dies in the middle leaves it undone for another.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from services.projector.domain import versions as rules
from services.projector.domain.versions import ReadModel, Standing, State
from services.projector.store import TABLES, checksums
from services.projector.store import versions as store
from services.projector.usecases import versions
from shared import audit, db, kafka
from shared.contracts import management
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import DIRECTORY_EVENTS

_log = structlog.get_logger(__name__)
_ACTOR = "projector"
_AT_ONCE = 200
_HEALED = (DIRECTORY_EVENTS.name,)


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """Takes every version a step further, and removes those that are kept no longer."""

    database: db.Database
    dsn: str
    servers: kafka.Servers

    async def advance(self) -> bool:
        """Do what can be done now; return whether there is more to do at once."""
        async with self.database.connection() as connection:
            models = await store.every(connection)
        done = [await self._step(one) for one in models if one.state in _STEPS]
        await self._clear_away(models)
        return any(done)

    async def _step(self, model: ReadModel) -> bool:
        try:
            return await _STEPS[model.state](self, model)
        except Exception as error:
            # What goes wrong with a version that nobody sees must not end the one that is shown.
            if not versions.is_final(error):
                raise
            if not await versions.give_up(self.database, model.version, error):
                raise
            _log.exception("rebuild.failed", count=model.version)
            return False

    async def prepare(self, model: ReadModel) -> bool:
        """Make the tables."""
        await versions.prepare(self.database, self.dsn, model)
        return True

    async def fill(self, model: ReadModel) -> bool:
        """Note how far the consumer is; close behind the log, go on."""
        bounds = await versions.bounds(self.servers)
        async with self.database.transaction() as tx:
            taken = await store.take(tx, model)
            if taken is None:
                return False
            events, total = rules.applied(await store.offsets(tx, model.version), bounds)
            await store.set_progress(tx, model.version, events, total)
            after = await store.one(tx, model.version)
            if rules.is_filled(after):
                await store.set_state(tx, model.version, State.INDEXING)
        return rules.is_filled(after)

    async def index(self, model: ReadModel) -> bool:
        """Make the indexes for readers."""
        async with self.database.transaction() as tx:
            taken = await store.take(tx, model)
            if taken:
                await store.put_indexes_back(tx, taken)
                await store.set_state(tx, model.version, State.COMPARING)
        return True

    async def compare(self, model: ReadModel) -> bool:
        """Compare some of the directories that are at the same place in both versions."""
        async with (
            self.database.connection() as tx,
            tx.transaction(isolation="repeatable_read"),
        ):
            taken, live = await store.take(tx, model), await store.live(tx)
            if taken is None or live is None:
                return False
            return await _compare(tx, taken, live)

    async def follow_up(self, model: ReadModel) -> bool:
        """Show a version that was found equal, if that was wanted."""
        if not model.switches:
            return False
        try:
            wanted = management.Switch(actor=model.actor)
            await versions.switch(self.database, model.version, wanted)
        except rules.VersionError as error:
            _log.info("rebuild.switch_awaited", reason=str(error))
        return False

    async def _clear_away(self, models: Sequence[ReadModel]) -> None:
        for model in models:
            if rules.is_over(model, datetime.now(UTC)):
                # Another replica may have been faster.
                with suppress(rules.VersionError):
                    await versions.drop(self.database, model.version, _ACTOR)
        async with self.database.transaction() as tx:
            version = await store.remove_one(tx)
        if version is not None:
            _log.info("read_model.removed", count=version)


async def _compare(tx: db.Connection, model: ReadModel, live: int) -> bool:
    standings = await checksums.standings(tx, live, model.version, _HEALED)
    rest = [one for one in standings if not one.is_compared]
    chosen = [one.directory_id for one in rest if one.is_level or one.is_ahead][:_AT_ONCE]
    level = {one.directory_id for one in rest if one.is_level}
    found = _parked(rest) or await _difference(
        tx, model, live, [one for one in chosen if one in level]
    )
    if found:
        await store.set_state(tx, model.version, State.DIFFERING, found)
        facts = {"version": model.version, "live": live, "reason": found}
        await audit.record(tx, _ACTOR, "rebuild.difference_found", None, facts)
        _log.error("rebuild.difference_found", count=model.version, reason=found)
        return False
    await checksums.note_equal(tx, model.version, chosen)
    compared = len(standings) - len(rest) + len(chosen)
    await store.set_compared(tx, model.version, compared, len(standings))
    if compared == len(standings):
        await store.set_state(tx, model.version, State.CURRENT)
        facts = {"version": model.version, "live": live, "directories": compared}
        await audit.record(tx, _ACTOR, "rebuild.found_equal", None, facts)
        _log.info("rebuild.found_equal", count=compared)
    return bool(chosen)


def _parked(standings: Sequence[Standing]) -> str | None:
    found = next((one for one in standings if one.parked), None)
    if found is None:
        return None
    return f"directory {found.directory_id} is parked in this version: {found.parked}"


async def _difference(
    tx: db.Connection, model: ReadModel, live: int, directories: Sequence[DirectoryId]
) -> str | None:
    """Return the first difference in words, None where all these directories are equal."""
    if not directories:
        return None
    for table in TABLES:
        if model.accepts_loss and table in checksums.HISTORY:
            continue
        old = await checksums.sums(tx, live, table, directories)
        new = await checksums.sums(tx, model.version, table, directories)
        for directory in directories:
            found = rules.difference(
                directory,
                table,
                old.get(directory, checksums.NOTHING),
                new.get(directory, checksums.NOTHING),
            )
            if found:
                return found
    return None


_STEPS: Mapping[State, Callable[[Rebuilding, ReadModel], Awaitable[bool]]] = {
    State.PREPARING: Rebuilding.prepare,
    State.FILLING: Rebuilding.fill,
    State.INDEXING: Rebuilding.index,
    State.COMPARING: Rebuilding.compare,
    State.CURRENT: Rebuilding.follow_up,
}
