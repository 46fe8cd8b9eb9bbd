"""Postgres: a pool with deadlines, transactions, what is transient, and migrations.

Ids are text in Python and uuid in Postgres, jsonb columns are dictionaries; the codecs are set
here once. SQL lives in the `store` rooms, not here.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeAlias

import asyncpg
import orjson
import structlog

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"
Record: TypeAlias = "asyncpg.Record"

_log = structlog.get_logger(__name__)
_ACQUIRE_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 5.0
_SERVER_SETTINGS = {
    "statement_timeout": "5000",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "10000",
    "jit": "off",
}
# Class 08: connection; 40: rollback; 53: resources; 55P03: lock timeout; 57: operator intervention.
_TRANSIENT_STATES = ("08", "40", "53", "55P03", "57")
# A session that ends while asyncpg awaits a commit surfaces as an error of its state machine.
_LOST_CONNECTION = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class DatabaseUnavailableError(Exception):
    """Postgres could not be reached in time."""


class MigrationError(Exception):
    """A migration that already ran was edited, or the database is newer than the code."""


def is_transient(error: BaseException) -> bool:
    """Tell whether the same work may succeed when it is tried again."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate).startswith(_TRANSIENT_STATES)
    return isinstance(error, _LOST_CONNECTION)


def is_rolled_back(error: BaseException) -> bool:
    """Tell whether Postgres rolled the transaction back to break a tie: nothing happened."""
    return isinstance(error, asyncpg.DeadlockDetectedError | asyncpg.SerializationError)


@dataclass(frozen=True, slots=True)
class Database:
    """A pool whose transactions are the boundary of every use case."""

    pool: "asyncpg.Pool[Any]"

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Return a connection for reads and single statements; each commits by itself."""
        acquired: AbstractAsyncContextManager[Connection]
        acquired = self.pool.acquire(timeout=_ACQUIRE_TIMEOUT_S)
        return acquired

    async def ping(self) -> None:
        """Ask for an answer. Raises whatever stands in its way."""
        async with self.connection() as connection:
            await connection.execute("select 1")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection inside a transaction, committed when the block ends well."""
        async with self.connection() as connection, connection.transaction():
            yield connection


@asynccontextmanager
async def connect(dsn: str, schema: str, *, max_size: int = 10) -> AsyncIterator[Database]:
    """Open a pool whose search path is the schema; wait a bounded time for Postgres at start.

    Raises DatabaseUnavailableError after 30 s.
    """
    pool = await _open_when_up(dsn, schema, max_size)
    try:
        yield Database(pool)
    finally:
        await _close(pool)


async def _open_when_up(dsn: str, schema: str, max_size: int) -> "asyncpg.Pool[Any]":
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    return await _open(dsn, schema, max_size)
                except (OSError, asyncpg.PostgresConnectionError, TimeoutError) as error:
                    _log.warning("postgres.awaited", error=type(error).__name__)
                except asyncpg.CannotConnectNowError:
                    _log.warning("postgres.awaited", error="starting up")
                await asyncio.sleep(0.5)
    except TimeoutError as error:
        raise DatabaseUnavailableError(
            "Postgres did not answer within 30 s; check the address in the database URL, "
            "and that the server is up"
        ) from error


async def _open(dsn: str, schema: str, max_size: int) -> "asyncpg.Pool[Any]":
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=max_size,
        timeout=_CONNECT_TIMEOUT_S,
        command_timeout=10,
        init=_set_codecs,
        server_settings={**_SERVER_SETTINGS, "search_path": schema, "application_name": schema},
    )


async def _set_codecs(connection: Connection) -> None:
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=str, decoder=str, format="text"
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: orjson.dumps(value).decode(),
        decoder=orjson.loads,
        format="text",
    )


async def _close(pool: "asyncpg.Pool[Any]") -> None:
    try:
        async with asyncio.timeout(5):
            await pool.close()
    except TimeoutError:
        pool.terminate()


@dataclass(frozen=True, slots=True)
class Migration:
    """One forward-only step; its first line says why it is there."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the text, recorded when it runs."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(package: str) -> list[Migration]:
    """Return the `NNNN_name.sql` files of `package`.migrations in order of their names."""
    found = (
        file for file in files(f"{package}.migrations").iterdir() if file.name.endswith(".sql")
    )
    return [
        Migration(f"{package}/{file.name}", file.read_text(encoding="utf-8"))
        for file in sorted(found, key=lambda file: file.name)
    ]


_CREATE_LEDGER = """
create table if not exists migrations (
  name text primary key, checksum text not null, applied_at timestamptz not null default now())
"""
_LOCK_LEDGER = "select pg_advisory_xact_lock(hashtext('migrations'), hashtext(current_schema()))"
_APPLIED = "select name, checksum from migrations"
_RECORD = "insert into migrations (name, checksum) values ($1, $2)"


async def migrate(database: Database, packages: Sequence[str]) -> list[str]:
    """Apply what is missing, package by package; return the names applied now.

    Each migration runs in one transaction together with its record. Raises MigrationError.
    """
    steps = [step for package in packages for step in migrations_of(package)]
    applied: list[str] = []
    for step in steps:
        async with database.transaction() as tx:
            if await _apply(tx, step):
                applied.append(step.name)
    return applied


async def _apply(tx: Connection, step: Migration) -> bool:
    await tx.execute("set local statement_timeout = 0")
    await tx.execute(_LOCK_LEDGER)
    await tx.execute(_CREATE_LEDGER)
    known = {row["name"]: row["checksum"] for row in await tx.fetch(_APPLIED)}
    if step.name in known:
        if known[step.name] != step.checksum:
            raise MigrationError(f"{step.name} was edited after it ran; add a new migration")
        return False
    await tx.execute(step.sql, timeout=600)
    await tx.execute(_RECORD, step.name, step.checksum)
    return True
