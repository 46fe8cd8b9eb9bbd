"""A pool of connections with deadlines, that knows who waits, and its transactions."""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import orjson
import structlog

from shared.db.errors import DatabaseRefusedError, DatabaseUnavailableError

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"
Record: TypeAlias = "asyncpg.Record"

_log = structlog.get_logger(__name__)
_ACQUIRE_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 5.0
# Postgres itself ends a statement after 5 s: who says nothing for so long is not there any more.
_ANSWER_TIMEOUT_S = 10.0
_SHARES = 4
_NO_SETTINGS: Mapping[str, str] = {}
_SHARER: ContextVar[str | None] = ContextVar("sharer", default=None)
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
        "Postgres refuses the user or the password in the database URL"
    ),
    asyncpg.InvalidCatalogNameError: "The database in the database URL does not exist",
    ssl.SSLCertVerificationError: "Postgres shows a certificate that sslrootcert in the database "
    "URL does not vouch for, or of another host",
    ssl.SSLError: "A certificate or key that the database URL names is none, or Postgres and we "
    "find no way to speak TLS",
    ValueError: "The address in the database URL cannot be read; "
    "it looks like postgresql://user:password@host:5432/database",
}


@dataclass(frozen=True, slots=True)
class Database:
    """A pool whose transactions are the boundary of every use case."""

    pool: "_Queue | _Held"

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Return a connection for reads and single statements; each commits by itself."""
        return self.pool.acquire()

    @property
    def wait_s(self) -> float:
        """How long the first in the queue for a connection has waited; 0 when there is none."""
        return self.pool.wait_s

    async def ping(self) -> None:
        """Ask for an answer. Raises whatever stands in its way."""
        async with self.connection() as connection:
            await connection.execute("select 1")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection inside a transaction, committed when the block ends well."""
        async with self.connection() as connection, connection.transaction():
            try:
                yield connection
            except TimeoutError:
                connection.terminate()  # to undo on it would wait for an answer as long again
                raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Yield a connection that sees one moment, whatever is committed meanwhile."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            try:
                yield connection
            except TimeoutError:
                connection.terminate()  # to undo on it would wait for an answer as long again
                raise

    @asynccontextmanager
    async def together(self) -> AsyncIterator["Database"]:
        """Yield a database whose work is part of one transaction: committed or undone together.

        It has one connection, so use it for one thing after the other.
        """
        async with self.transaction() as tx:
            yield Database(_Held(tx))


@contextmanager
def sharing(key: str) -> Iterator[None]:
    """Let what the block does for `key` have a quarter of the connections of a pool at most."""
    token = _SHARER.set(key)
    try:
        yield
    finally:
        _SHARER.reset(token)


@dataclass(slots=True)
class _Share:
    """The connections of a pool that one sharer may have, and how many ask for them."""

    free: asyncio.Semaphore
    users: int = 0


@dataclass(frozen=True, slots=True)
class _Queue:
    """A pool that knows who waits for its connections, in the order of arrival.

    `free` counts what the pool can still give, so that nobody waits inside of it unseen; the time
    to connect is no waiting, nor is that for the own share of it. What was used last is `rested`:
    it goes to the next one as it is. To give it back to asyncpg's pool and take it out again costs
    as much as a small query, so only what failed goes there, to be looked after or closed.
    """

    pool: "asyncpg.Pool[Any]"
    free: asyncio.Semaphore
    of_one: int
    since: dict[object, float] = field(default_factory=dict)
    shares: dict[str, _Share] = field(default_factory=dict)
    rested: list[Connection] = field(default_factory=list)

    @property
    def wait_s(self) -> float:
        first = next(iter(self.since.values()), None)
        return 0.0 if first is None else time.monotonic() - first

    def acquire(self) -> "_Use":
        return _Use(self)

    async def take(self) -> Connection:
        """Return a connection; one is free, so all this may wait for is to connect."""
        while self.rested:
            connection = self.rested.pop()
            if _is_open(connection):
                return connection
            await self.pool.release(connection)
        return await self.pool.acquire(timeout=_CONNECT_TIMEOUT_S)

    async def give_back(self, connection: Connection, failure: type[BaseException] | None) -> None:
        """Let the next one have a connection, and the pool what failed or is more than needed."""
        if failure is None and len(self.rested) < self.of_one and _is_open(connection):
            self.rested.append(connection)
            return
        if failure and issubclass(failure, TimeoutError):
            connection.terminate()
        if not _is_open(connection):
            await self._distrust()
        await self.pool.release(connection)

    async def _distrust(self) -> None:
        """Use no connection at rest again: what silenced one has likely silenced all of them.

        Each would be found out only by a deadline of its own, one after the other.
        """
        await self.pool.expire_connections()
        while self.rested:
            self.rested.pop().terminate()

    async def turn(self) -> None:
        """Wait until the pool can give a connection. Raises TimeoutError."""
        if not self.free.locked():
            await self.free.acquire()  # at once: a deadline would cost more than all the rest
            return
        place = object()
        self.since[place] = time.monotonic()
        try:
            await _wait(self.free)
        finally:
            self.since.pop(place, None)

    async def enter_share(self, key: str) -> _Share:
        """Wait until `key` may have one more connection. Raises TimeoutError."""
        share = self.shares.setdefault(key, _Share(asyncio.Semaphore(self.of_one)))
        share.users += 1
        try:
            await _wait(share.free)
        except BaseException:
            self._forget(key, share)
            raise
        return share

    def leave_share(self, key: str, share: _Share) -> None:
        """Let the next one of the same key have a connection."""
        share.free.release()
        self._forget(key, share)

    def _forget(self, key: str, share: _Share) -> None:
        share.users -= 1
        if not share.users:
            del self.shares[key]


async def _wait(free: asyncio.Semaphore) -> None:
    if not free.locked():
        await free.acquire()
        return
    async with asyncio.timeout(_ACQUIRE_TIMEOUT_S):
        await free.acquire()


def _is_open(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False  # it was lost, and asyncpg's pool has taken note


class _Use:
    """One use of a connection: the share of who uses it, a turn, a connection; in reverse after.

    Each request makes one or two: a class costs a third of three nested generators.
    """

    __slots__ = ("_connection", "_key", "_queue", "_share")

    def __init__(self, queue: _Queue) -> None:
        self._queue = queue
        self._key = _SHARER.get()
        self._share: _Share | None = None
        self._connection: Connection | None = None

    async def __aenter__(self) -> Connection:
        if self._key is not None:
            self._share = await self._queue.enter_share(self._key)
        try:
            await self._queue.turn()
            try:
                self._connection = await self._queue.take()
            except BaseException:
                self._queue.free.release()
                raise
        except BaseException:
            self._leave()
            raise
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._connection is not None, "entered before"  # noqa: S101
        try:
            await self._queue.give_back(self._connection, kind)
        finally:
            self._queue.free.release()
            self._leave()

    def _leave(self) -> None:
        if self._key is not None and self._share is not None:
            self._queue.leave_share(self._key, self._share)


@dataclass(frozen=True, slots=True)
class _Held:
    """A pool of one connection that somebody else gives back; each use of it is a savepoint."""

    held: Connection
    wait_s: float = 0.0

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        async with self.held.transaction():
            yield self.held


@asynccontextmanager
async def connect(
    dsn: str, schema: str, *, max_size: int = 10, settings: Mapping[str, str] = _NO_SETTINGS
) -> AsyncIterator[Database]:
    """Open a pool whose search path is the schema; wait a bounded time for Postgres at start.

    `settings` are more settings of Postgres for its sessions.
    Raises DatabaseUnavailableError after 30 s, DatabaseRefusedError at once where waiting is vain.
    """
    pool = await _open_when_up(dsn, schema, max_size, settings)
    of_one = max(max_size // _SHARES, 1)
    queue = _Queue(pool, asyncio.Semaphore(max_size), of_one)
    try:
        yield Database(queue)
    finally:
        await _close(queue)


async def _open_when_up(
    dsn: str, schema: str, max_size: int, settings: Mapping[str, str]
) -> "asyncpg.Pool[Any]":
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
        timeout=_CONNECT_TIMEOUT_S,
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


async def _close(queue: _Queue) -> None:
    try:
        async with asyncio.timeout(5):
            while queue.rested:
                await queue.pool.release(queue.rested.pop())
            await queue.pool.close()
    except TimeoutError:
        queue.pool.terminate()
