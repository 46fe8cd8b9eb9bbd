"""Who may call: bearer tokens, looked up once and remembered for at most 5 s."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from services.ingest.domain.peppers import Peppers
from services.ingest.domain.tokens import Access
from services.ingest.scim.errors import Paused, Unauthorized
from services.ingest.usecases import tokens
from shared import db
from shared import web as edge
from shared.contracts.ids import DirectoryId

_log = structlog.get_logger(__name__)
BASE = "/scim/v2/"
_REMEMBER_S = 5.0
_ASK_AGAIN_S = 3.0
_REMEMBER_MOST = 10_000
_MAX_TOKEN_CHARS = 128
_PAUSED_S = 300
_FLUSH_EVERY_S = 1.0
ACCESS = web.RequestKey("access", Access)


@dataclass(slots=True)
class Gatekeeper:
    """Knows for 5 s what a token opens, also that it opens nothing; notes the use of each."""

    database: db.Database
    peppers: Peppers
    _known: dict[str, tuple[float, Access | None]] = field(default_factory=dict)
    _asked: dict[str, asyncio.Lock] = field(default_factory=dict)
    _used: dict[str, datetime] = field(default_factory=dict)

    async def admit(self, value: str, directory: DirectoryId) -> Access:
        """Return what the token opens. Raises Unauthorized, the same for every reason."""
        access = await self._access(value)
        now = datetime.now(UTC)
        if access is None or not tokens.opens(access, directory, now):
            raise Unauthorized
        self._used[access.key_id] = now
        return access

    async def _access(self, value: str) -> Access | None:
        if len(value) > _MAX_TOKEN_CHARS:
            return None
        known = self._known.get(value)
        good_s = _REMEMBER_S if value in self._asked else _ASK_AGAIN_S
        if known and time.monotonic() - known[0] < good_s:
            return known[1]
        return await self._ask(value)

    async def _ask(self, value: str) -> Access | None:
        """Ask the database, one request for all: the others go on with what is known.

        Else each request of a flood asked, all at once whenever 5 s are over.
        """
        async with self._asked.setdefault(value, asyncio.Lock()):
            now = time.monotonic()
            known = self._known.get(value)
            if known and now - known[0] < _ASK_AGAIN_S:
                return known[1]
            try:
                access = await tokens.access(self.database, self.peppers, value)
            finally:
                self._asked.pop(value, None)
            if len(self._known) >= _REMEMBER_MOST:
                self._known.clear()
            self._known[value] = (now, access)
            return access

    async def record_use(self, stopping: asyncio.Event) -> None:
        """Write down the uses once a second, beside the requests; a crash costs the last one."""
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH_EVERY_S):
                    await stopping.wait()
            await self._flush()

    async def _flush(self) -> None:
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await tokens.record_use(self.database, used)
        except Exception as error:
            if not db.is_transient(error):
                raise
            self._used = used | self._used
            _log.warning("tokens.use_postponed", error=type(error).__name__)


def bearer(gatekeeper: Gatekeeper) -> Middleware:
    """Return the middleware that lets in who holds a token of the directory in the path."""

    @web.middleware
    async def check(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
        # From the path itself: an unknown path below it has no match, and needs a token too.
        directory = request.path.removeprefix(BASE).partition("/")[0]
        # Ping lets an administrator choose the word before the token.
        value = request.headers.get("Authorization", "").rpartition(" ")[2]
        access = request[ACCESS] = await gatekeeper.admit(value, DirectoryId(directory))
        if access.is_paused:
            raise Paused(_PAUSED_S)
        return await handler(request)

    return check
