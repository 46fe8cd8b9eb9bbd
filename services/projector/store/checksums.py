"""Two versions side by side, within one snapshot: who is at the same place, and who has what there.

The checksum of a table in a directory is the number of its rows and the sum of their hashes; a row
is hashed as text, columns by name, without the time at which this copy was stored, and that at
which its event was published: a version of before, and what had to wait, does not know it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from services.projector.domain.versions import Standing, schema_of
from services.projector.store import TABLES
from shared import db
from shared.contracts.ids import DirectoryId

_APART = ["stored_at", "published_at"]
# What the log tells of the past; where it is cut short, a version made from it knows less.
HISTORY = frozenset({"assignments", "events"})
_STANDINGS = """
with places as (
  select coalesce(l.directory_id, n.directory_id) as directory_id,
    bool_and((l.generation, l.sequence) is not distinct from (n.generation, n.sequence))
      as is_level,
    bool_or(l.state <> 'live' and (n.generation, n.sequence) > (l.generation, l.sequence))
      as is_ahead,
    max(n.reason) filter (
      where l.state = 'live' and (n.state = 'parked' or n.state = 'stalled' and topic <> all($2)))
      as parked
  from {live}.directory_positions as l
  full join {new}.directory_positions as n using (topic, directory_id)
  group by 1),
known as (
  select directory_id from places union select id from {live}.directories
  union select id from {new}.directories)
select known.directory_id, coalesce(is_level, true) as is_level,
  coalesce(is_ahead, false) as is_ahead, parked, c.directory_id is not null as is_compared
from known
left join places using (directory_id)
left join projector.compared_directories as c
  on c.version = $1 and c.directory_id = known.directory_id
order by known.directory_id
"""
_COLUMNS = """
select string_agg(quote_ident(attname), ', ' order by attname) from pg_attribute
where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attname <> all($2)
"""
_SUM = """
select {key} as directory_id, count(*) as rows,
  sum(hashtextextended(row({columns})::text, 0)) as hash
from {schema}.{table} where {key} = any($1::uuid[]) group by {key}
"""
_NOTE = """
insert into projector.compared_directories (version, directory_id)
select $1, unnest($2::uuid[]) on conflict do nothing
"""
_FORGET = "delete from projector.compared_directories where version = $1"
_PATIENCE_S = 1800


class Sum(NamedTuple):
    """What a table holds of a directory."""

    rows: int
    hash: int


NOTHING = Sum(0, 0)


async def standings(
    tx: db.Connection, live: int, new: int, healed: Collection[str]
) -> list[Standing]:
    """Return how far both versions are in each directory that either knows.

    On the topics `healed`, who is stalled goes on once a snapshot has come.
    """
    await tx.execute("set local statement_timeout = 0")
    query = _STANDINGS.format(live=schema_of(live), new=schema_of(new))
    rows = await tx.fetch(query, new, list(healed), timeout=_PATIENCE_S)
    return [Standing(**dict(row)) for row in rows]


async def sums(
    tx: db.Connection, version: int, table: str, directories: Sequence[DirectoryId]
) -> Mapping[DirectoryId, Sum]:
    """Return what a table of a version holds of each directory; of some it may hold nothing."""
    schema = schema_of(version)
    columns = await tx.fetchval(_COLUMNS, f"{schema}.{table}", _APART)
    query = _SUM.format(key=TABLES[table], columns=columns, schema=schema, table=table)
    rows = await tx.fetch(query, directories, timeout=_PATIENCE_S)
    return {row["directory_id"]: Sum(row["rows"], int(row["hash"])) for row in rows}


async def note_equal(tx: db.Connection, version: int, directories: Sequence[DirectoryId]) -> None:
    """Remember that these directories were found equal."""
    await tx.execute(_NOTE, version, directories)


async def forget(tx: db.Connection, version: int) -> None:
    """Forget which directories were found equal."""
    await tx.execute(_FORGET, version)
