"""How the sync of a directory is: each stage, how long the way takes, what went wrong lately."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.portal.clients import Services
from services.portal.domain import health
from services.portal.domain.errors import DelayedError, MissingError
from services.portal.domain.health import Hop, Positions, Stage
from services.portal.store import progress
from services.portal.usecases.asking import at_once
from shared import db
from shared.contracts.ids import DirectoryId
from shared.contracts.management import Outgoing, RequestQuery, RolesPosition, StoppedDirectory
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

_LATELY = timedelta(hours=1)
_COUNTED = 100


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many calls were refused or failed within the last hour; `is_more`: at least so many."""

    count: int
    is_more: bool


@dataclass(frozen=True, slots=True)
class Health:
    """What the page on the sync of a directory shows."""

    stages: Sequence[Stage]
    hops: Sequence[Hop]
    stopped: Sequence[StoppedDirectory]
    refusals: Refusals


async def of(
    database: db.Database, services: Services, directory: DirectoryId, now: datetime
) -> Health:
    """Return how the sync of a directory is. Raises DelayedError while ingest does not answer."""
    async with at_once() as group:
        outgoing = group.create_task(services.outgoing(directory))
        asked = group.create_task(_roles(services, directory))
        refusals = group.create_task(_refusals(services, directory, now))
    roles, stopped = asked.result()
    # Last, as on the way: what is asked for later can only be further than it had to be.
    positions, hops = await _seen(database, directory, outgoing.result(), roles, stopped)
    return Health(health.stages(positions), hops, stopped, refusals.result())


async def _roles(
    services: Services, directory: DirectoryId
) -> tuple[RolesPosition | None, list[StoppedDirectory]]:
    """Return where roles is and what it stopped; None while it does not answer."""
    with suppress(DelayedError, MissingError):
        async with at_once() as group:
            position = group.create_task(services.roles_position(directory))
            stopped = group.create_task(services.stopped(directory))
        return position.result(), stopped.result()
    return None, []


async def _seen(
    database: db.Database,
    directory: DirectoryId,
    ingest: Outgoing,
    roles: RolesPosition | None,
    stopped: Sequence[StoppedDirectory],
) -> tuple[Positions, list[Hop]]:
    async with database.connection() as connection:
        positions = Positions(
            ingest,
            roles,
            await progress.reached(connection, directory),
            stopped,
            await progress.delays(connection, directory),
        )
        hops = health.hops(
            await progress.delays_by_hop(connection, directory, DIRECTORY_EVENTS.name),
            await progress.delays_by_hop(connection, directory, ROLE_EVENTS.name),
        )
    return positions, hops


async def _refusals(services: Services, directory: DirectoryId, now: datetime) -> Refusals:
    wanted = RequestQuery(status="failed", since=now - _LATELY, limit=_COUNTED)
    found = await services.requests(directory, wanted)
    return Refusals(len(found.items), found.next is not None)
