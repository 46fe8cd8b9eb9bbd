"""What reading every service has in common: one snapshot, rows in chunks, where consumers stand."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from cli.verify.cuts import Standing
from cli.verify.rows import Reached
from shared import db

PATIENCE_S = 130.0
_CHUNK = 2000
_PATIENCE = "set local statement_timeout = '120s'"
_STANDINGS = """
select directory_id, topic, generation, sequence, state, reason
from directory_positions where directory_id = any($1::uuid[])
"""
_OFFSETS = "select topic, next_offset from consumer_positions where partition = $1"

Cut = TypeVar("Cut")


@asynccontextmanager
async def snapshot(database: db.Database) -> AsyncIterator[db.Connection]:
    """Yield a connection that sees one moment, whatever happens meanwhile."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(_PATIENCE)
        yield connection


async def fill(
    connection: db.Connection,
    found: Mapping[str, Cut],
    takers: Mapping[str, Callable[[Cut, db.Record], None]],
) -> None:
    """Hand each row of each query to its directory's cut; $1 are the directories.

    In chunks: an await for each row would cost more than the row.
    """
    for sql, take in takers.items():
        cursor = await connection.cursor(sql, list(found), timeout=PATIENCE_S)
        while chunk := await cursor.fetch(_CHUNK, timeout=PATIENCE_S):
            for row in chunk:
                take(found[row["directory_id"]], row)


def reached(row: db.Record) -> Reached:
    """Return the place that a row names."""
    return row["generation"], row["sequence"]


async def standings(
    connection: db.Connection, directories: Iterable[str]
) -> dict[tuple[str, str], Standing]:
    """Return where a consumer stands, by topic and directory; who never began is not listed."""
    found = await connection.fetch(_STANDINGS, list(directories), timeout=PATIENCE_S)
    return {(row["topic"], row["directory_id"]): _standing(row) for row in found}


def _standing(row: db.Record) -> Standing:
    return Standing(reached(row), row["state"], row["reason"] or "")


async def offsets(connection: db.Connection, lane: int) -> dict[str, int]:
    """Return the offset that a consumer reads next in a partition of each topic."""
    return {row["topic"]: row["next_offset"] for row in await connection.fetch(_OFFSETS, lane)}
