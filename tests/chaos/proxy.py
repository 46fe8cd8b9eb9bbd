"""A TCP proxy of our own: what a network does to a connection, at a moment that we choose.

client ──▶ Proxy ──▶ server        cut, frozen (half-open), slow, stalling, replies lost
"""

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET

from deploy.local import ports

_CHUNK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)  # to linger for no time ends a connection with RST
_STILL_ON_ITS_WAY_S = 0.05


@dataclass(frozen=True, slots=True)
class Slowness:
    """How slow a link is: each chunk waits, and a share of them stalls."""

    dice: random.Random
    delay_s: float
    stall_share: float
    stall_s: float

    def wait_s(self) -> float:
        return self.delay_s + (self.stall_s if self.dice.random() < self.stall_share else 0)


@dataclass(slots=True, eq=False)
class Connection:
    """One connection through the proxy; frozen, it swallows everything and tells nobody."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_frozen: bool = False
    loses_replies: bool = False

    def cut(self) -> None:
        """Reset both sides."""
        for writer in (self.client, self.server):
            with suppress(OSError):  # closed already
                socket = writer.get_extra_info("socket")
                socket.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
            writer.transport.abort()


@dataclass(slots=True)
class Proxy:
    """Listens at `port`, and passes on to `upstream`, another port of this machine.

    `loses_replies`: requests arrive, answers do not. `budget`: so many bytes of requests pass, then
    every connection freezes and `spent` is set. `watched`: what happens when a request holds these
    bytes; what it returns decides whether the answer is lost and the connection ends. `turns`:
    ports that take turns instead of `upstream`, as replicas behind a balancer do.
    """

    name: str
    upstream: int = 0
    port: int = field(default_factory=ports.choose)
    connections: set[Connection] = field(default_factory=set)
    slowness: Slowness | None = None
    loses_replies: bool = False
    is_closed: bool = False
    budget: int | None = None
    spent: asyncio.Event = field(default_factory=asyncio.Event)
    watched: tuple[bytes, Callable[[], bool]] | None = None
    turns: list[int] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def cut(self) -> int:
        """End every connection; return how many there were."""
        found = list(self.connections)
        for one in found:
            one.cut()
        return len(found)

    def freeze(self) -> int:
        """Make every connection half-open: alive for both ends, and nothing passes; new ones do."""
        for one in self.connections:
            one.is_frozen = True
        return len(self.connections)

    def thaw(self) -> None:
        """End what was frozen: what it swallowed is lost, so it cannot go on."""
        for one in [one for one in self.connections if one.is_frozen]:
            one.cut()

    def heal(self) -> None:
        """Be an ordinary network again."""
        self.slowness, self.loses_replies, self.is_closed = None, False, False
        self.budget, self.watched = None, None
        self.thaw()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_closed:
            writer.transport.abort()
            return
        try:
            replies, server = await asyncio.open_connection("127.0.0.1", self._next())
        except OSError:
            writer.transport.abort()
            return
        found = Connection(writer, server)
        self.connections.add(found)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._requests(reader, found))
                group.create_task(self._replies(replies, found))
        finally:
            self.connections.discard(found)
            found.cut()

    def _next(self) -> int:
        if not self.turns:
            return self.upstream
        self.turns.append(self.turns.pop(0))
        return self.turns[-1]

    async def _requests(self, reader: asyncio.StreamReader, found: Connection) -> None:
        while data := await _read(reader):
            await self._wait()
            self._spend(len(data))
            if found.is_frozen:
                continue
            is_watched = self.watched is not None and self.watched[0] in data
            if is_watched and self.watched and self.watched[1]():
                found.loses_replies = True
                await _write(found.server, data)
                await asyncio.sleep(_STILL_ON_ITS_WAY_S)
                found.cut()
                return
            await _write(found.server, data)
        _end(found.server)

    async def _replies(self, reader: asyncio.StreamReader, found: Connection) -> None:
        while data := await _read(reader):
            await self._wait()
            if not (found.is_frozen or found.loses_replies or self.loses_replies):
                await _write(found.client, data)
        if not found.is_frozen:
            _end(found.client)

    async def _wait(self) -> None:
        if self.slowness:
            await asyncio.sleep(self.slowness.wait_s())

    def _spend(self, count: int) -> None:
        if self.budget is None:
            return
        self.budget -= count
        if self.budget <= 0:
            self.freeze()
            self.spent.set()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_CHUNK)
    except OSError:
        return b""


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(OSError):
        writer.write(data)
        await writer.drain()


def _end(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, RuntimeError):
        writer.write_eof()
