"""How far the events of one directory are published."""

from shared import db
from shared.contracts.ids import DirectoryId
from shared.contracts.management import Outgoing, Reached

# Only where the published position lags is the outbox looked at.
_OUTGOING = """
select s.generation, s.sequence, p.generation as published_generation,
       p.sequence as published_sequence, coalesce(delay.seconds, 0) as delayed_s
from directory_sequences as s
left join relay_positions as p on p.directory_id = s.directory_id
left join lateral (
  select extract(epoch from clock_timestamp() - first.created_at)::float8 as seconds
  from outbox as first
  where first.lane = s.lane and first.directory_id = s.directory_id
    and (p.generation, p.sequence) is distinct from (s.generation, s.sequence)
  order by first.id limit 1) as delay on true
where s.directory_id = $1
"""


async def outgoing(connection: db.Connection, directory: DirectoryId) -> Outgoing:
    """Return how far a directory is published; the start for one that nothing was told of."""
    row = await connection.fetchrow(_OUTGOING, directory)
    if row is None:
        return Outgoing(stored=Reached(generation=1, sequence=0))
    published = row["published_generation"] is not None and Reached(
        generation=row["published_generation"], sequence=row["published_sequence"]
    )
    return Outgoing(
        stored=Reached(generation=row["generation"], sequence=row["sequence"]),
        published=published or None,
        delayed_s=row["delayed_s"],
    )
