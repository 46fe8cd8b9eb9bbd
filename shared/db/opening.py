"""Opening connections: waiting until Postgres is up, refusing for good, and how each is set."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import orjson
import structlog

from shared.db.errors import DatabaseRefusedError, DatabaseUnavailableError

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"

_log = structlog.get_logger(__name__)
CONNECT_TIMEOUT_S = 5.0
# Postgres itself ends a statement after 5 s: who says nothing for so long is not there any more.
_ANSWER_TIMEOUT_S = 10.0
_JSONB_VERSION = b"\x01"  # stands before the text in Postgres' binary format
_SERVER_SETTINGS = {
    "statement_timeout": "5000",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "10000",
    "jit": "off",
}
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
# A TLS connection that ends too early, as any may while a server starts.
_CUT_SHORT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
# What would be the same however often we asked, the special before the general; a wrong address is
# a ValueError of asyncpg.
_REFUSALS: dict[type[Exception], str] = {
    asyncpg.InvalidAuthorizationSpecificationError: (
        "Postgres refuses the user or the password in the database URL, or who comes without TLS"
    ),
    asyncpg.InvalidCatalogNameError: "The database in the database URL does not exist",
    ssl.SSLCertVerificationError: "Postgres shows a certificate that sslrootcert in the database "
    "URL does not vouch for, or of another host",
    ssl.SSLError: "A certificate or key that the database URL names is none, or Postgres and we "
    "find no way to speak TLS",
    ValueError: "The address in the database URL cannot be read; "
    "it looks like postgresql://user:password@host:5432/database",
}


async def open_when_up(
    dsn: str, schema: str, max_size: int, settings: Mapping[str, str]
) -> "asyncpg.Pool[Any]":
    """Open asyncpg's pool, waiting a bounded time for Postgres.

    Raises DatabaseUnavailableError after 30 s, DatabaseRefusedError at once where waiting is vain.
    """
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _look_for_files(dsn)
                    return await _open(dsn, schema, max_size, settings)
                except _CUT_SHORT as error:
                    _log.warning("postgres.awaited", error=type(error).__name__)
                except tuple(_REFUSALS) as error:
                    raise DatabaseRefusedError(_refusal(error)) from error
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


def _look_for_files(dsn: str) -> None:
    """Raise DatabaseRefusedError for a file that is not there: asyncpg does not say which."""
    for name, value in parse_qsl(urlsplit(dsn).query):
        if name in _FILES and not os.access(value, os.R_OK):
            raise DatabaseRefusedError(
                f"{name} in the database URL is {value}, which cannot be read"
            )


def _refusal(error: Exception) -> str:
    return next(words for kind, words in _REFUSALS.items() if isinstance(error, kind))


async def _open(
    dsn: str, schema: str, max_size: int, settings: Mapping[str, str]
) -> "asyncpg.Pool[Any]":
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=_ANSWER_TIMEOUT_S,
        init=_set_codecs,
        reset=_keep_session,
        server_settings={
            **_SERVER_SETTINGS,
            **settings,
            "search_path": schema,
            "application_name": schema,
        },
    )


async def _keep_session(_connection: Connection) -> None:
    """Give a connection back as it is: nothing here outlives its transaction, so nothing is reset.

    asyncpg's own way costs a round trip each time.
    """


async def _set_codecs(connection: Connection) -> None:
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=str, decoder=str, format="text"
    )
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=orjson.dumps, decoder=orjson.loads, format="binary"
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: _JSONB_VERSION + orjson.dumps(value),
        decoder=lambda value: orjson.loads(value[len(_JSONB_VERSION) :]),
        format="binary",
    )
