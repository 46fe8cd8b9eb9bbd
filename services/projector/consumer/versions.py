"""A consumer for each version of the read models that is kept up to date, and who moves them on.

Every replica does the same: Kafka shares the partitions of each version among them, and Postgres
lets one at a time take a step.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from services.projector.consumer import GROUP, SNAPSHOTS, consumer
from services.projector.domain.versions import ReadModel
from services.projector.usecases import versions
from services.projector.usecases.rebuilding import Rebuilding
from shared import consume, db, kafka, telemetry

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 1.0
_SAY_EVERY_S = 60.0
_POOL_SIZE = 6
# Beside the live version, smaller steps: its events wait for one of ours at most.
_BESIDE_LIVE = 500


@dataclass(frozen=True, slots=True)
class Versions:
    """Runs what the registry asks for."""

    database: db.Database
    dsn: str
    servers: kafka.Servers
    ingest: consume.Ingest
    _stops: dict[int, asyncio.Event] = field(default_factory=dict)

    async def run(self, stopping: asyncio.Event) -> None:
        """Start and stop consumers as versions come and go."""
        async with asyncio.TaskGroup() as tasks:
            while not stopping.is_set():
                await self._look(tasks)
                await _pause(stopping)
            for stop in self._stops.values():
                stop.set()

    async def advance(self, stopping: asyncio.Event) -> None:
        """Take the steps of rebuilds as they become due; wait out Kafka or Postgres being away."""
        rebuilding = Rebuilding(self.database, self.dsn, self.servers)
        while not stopping.is_set():
            try:
                is_busy = await rebuilding.advance()
            except Exception as error:
                if versions.is_final(error):
                    raise
                _log.warning("rebuild.step_postponed", error=type(error).__name__)
                is_busy = False
            if not is_busy:
                await _pause(stopping)

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        try:
            wanted = {one.version: one for one in await versions.consumed(self.database)}
        except Exception as error:
            if not db.is_transient(error):
                raise
            _log.warning("projector.look_postponed", error=type(error).__name__)
            return
        for version in self._stops.keys() - wanted.keys():
            self._stops.pop(version).set()
        for version in wanted.keys() - self._stops.keys():
            self._stops[version] = asyncio.Event()
            tasks.create_task(self._consume(wanted[version], self._stops[version]))

    async def _consume(self, model: ReadModel, stop: asyncio.Event) -> None:
        try:
            async with db.connect(self.dsn, model.schema, max_size=_POOL_SIZE) as database:
                reader = consumer(database, self.servers, f"{GROUP}-{model.version}")
                if not model.is_live:
                    reader = replace(reader, max_records=_BESIDE_LIVE)
                healer = consume.Healer(database, self.ingest, SNAPSHOTS)
                stopped = consume.Stopped(database, reader.group, reader.handlers)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(reader.run(stop))
                    tasks.create_task(healer.run(stop))
                    tasks.create_task(stopped.watch(stop))
        except* consume.ConsumerError as group:
            await self._end(model, _first(group), stop)

    async def _end(self, model: ReadModel, error: Exception, stop: asyncio.Event) -> None:
        # A version that nobody sees must not end the one that is shown.
        if await versions.give_up(self.database, model.version, error):
            _log.error("rebuild.failed", count=model.version, reason=str(error))
        elif isinstance(error, consume.LogTruncatedError):
            await _halt(model, error, stop)
        else:
            raise error


async def _halt(model: ReadModel, error: Exception, stop: asyncio.Event) -> None:
    """Say again and again that the version that is shown goes no further, until told to stop.

    The process stays: the way back is a new version, which is made here, beside this one.
    """
    telemetry.HALTED.labels(GROUP).set(1)
    try:
        while not stop.is_set():
            _log.error("consumer.halted", count=model.version, reason=str(error))
            await _pause(stop, _SAY_EVERY_S)
    finally:
        telemetry.HALTED.labels(GROUP).set(0)


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    """Return the first error inside groups of groups."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


async def _pause(stopping: asyncio.Event, seconds: float = _LOOK_EVERY_S) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
