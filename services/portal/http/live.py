"""The live stream: says that a page may look different by now; the browser fetches it again.

One look a second serves everybody who watches; a stream itself holds next to nothing.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from aiohttp import web

from services.portal.clients import Services
from services.portal.http.session import Doorkeeper, organization_of
from services.portal.usecases import live
from shared import db
from shared.contracts.ids import OrganizationId

_log = structlog.get_logger(__name__)
PATH = "/portal/{org}/stream"
_LOOK_EVERY_S = 1.0
_HEARTBEAT_S = 15.0
_REST_S = 2.0
_REFRESHES_A_SECOND = 50
"""So many pages a second are made again at most, however many watch."""
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


@dataclass(slots=True)
class Watch:
    """What is known of an organization that somebody watches."""

    mark: str = ""
    watchers: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def move(self, mark: str) -> None:
        """Tell everybody who waits."""
        self.mark = mark
        moved, self.moved = self.moved, asyncio.Event()
        moved.set()


@dataclass(slots=True)
class Hub:
    """Who watches what, and the one task that looks."""

    database: db.Database
    services: Services
    watches: dict[OrganizationId, Watch] = field(default_factory=dict)
    is_over: bool = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Look once a second while anybody watches; end all streams at the end."""
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await stopping.wait()
            await self._look()
        self.is_over = True
        for watch in self.watches.values():
            watch.move(watch.mark)

    async def _look(self) -> None:
        if not self.watches:
            return
        try:
            found = await live.marks(
                self.database, self.services, list(self.watches), datetime.now(UTC)
            )
        except Exception as error:
            if not db.is_transient(error):
                raise
            _log.warning("portal.look_postponed", error=type(error).__name__)
            return
        for key, mark in found.items():
            watch = self.watches.get(key)
            if watch and watch.mark != mark:
                watch.move(mark)

    @contextmanager
    def watching(self, organization: OrganizationId) -> Iterator[Watch]:
        """Watch an organization."""
        watch = self.watches.setdefault(organization, Watch())
        watch.watchers += 1
        try:
            yield watch
        finally:
            watch.watchers -= 1
            if not watch.watchers:
                self.watches.pop(organization, None)

    @property
    def rest_s(self) -> float:
        """How long a stream rests after it said something: longer the more of them there are."""
        watchers = sum(watch.watchers for watch in self.watches.values())
        return max(_REST_S, watchers / _REFRESHES_A_SECOND)


@dataclass(frozen=True, slots=True)
class Live:
    """The handler of the stream."""

    hub: Hub
    doorkeeper: Doorkeeper

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [web.get(PATH, self.stream, allow_head=False)]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Say `changed` with a mark whenever there is another one; `ended` when the session is.

        The mark that a page was made at comes as `?since=`, after a break as Last-Event-ID.
        """
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        seen = request.headers.get("Last-Event-ID") or request.query.get("since", "")
        with self.hub.watching(organization_of(request)) as watch, suppress(ConnectionError):
            await self._tell(request, response, watch, seen)
        return response

    async def _tell(
        self, request: web.Request, response: web.StreamResponse, watch: Watch, seen: str
    ) -> None:
        while not self.hub.is_over:
            moved = watch.moved
            if watch.mark and watch.mark != seen:
                seen = watch.mark
                await response.write(f"event: changed\nid: {seen}\ndata: {seen}\n\n".encode())
                await self._rest(self.hub.rest_s)
                continue
            if await _in_time(moved):
                continue
            if not await self.doorkeeper.is_still_in(request):
                await response.write(b"event: ended\ndata: session\n\n")
                return
            await response.write(b": still here\n\n")

    async def _rest(self, seconds: float) -> None:
        """Wait, but not when the process stops."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.hub.is_over and (left := until - loop.time()) > 0:
            await asyncio.sleep(min(left, _LOOK_EVERY_S))


async def _in_time(moved: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(_HEARTBEAT_S):
            await moved.wait()
    except TimeoutError:
        return False
    return True
