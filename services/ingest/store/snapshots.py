"""Snapshots as they advance: one row each, one that runs for each directory."""

from services.ingest.domain.directories import Directory, UnknownError
from services.ingest.domain.snapshots import Place, Snapshot
from shared import db
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId, OrganizationId, is_id

_COLUMNS = """
s.id, s.directory_id, d.organization_id, s.actor, s.generation, s.begin_sequence, s.part, s.last_id,
s.last_user_id, s.written, s.total, s.started_at, s.finished_at
"""
_FROM = f"select {_COLUMNS} from snapshots as s join directories as d on d.id = s.directory_id"
_INSERT = """
insert into snapshots (id, directory_id, actor, started_at, total)
select $1, $2, $3, $4,
  (select count(*) from users where directory_id = $2)
  + (select count(*) from groups where directory_id = $2)
  + (select count(*) from memberships where directory_id = $2)
on conflict (directory_id) where finished_at is null do nothing
returning total
"""
_BEGUN = (
    "update snapshots set generation = $3, begin_sequence = $4 where directory_id = $1 and id = $2"
)
_LATEST = f"{_FROM} where s.directory_id = $1 order by s.started_at desc, s.id limit 10"
_ONE = f"{_FROM} where s.directory_id = $1 and s.id = $2"
# In turn, so that a large directory does not keep small ones waiting.
_CLAIM = f"""
{_FROM} where s.finished_at is null order by s.advanced_at limit 1 for update of s skip locked
"""
_SAVE = """
update snapshots set part = $3, last_id = $4, last_user_id = $5, written = $6, finished_at = $7,
  advanced_at = clock_timestamp()
where directory_id = $1 and id = $2
"""
_ABANDON = """
update snapshots set finished_at = now() where directory_id = $1 and finished_at is null
"""


async def insert(tx: db.Connection, snapshot: Snapshot) -> int | None:
    """Store a new snapshot; return how much there is to tell, None when one runs already."""
    total: int | None = await tx.fetchval(
        _INSERT, snapshot.id, snapshot.directory, snapshot.actor, snapshot.started_at
    )
    return total


async def begun(tx: db.Connection, snapshot: Snapshot, position: Position) -> None:
    """Note where a snapshot begins."""
    await tx.execute(
        _BEGUN, snapshot.directory, snapshot.id, position.generation, position.sequence
    )


async def latest(connection: db.Connection, directory: Directory) -> list[Snapshot]:
    """Return the ten latest snapshots of a directory, the newest first."""
    return [_snapshot(row) for row in await connection.fetch(_LATEST, directory.id)]


async def get(connection: db.Connection, directory: Directory, key: str) -> Snapshot:
    """Return a snapshot. Raises UnknownError."""
    row = await connection.fetchrow(_ONE, directory.id, key) if is_id(key) else None
    if row is None:
        raise UnknownError(f"This directory has no snapshot {key}; list them with GET …/snapshots.")
    return _snapshot(row)


async def claim(tx: db.Connection) -> Snapshot | None:
    """Return the running snapshot that waited longest, locked until commit, or None."""
    row = await tx.fetchrow(_CLAIM)
    return _snapshot(row) if row else None


async def save(tx: db.Connection, snapshot: Snapshot) -> None:
    """Store how far a claimed snapshot got."""
    await tx.execute(
        _SAVE,
        snapshot.directory,
        snapshot.id,
        snapshot.place.part,
        snapshot.place.last,
        snapshot.place.last_user,
        snapshot.written,
        snapshot.finished_at,
    )


async def abandon(tx: db.Connection, directory: DirectoryId) -> None:
    """End the snapshot that runs, if any: its history is over."""
    await tx.execute(_ABANDON, directory)


def _snapshot(row: db.Record) -> Snapshot:
    return Snapshot(
        id=row["id"],
        directory=DirectoryId(row["directory_id"]),
        organization=OrganizationId(row["organization_id"]),
        actor=row["actor"],
        generation=row["generation"],
        begin=row["begin_sequence"],
        place=Place(row["part"], row["last_id"], row["last_user_id"]),
        written=row["written"],
        total=row["total"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
