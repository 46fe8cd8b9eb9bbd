"""What waits to be published: how much and how old, by lane; also while Kafka is away."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from shared import db, telemetry
from shared.contracts.topics import LANES

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 5.0
_COUNT_MOST = 100_000
# The oldest row comes first in the index of its lane; counting stops where more says nothing new.
_MEASURE = """
select lanes.lane, first.age_s, (
  select count(*) from (
    select from outbox where outbox.lane = lanes.lane limit $2) as counted) as count
from generate_series(0, $1 - 1) as lanes (lane)
cross join lateral (
  select extract(epoch from clock_timestamp() - created_at)::float8 as age_s
  from outbox where outbox.lane = lanes.lane order by id limit 1) as first
"""


@dataclass(slots=True)
class Backlog:
    """The outbox as it was some seconds ago."""

    database: db.Database
    ages_s: dict[int, float] = field(default_factory=dict)
    """The age of the oldest record of each lane that has any."""

    @property
    def oldest_s(self) -> float:
        """The age of the oldest record of all; 0 when nothing waits."""
        return max(self.ages_s.values(), default=0.0)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Measure every 5 s, until told to stop."""
        while not stopping.is_set():
            try:
                await self.measure()
            except Exception as error:
                if not db.is_transient(error):
                    raise
                _log.warning("backlog.database_awaited", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await stopping.wait()

    async def measure(self) -> None:
        """Look once."""
        async with self.database.connection() as connection:
            found = await connection.fetch(_MEASURE, LANES, _COUNT_MOST)
        self.ages_s = {row["lane"]: row["age_s"] for row in found}
        counts = {row["lane"]: row["count"] for row in found}
        for lane in range(LANES):
            telemetry.OUTBOX_ROWS.labels(lane).set(counts.get(lane, 0))
            telemetry.OUTBOX_OLDEST.labels(lane).set(self.ages_s.get(lane, 0.0))
