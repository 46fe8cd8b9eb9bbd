"""The registry of versions, in schema `projector`; the schemas of the versions themselves.

Names of schemas are made from version numbers, so they can stand in a statement as they are.
"""

from services.projector.domain.versions import (
    ReadModel,
    State,
    UnknownVersionError,
    schema_of,
)
from services.projector.store import TABLES
from shared import db, kafka

_COLUMNS = """
m.version, m.state, m.reason, m.actor, m.switches, m.accepts_loss, m.indexes, m.events, m.total,
m.compared, m.directories, m.started_at, m.filled_at, m.compared_at, m.kept_since,
coalesce(m.version = l.version, false) as is_live
"""
_ALL = f"""
select {_COLUMNS} from read_models as m left join live_read_model as l on true
where m.state <> 'dropped' order by m.version
"""
_ONE = f"""
select {_COLUMNS} from read_models as m left join live_read_model as l on true
where m.version = $1 and m.state <> 'dropped'
"""
_NEWEST = f"""
select {_COLUMNS} from read_models as m left join live_read_model as l on true
where m.version > 1 order by m.version desc limit 1
"""
# Whoever is at work on a version holds its row; others pass it by.
_TAKE = f"""
select {_COLUMNS} from read_models as m left join live_read_model as l on true
where m.version = $1 and m.state = $2 for no key update of m skip locked
"""
_LOCK = "select pg_advisory_xact_lock(hashtext('read_models'))"
_ADD = """
insert into read_models (version, state, actor, switches, accepts_loss, total)
select coalesce(max(version), 0) + 1, $1, $2, $3, $4, $5 from read_models
returning version
"""
_SET_STATE = """
update read_models set state = $2, reason = $3,
  filled_at = case when $2 = 'indexing' then clock_timestamp() else filled_at end,
  compared_at = case when $2 in ('current', 'differing') then clock_timestamp()
    else compared_at end,
  dropped_at = case when $2 = 'dropped' then now() end
where version = $1 and state <> 'dropped'
"""
_SET_PROGRESS = "update read_models set events = $2, total = $3 where version = $1"
_SET_COMPARED = "update read_models set compared = $2, directories = $3 where version = $1"
_SET_INDEXES = "update read_models set indexes = $2 where version = $1"
_LIVE = "select version from live_read_model"
_SHOW_FIRST = """
insert into live_read_model (version) values ($1) on conflict (only_one) do nothing
"""
_SHOW = "update live_read_model set version = $1"
_SHOW_AGAIN = "update live_read_model set version = version"
_KEEP = """
update read_models set switches = false,
  kept_since = case when version = $1 then null when version = $2 then now() else kept_since end
where version in ($1, $2)
"""
_DUE_TO_GO = """
select version from read_models
where state = 'dropped' and dropped_at < now() - interval '5 s'
  and to_regnamespace('rm_' || version) is not null
for no key update skip locked limit 1
"""
_SECONDARY = """
select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
from pg_index as i join pg_class as c on c.oid = i.indrelid
where c.relnamespace = to_regnamespace($1) and c.relname = any($2::text[]) and not i.indisunique
"""
_OFFSETS = "select topic, partition, next_offset from {}.consumer_positions"
_BEHIND = """
select coalesce(sum(greatest(l.next_offset - coalesce(n.next_offset, 0), 0)), 0)::bigint
from {}.consumer_positions as l left join {}.consumer_positions as n using (topic, partition)
"""
# Positions tell nothing of records that wait elsewhere than in the other version.
_STOPPED_ALONE = """
select count(*) from {}.directory_positions as l
join {}.directory_positions as n using (topic, directory_id)
where n.state <> 'live' and l.state = 'live'
"""
# What an operator gave up once is not to stop every version that reads the log again.
_COPY_GIVEN_UP = "insert into {}.given_up_records select * from {}.given_up_records"
# What parked while nobody saw this version was copied by the one that was seen.
_FORGET_LETTERS = "delete from {}.dead_letters"
_PATIENCE = "set local statement_timeout = 0"
_PATIENCE_S = 1800


async def every(connection: db.Connection) -> list[ReadModel]:
    """Return all versions that are not dropped, in order."""
    return [_model(row) for row in await connection.fetch(_ALL)]


async def one(connection: db.Connection, version: int) -> ReadModel:
    """Return a version. Raises UnknownVersionError."""
    row = await connection.fetchrow(_ONE, version)
    if row is None:
        raise UnknownVersionError
    return _model(row)


async def newest(connection: db.Connection) -> ReadModel:
    """Return the version that was rebuilt last, also if it is dropped. UnknownVersionError."""
    row = await connection.fetchrow(_NEWEST)
    if row is None:
        raise UnknownVersionError
    return _model(row)


async def take(tx: db.Connection, model: ReadModel) -> ReadModel | None:
    """Return the version, locked until commit, unless it moved on or somebody is at it."""
    row = await tx.fetchrow(_TAKE, model.version, model.state)
    return _model(row) if row else None


def _model(row: db.Record) -> ReadModel:
    values = dict(row)
    return ReadModel(**values | {"state": State(row["state"]), "indexes": tuple(row["indexes"])})


async def lock(tx: db.Connection) -> None:
    """Keep all others from adding, switching and dropping until commit."""
    await tx.execute(_LOCK)


async def add(
    tx: db.Connection,
    state: State,
    actor: str,
    *,
    switches: bool = False,
    accepts_loss: bool = False,
    total: int = 0,
) -> int:
    """Make the next version with an empty schema; return its number."""
    version = int(await tx.fetchval(_ADD, state, actor, switches, accepts_loss, total))
    await tx.execute(f"create schema {schema_of(version)}")
    return version


async def set_state(
    tx: db.Connection, version: int, state: State, reason: str | None = None
) -> bool:
    """Move a version on; return False for one that is dropped."""
    return str(await tx.execute(_SET_STATE, version, state, reason)) != "UPDATE 0"


async def set_progress(tx: db.Connection, version: int, events: int, total: int) -> None:
    """Store how much of the log a version has applied."""
    await tx.execute(_SET_PROGRESS, version, events, total)


async def set_compared(tx: db.Connection, version: int, compared: int, directories: int) -> None:
    """Store how many directories were found equal, of all there are."""
    await tx.execute(_SET_COMPARED, version, compared, directories)


async def live(connection: db.Connection) -> int | None:
    """Return the version that everybody sees, None before the first."""
    found: int | None = await connection.fetchval(_LIVE)
    return found


async def show_first(tx: db.Connection, version: int) -> None:
    """Show a version if none is shown yet; show what migrations added to the live one."""
    await tx.execute(_SHOW_FIRST, version)
    await tx.execute(_SHOW_AGAIN)


async def show(tx: db.Connection, version: int) -> int | None:
    """Make a version the one that everybody sees; return the one that was."""
    before = await live(tx)
    # Waiting longer could meet a reader who waits for us: better to let go and try again.
    await tx.execute("set local lock_timeout = '500ms'")
    await tx.execute(_SHOW, version)
    await tx.execute(_KEEP, version, before)
    await tx.execute(_FORGET_LETTERS.format(schema_of(version)))
    return before


async def copy_given_up(tx: db.Connection, model: ReadModel, leader: int) -> None:
    """Let a new version pass over the records that were given up in another."""
    await tx.execute(_COPY_GIVEN_UP.format(model.schema, schema_of(leader)))


async def set_indexes_aside(tx: db.Connection, model: ReadModel) -> None:
    """Drop the indexes that only readers need; their definitions are kept."""
    rows = await tx.fetch(_SECONDARY, model.schema, list(TABLES))
    for row in rows:
        await tx.execute(f"drop index {row['name']}")
    await tx.execute(_SET_INDEXES, model.version, [row["definition"] for row in rows])


async def put_indexes_back(tx: db.Connection, model: ReadModel) -> None:
    """Make the indexes that were set aside; tell the planner what the tables hold."""
    await tx.execute(_PATIENCE)
    for definition in model.indexes:
        await tx.execute(definition, timeout=_PATIENCE_S)
    for table in TABLES:
        await tx.execute(f"analyze {model.schema}.{table}", timeout=_PATIENCE_S)
    await tx.execute(_SET_INDEXES, model.version, [])


async def offsets(connection: db.Connection, version: int) -> dict[kafka.Place, int]:
    """Return the offset that a version reads next, by partition."""
    rows = await connection.fetch(_OFFSETS.format(schema_of(version)))
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def behind(connection: db.Connection, version: int, leader: int) -> int:
    """Return how many records a version has not applied that the other has."""
    query = _BEHIND.format(schema_of(leader), schema_of(version))
    return int(await connection.fetchval(query))


async def stopped_alone(connection: db.Connection, version: int, leader: int) -> int:
    """Return how many directories are stopped in a version and go on in the other."""
    query = _STOPPED_ALONE.format(schema_of(leader), schema_of(version))
    return int(await connection.fetchval(query))


async def remove_one(tx: db.Connection) -> int | None:
    """Remove the schema of a version that was dropped a while ago; return its number."""
    version: int | None = await tx.fetchval(_DUE_TO_GO)
    if version is not None:
        await tx.execute(_PATIENCE)
        await tx.execute(f"drop schema {schema_of(version)} cascade", timeout=_PATIENCE_S)
    return version
