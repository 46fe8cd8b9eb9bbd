"""What services gave out, what waits in their outboxes, which directories they know."""

from collections.abc import Iterable

from cli.verify.cuts import Standing
from cli.verify.rows import Reached
from cli.verify.tables import reading
from shared import db

_SEQUENCES = "select directory_id, lane, generation, sequence from directory_sequences"
_WAITING = "select directory_id, min(sequence) as sequence from outbox group by directory_id"
_STUCK = """
select directory_id, count(*) as events, min(sequence) as sequence from outbox
where created_at < now() - make_interval(secs => $1) group by directory_id order by directory_id
"""
_KNOWN = "select id, organization_id from directories"


async def sequences(database: db.Database) -> dict[str, tuple[int, Reached]]:
    """Return lane and counter of every directory in a service that has an outbox."""
    async with database.connection() as connection:
        found = await connection.fetch(_SEQUENCES, timeout=reading.PATIENCE_S)
    return {row["directory_id"]: (row["lane"], reading.reached(row)) for row in found}


async def waiting(database: db.Database) -> dict[str, int]:
    """Return the first sequence that waits in the outbox, by directory."""
    async with database.connection() as connection:
        found = await connection.fetch(_WAITING, timeout=reading.PATIENCE_S)
    return {row["directory_id"]: row["sequence"] for row in found}


async def stuck(database: db.Database, seconds: float) -> list[tuple[str, int, int]]:
    """Return what waits in the outbox for longer: directory, first sequence, how many."""
    async with database.connection() as connection:
        found = await connection.fetch(_STUCK, seconds, timeout=reading.PATIENCE_S)
    return [(row["directory_id"], row["sequence"], row["events"]) for row in found]


async def known(database: db.Database) -> dict[str, str]:
    """Return the organization of each directory that a service knows."""
    async with database.connection() as connection:
        found = await connection.fetch(_KNOWN, timeout=reading.PATIENCE_S)
    return {row["id"]: row["organization_id"] for row in found}


async def standings(
    database: db.Database, directories: Iterable[str]
) -> dict[tuple[str, str], Standing]:
    """Return where a consumer stands now, by topic and directory."""
    async with database.connection() as connection:
        return await reading.standings(connection, directories)
