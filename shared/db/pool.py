"""A pool of connections with deadlines, that knows who waits, and its transactions."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg

from shared.db.opening import CONNECT_TIMEOUT_S, Connection, open_when_up

Record: TypeAlias = "asyncpg.Record"

_ACQUIRE_TIMEOUT_S = 5.0
_SHARES = 4
_NO_SETTINGS: Mapping[str, str] = {}
_SHARER: ContextVar[str | None] = ContextVar("sharer", default=None)


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
        return await self.pool.acquire(timeout=CONNECT_TIMEOUT_S)

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
    pool = await open_when_up(dsn, schema, max_size, settings)
    of_one = max(max_size // _SHARES, 1)
    queue = _Queue(pool, asyncio.Semaphore(max_size), of_one)
    try:
        yield Database(queue)
    finally:
        await _close(queue)


async def _close(queue: _Queue) -> None:
    try:
        async with asyncio.timeout(5):
            while queue.rested:
                await queue.pool.release(queue.rested.pop())
            await queue.pool.close()
    except TimeoutError:
        queue.pool.terminate()
