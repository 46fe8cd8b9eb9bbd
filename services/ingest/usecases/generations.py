"""After a restore of the database to an earlier time: every history starts anew (ADR 0016)."""

from datetime import UTC, datetime

from services.ingest.domain.directories import ServingError
from services.ingest.store import directories, generations, snapshots
from services.ingest.usecases.snapshots import open_in
from shared import audit, db

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


async def count(database: db.Database) -> int:
    """Return how many directories there are."""
    async with database.connection() as connection:
        return len(await directories.listed(connection, None))


async def renew(database: db.Database, actor: str, now: datetime) -> int:
    """Give every directory a new generation that opens with a snapshot; return how many there are.

    All or none, before ingest accepts a write: what it told after the time of the backup is not
    in its tables any more. Raises ServingError while an ingest process is connected.
    """
    # Counting up from the backup could repeat a generation that an earlier restore used already.
    generation = int((now - _EPOCH).total_seconds())
    async with database.transaction() as tx:
        if await generations.is_served(tx):
            raise ServingError(
                "Ingest is running. Stop every ingest process first: what it tells now would "
                "continue a history that consumers know otherwise."
            )
        found = await directories.listed(tx, None)
        for directory in found:
            await snapshots.abandon(tx, directory.id)
            await generations.renew(tx, directory.id, generation)
            await open_in(tx, directory, actor, now)
        facts = {"generation": generation, "directories": len(found)}
        await audit.record(tx, actor, "generation.renewed", None, facts)
    return len(found)
