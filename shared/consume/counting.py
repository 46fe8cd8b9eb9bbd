"""How many directories are stopped: counted from the rows, so that it is true after a restart."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

import structlog

from shared import db, telemetry
from shared.consume.plan import State

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 5.0
_STOPPED = (State.PARKED, State.STALLED)
_COUNT = """
select topic, state, count(*) as directories from directory_positions
where state <> 'live' and topic = any($1::text[])
group by topic, state
"""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Keeps the metric of one consumer group."""

    database: db.Database
    group: str
    topics: Collection[str]

    async def watch(self, stopping: asyncio.Event) -> None:
        """Count every 5 s; once stopped, nothing is said to be stopped any more."""
        while not stopping.is_set():
            try:
                await self._count()
            except Exception as error:
                if not db.is_transient(error):
                    raise
                _log.warning("consumer.counting_postponed", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await stopping.wait()
        self._tell({})

    async def _count(self) -> None:
        async with self.database.connection() as connection:
            found = await connection.fetch(_COUNT, list(self.topics))
        self._tell({(row["topic"], row["state"]): row["directories"] for row in found})

    def _tell(self, directories: dict[tuple[str, str], int]) -> None:
        for topic in self.topics:
            for state in _STOPPED:
                gauge = telemetry.STOPPED_NOW.labels(self.group, topic, state)
                gauge.set(directories.get((topic, state), 0))
