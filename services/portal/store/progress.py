"""How far the read models follow each directory, and how long events were under way to them."""

from collections import defaultdict
from collections.abc import Sequence

from services.portal.domain.rows import Delay, HopDelay, HopDelays, Rebuild
from shared import db
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.management import Reached
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

_POSITIONS = """
select d.organization_id, p.directory_id, p.topic, p.generation, p.sequence
from projector.portal_directories as d
join projector.portal_positions as p on p.directory_id = d.id
where d.organization_id = any($1::uuid[]) order by p.directory_id, p.topic
"""
_POSITION = """
select topic, generation, sequence from projector.portal_positions
where directory_id = $1 order by topic
"""
_REACHED = """
select topic, generation, sequence from projector.portal_positions where directory_id = $1
"""
# How long the newest events were under way, each from one station to the next; a topic is read
# backwards along its key, and no further.
_DELAYS_BY_HOP = """
with newest as (
  select time, published_at, stored_at from projector.portal_events
  where directory_id = $1 and topic = $2 order by generation desc, sequence desc limit 200),
hops as (
  select extract(epoch from published_at - time)::float8 as told,
         extract(epoch from stored_at - published_at)::float8 as seen
  from newest where published_at is not null)
select count(*) as events,
  percentile_cont(array[0.5, 0.95]) within group (order by told) as told,
  percentile_cont(array[0.5, 0.95]) within group (order by seen) as seen
from hops
"""
_DELAYS = "select topic, since from projector.portal_delays where directory_id = $1"
_REBUILD = "select started_at, events, total from projector.portal_rebuilds"
_STAGES = {DIRECTORY_EVENTS.name: "users and groups", ROLE_EVENTS.name: "roles"}


async def position(connection: db.Connection, directory: DirectoryId) -> str:
    """Return how far the read models follow a directory, as one mark to compare."""
    return _mark(await connection.fetch(_POSITION, directory))


async def positions(
    connection: db.Connection, organizations: Sequence[OrganizationId]
) -> dict[OrganizationId, str]:
    """Return a mark for each organization; it differs once its read models moved on."""
    rows = await connection.fetch(_POSITIONS, organizations)
    by_organization: dict[OrganizationId, list[db.Record]] = defaultdict(list)
    for row in rows:
        by_organization[OrganizationId(row["organization_id"])].append(row)
    return {key: _mark(found) for key, found in by_organization.items()}


def _mark(rows: Sequence[db.Record]) -> str:
    return ",".join(f"{row['generation']}.{row['sequence']}" for row in rows)


async def delays(connection: db.Connection, directory: DirectoryId) -> list[Delay]:
    """Return which read models of a directory do not follow at the moment."""
    rows = await connection.fetch(_DELAYS, directory)
    return [
        Delay(_STAGES.get(row["topic"], row["topic"]), row["since"], row["topic"]) for row in rows
    ]


async def rebuild(connection: db.Connection) -> Rebuild | None:
    """Return the rebuild of the read models that runs."""
    row = await connection.fetchrow(_REBUILD)
    # What arrives meanwhile is read as well, so there may be more than there was to read.
    return row and Rebuild(row["started_at"], min(row["events"] / max(row["total"], 1), 1.0))


async def reached(connection: db.Connection, directory: DirectoryId) -> dict[str, Reached]:
    """Return how far the read models follow a directory, by topic."""
    return {
        row["topic"]: Reached(generation=row["generation"], sequence=row["sequence"])
        for row in await connection.fetch(_REACHED, directory)
    }


async def delays_by_hop(
    connection: db.Connection, directory: DirectoryId, topic: str
) -> HopDelays | None:
    """Return how long the newest events of a topic took; None where that is not known of any."""
    row = await connection.fetchrow(_DELAYS_BY_HOP, directory, topic)
    if not row or not row["events"]:
        return None
    return HopDelays(row["events"], HopDelay.of(row["told"]), HopDelay.of(row["seen"]))
