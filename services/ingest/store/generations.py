"""The generation of each directory's history, changed only after a restore."""

from shared import db
from shared.contracts.ids import DirectoryId

_RENEW = """
update directory_sequences set generation = greatest(generation + 1, $2), sequence = 0
where directory_id = $1
"""
_IS_SERVED = """
select exists (
  select from pg_stat_activity
  where datname = current_database() and application_name = 'ingest' and pid <> pg_backend_pid())
"""


async def renew(tx: db.Connection, directory: DirectoryId, generation: int) -> None:
    """Start a directory's history anew, in this generation or a later one."""
    await tx.execute(_RENEW, directory, generation)


async def is_served(tx: db.Connection) -> bool:
    """Tell whether an ingest process is connected besides this session."""
    return bool(await tx.fetchval(_IS_SERVED))
