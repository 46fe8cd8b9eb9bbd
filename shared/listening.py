"""Accepting connections: how many, how slow a client may be, and what is not HTTP at all.

aiohttp bounds how long a connection idles, but not how long a body takes to arrive or an answer to
be read, nor how many connections there are; it answers what it cannot read in plain text, and logs
it with a stack trace. A provider shows its administrator what it was answered, and logs hold no
requests: all of that is done here instead.
"""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from shared import telemetry

_log = structlog.get_logger(__name__)
_BACKLOG = 1024
_KEEP_ALIVE_S = 30
RECEIVE_WITHIN_S = 15.0
"""From the first byte of a request to the last one of its body."""
_READ_WITHIN_S = 15.0
"""As long may a client leave an answer unread; then the connection is cut off."""
_LOOK_EVERY_S = 1.0
_LEAVE_WITHIN_S = 1.0
_LINGER_S = 2.0
"""Closing on who still sends would destroy the answer on its way: so long it is only ignored."""
_MAX_LINE_BYTES = 16 * 1024
"""A filter of 4 KiB, each of its bytes percent-encoded, and the rest of the line."""
_NOT_HTTP = "The request is not HTTP, or its first line or headers are too long."
_FAILED = "Something went wrong."
_TOO_SLOW = f"The request did not arrive within {RECEIVE_WITHIN_S:.0f} seconds."
_TOO_MANY = "There are too many connections; use those there are, or try again in a few seconds."
Refused = Callable[[int, str], web.Response]
"""Returns the answer for a status and a text, where no handler could be asked."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections there may be at once, in all and from one address; 0 is no limit."""

    connections: int = 0
    connections_of_peer: int = 0


@dataclass(slots=True)
class Door:
    """What the connections of a server have in common.

    Once the process is `stopping`, each answer is the last one on its connection.
    """

    server: web.Server
    refused: Refused
    limits: Limits
    stopping: asyncio.Event
    open: set["_Connection"] = field(default_factory=set)
    peers: Counter[str] = field(default_factory=Counter)

    def enter(self, connection: "_Connection", peer: str) -> str | None:
        """Count a connection; return why there may be no more, None while there may."""
        self.open.add(connection)
        self.peers[peer] += 1
        if 0 < self.limits.connections < len(self.open):
            return "connections"
        if 0 < self.limits.connections_of_peer < self.peers[peer]:
            return "connections_of_peer"
        return None

    def leave(self, connection: "_Connection", peer: str) -> None:
        """Count a connection out."""
        self.open.discard(connection)
        self.peers[peer] -= 1
        if not self.peers[peer]:
            del self.peers[peer]

    async def watch(self) -> None:
        """Cut off who is too slow, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            for connection in tuple(self.open):
                connection.check(clock())

    async def drain(self, within_s: float) -> None:
        """Wait until every request is answered, and who goes on asking has been told to leave.

        Closing an idle connection at once would cross with a request on its way.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        while self.open and clock() - began < within_s:
            is_over = clock() - began > _LEAVE_WITHIN_S
            if is_over and not any(connection.is_busy for connection in self.open):
                return
            await asyncio.sleep(_LOOK_EVERY_S / 20)


class _Connection(web.RequestHandler):
    """A connection with a clock, that answers in the service's own form wherever it does."""

    __slots__ = (
        "_arriving_since",
        "_body",
        "_door",
        "_gone",
        "_left_since",
        "_peer",
        "_unread_since",
        "_wire",
    )

    def __init__(self, door: Door) -> None:
        super().__init__(
            door.server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # off; aiohttp tests for it
            keepalive_timeout=_KEEP_ALIVE_S,
            max_line_size=_MAX_LINE_BYTES,
            # A kilobyte of gzip may hold a gigabyte; the handlers refuse what is encoded.
            auto_decompress=False,
        )
        self._door = door
        self._peer = ""
        self._wire: asyncio.Transport | None = None
        self._body: StreamReader = EMPTY_PAYLOAD
        self._arriving_since: float | None = None
        self._unread_since: float | None = None
        self._left_since: float | None = None
        self._gone: asyncio.Event | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a connection in, or answer 503 and close it when there are too many."""
        super().connection_made(transport)
        self._wire = self.transport
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        reason = self._door.enter(self, self._peer)
        if reason:
            telemetry.REFUSED.labels(reason).inc()
            self._turn_away(HTTPStatus.SERVICE_UNAVAILABLE, _TOO_MANY)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count it out."""
        self._wire = None
        if self._gone:
            self._gone.set()
        self._door.leave(self, self._peer)
        super().connection_lost(exc)

    @property
    def is_busy(self) -> bool:
        """Whether a request is in hand or on its way."""
        is_arriving = self._arriving_since is not None
        return self._request_in_progress or is_arriving or bool(self._messages)

    def data_received(self, data: bytes) -> None:
        """Start the clock at the first byte of a request, stop it at the last one."""
        if self._close or self._force_close:
            return
        # Without data aiohttp calls itself, to parse what it kept back.
        if data and self._arriving_since is None:
            self._arriving_since = self._loop.time()
        heads, was_whole = self._request_count, self._body.is_eof()
        super().data_received(data)
        has_head = self._request_count != heads
        if has_head and self._messages:
            self._body = self._messages[-1][1]
        if self._body.is_eof() and (has_head or not was_whole):
            self._arriving_since = None

    def pause_writing(self) -> None:
        """Note since when the client does not read."""
        super().pause_writing()
        self._unread_since = self._loop.time()

    def resume_writing(self) -> None:
        """Note that it does again."""
        super().resume_writing()
        self._unread_since = None

    def check(self, now: float) -> None:
        """End the connection if its client is too slow."""
        if self._wire and self._left_since and now - self._left_since > _LINGER_S:
            self._wire.abort()
        if self._wire and self._wire.is_closing() and self._unread_since is None:
            self._unread_since = now  # closed, and yet not gone: the answer still waits
        if self._wire and self._unread_since and now - self._unread_since > _READ_WITHIN_S:
            telemetry.REFUSED.labels("slow_reader").inc()
            self._wire.abort()
        if self._arriving_since and (self._reading_paused or self._buffer_paused):
            self._arriving_since = now  # it is us who do not take more
        if self._arriving_since and now - self._arriving_since > RECEIVE_WITHIN_S:
            telemetry.REFUSED.labels("slow_request").inc()
            self._arriving_since = None
            self._give_up()

    def _give_up(self) -> None:
        """Wait no longer for the rest of a request, and close after the answer in hand."""
        if self._request_in_progress:
            # A handler that waits for the rest of its body gets this instead, and answers it.
            self._body.set_exception(web.HTTPRequestTimeout())
            self._body.feed_eof()
            self._gone = asyncio.Event()
            self.close()
        elif self._body.is_eof():
            self._turn_away(HTTPStatus.REQUEST_TIMEOUT, _TOO_SLOW)
        else:
            self.force_close()  # it was answered before all of it had come

    def _turn_away(self, status: int, detail: str) -> None:
        """Answer where there is no request that a handler could answer, and hear no more."""
        if self._wire and not self._wire.is_closing():
            self._wire.write(_as_bytes(self._door.refused(status, detail)))
            self._wire.write_eof()
        self._close = True
        self._left_since = self._loop.time()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer, and say so when it is the last one on this connection."""
        if self._door.stopping.is_set() or self._close:
            resp.force_close()
        answered = await super().finish_response(request, resp, start_time)
        if self._gone and self._wire and not self._wire.is_closing():
            self._wire.write_eof()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_S):
                    await self._gone.wait()
        return answered

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # it repeats what was sent
    ) -> web.StreamResponse:
        """Answer what no handler did, and close: what follows on the connection means nothing."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        if not isinstance(exc, HttpProcessingError):
            _log.error("http.connection_failed", error=type(exc).__name__, status=status)
        is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        response = self._door.refused(status, _FAILED if is_ours else _NOT_HTTP)
        response.force_close()
        return response


def _as_bytes(response: web.Response) -> bytes:
    body = response.body if isinstance(response.body, bytes) else b""
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def listen(door: Door, host: str, port: int) -> asyncio.Server:
    """Listen for connections to the server of a runner. Raises OSError."""
    return await asyncio.get_running_loop().create_server(
        lambda: _Connection(door), host, port, backlog=_BACKLOG
    )


async def stop(door: Door, listener: asyncio.Server) -> None:
    """Listen no more, and let in who has connected already: closing alone would reset them."""
    spares = [socket.socket(fileno=os.dup(each.fileno())) for each in listener.sockets]
    listener.close()
    waiting = [connection for spare in spares for connection in _last_of(spare)]
    loop = asyncio.get_running_loop()
    for connection in waiting:
        await loop.connect_accepted_socket(lambda: _Connection(door), connection)


def _last_of(spare: socket.socket) -> list[socket.socket]:
    found = []
    spare.setblocking(False)
    with spare, suppress(BlockingIOError):
        while True:
            found.append(spare.accept()[0])
    return found
