"""The cuts of a lane: ingest's first, then each consumer's once it got that far.

    ingest's cut → roles gets there, saves reach everybody → its cut → so does the projector's

Each names its place, so a directory that goes on changing meanwhile is as good as a quiet one.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cli.verify.cuts import DIRECTORY, ROLE, Lane, Standing
from cli.verify.rows import Reached
from cli.verify.tables import counters, ingest, projector, roles
from shared import db

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Cutter:
    """Reads the databases; waits for what is on its way until `deadline`, a monotonic time."""

    databases: Mapping[str, db.Database]
    deadline: float

    async def cut(self, number: int, only: str | None) -> Lane:
        """Return the cuts of a lane, or of one directory in it."""
        lane = Lane(number, await ingest.cut(self.databases["ingest"], number, only))
        wanted = list(lane.ingest)
        at = {(DIRECTORY, key): one.reached for key, one in lane.ingest.items()}
        await self._until("roles", at)
        await self._until_settled(wanted)
        found = await roles.cut(self.databases["roles"], wanted, number)
        lane.roles, lane.next_offsets["roles"] = found
        at |= {(ROLE, key): one.reached for key, one in lane.roles.items()}
        await self._until("projector", at)
        cut = await projector.cut(self.databases["projector"], wanted, number)
        lane.model, lane.next_offsets["projector"] = cut
        return lane

    async def _until(self, service: str, wanted: Mapping[tuple[str, str], Reached]) -> None:
        """Wait until a consumer got there, or stands still for good, or time is up."""
        directories = sorted({directory for _, directory in wanted})
        while directories:
            found = await counters.standings(self.databases[service], directories)
            behind = [
                key for key, at in wanted.items() if _is_behind(found.get(key, Standing()), at)
            ]
            if not behind or time.monotonic() >= self.deadline:
                return
            await asyncio.sleep(_POLL_S)

    async def _until_settled(self, directories: Sequence[str]) -> None:
        """Wait until what was saved has reached everybody, or time is up."""
        while await roles.count_unsettled(self.databases["roles"], directories):
            if time.monotonic() >= self.deadline:
                return
            await asyncio.sleep(_POLL_S)


def _is_behind(standing: Standing, wanted: Reached) -> bool:
    return standing.state != "parked" and standing.reached < wanted
