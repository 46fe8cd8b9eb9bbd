"""Notes every SCIM call on its way out, and writes them down beside the requests once a second.

    request ─ note ─▶ memory, bounded ─ flush ─▶ mask ─▶ Postgres ─ days later ─▶ forgotten

A crash costs the last second. What memory does not hold is dropped and counted, never awaited.
"""

import asyncio
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from services.ingest.domain.request_log import FAILED, Call, last_four
from services.ingest.http import requests
from services.ingest.http.auth import ACCESS, BASE
from services.ingest.usecases import request_log
from shared import db, telemetry
from shared import web as edge
from shared.contracts.ids import DirectoryId, is_id

_log = structlog.get_logger(__name__)
MOST_CALLS = 5_000
_MOST_BODY_BYTES = 4 * 1024 * 1024
# Decoding a larger one would hold up requests for more than some milliseconds.
_LARGEST_BODY_BYTES = 1024 * 1024
_MOST_CHARS = 2048
_MOST_REFUSED = 1_000
REFUSED_PER_MINUTE = 30
_FLUSH_EVERY_S = 1.0
# Masking is work on the event loop: so much of it at a time takes some milliseconds.
_BATCH_CALLS = 100
_BATCH_BYTES = 128 * 1024
_FORGET_EVERY_S = 600.0
_FORGET_AT_ONCE = 1_000
# A call that is cut off leaves no answer here; the edge answers so.
_CUT_OFF = 503


@dataclass(slots=True)
class RequestLog:
    """Calls that wait to be written: bounded in number, in bytes, and by directory when refused."""

    database: db.Database
    days: int
    _waiting: deque[Call] = field(default_factory=deque)
    _body_bytes: int = 0
    _refused: int = 0
    _minute: int = 0
    _refused_of: Counter[str] = field(default_factory=Counter)

    def note(self, call: Call) -> None:
        """Keep a call until the next flush; the oldest goes when there is no room."""
        if _is_flood(call) and not self._admits_refused(call.directory):
            telemetry.REQUEST_LOG_DROPPED.labels("refused").inc()
            return
        size = len(call.body or b"")
        if size > _LARGEST_BODY_BYTES or self._body_bytes + size > _MOST_BODY_BYTES:
            telemetry.REQUEST_LOG_DROPPED.labels("body").inc()
            call = call._replace(body=None)
        if len(self._waiting) >= MOST_CALLS:
            telemetry.REQUEST_LOG_DROPPED.labels("full").inc()
            self._take_first()
        self._body_bytes += len(call.body or b"")
        self._refused += _is_flood(call)
        self._waiting.append(call)

    def _admits_refused(self, directory: str) -> bool:
        """Tell whether one more call without effect is noted: a flood must not fill the log."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute = minute
            self._refused_of.clear()
        known = directory in self._refused_of or len(self._refused_of) < _MOST_REFUSED
        if not known or self._refused >= _MOST_REFUSED:
            return False
        self._refused_of[directory] += 1
        return self._refused_of[directory] <= REFUSED_PER_MINUTE

    def _take_first(self) -> Call:
        call = self._waiting.popleft()
        self._body_bytes -= len(call.body or b"")
        self._refused -= _is_flood(call)
        return call

    async def flush_regularly(self, stopping: asyncio.Event) -> None:
        """Write down what waits once a second, and what is left at the end."""
        while not stopping.is_set():
            await _pause(stopping, _FLUSH_EVERY_S)
            await self._flush()

    async def _flush(self) -> None:
        for _ in range(MOST_CALLS):
            batch = self._batch()
            if not batch or not await self._written(batch):
                return
            await asyncio.sleep(0)

    def _batch(self) -> list[Call]:
        batch: list[Call] = []
        size = 0
        while self._waiting and len(batch) < _BATCH_CALLS and size < _BATCH_BYTES:
            batch.append(self._take_first())
            size += len(batch[-1].body or b"")
        return batch

    async def _written(self, batch: list[Call]) -> bool:
        try:
            await request_log.record(self.database, batch)
        except Exception as error:  # noqa: BLE001  # a log must not take the gateway down
            if not db.is_transient(error):
                telemetry.REQUEST_LOG_DROPPED.labels("fault").inc(len(batch))
                # Not the traceback: Postgres repeats values in its complaints.
                name = type(error).__name__
                _log.error("request_log.write_failed", error=name, count=len(batch))
                return True
            _log.warning("request_log.write_postponed", error=type(error).__name__)
            self._put_back(batch)
            return False
        return True

    def _put_back(self, batch: list[Call]) -> None:
        room = max(MOST_CALLS - len(self._waiting), 0)
        kept = batch[max(len(batch) - room, 0) :]
        telemetry.REQUEST_LOG_DROPPED.labels("full").inc(len(batch) - len(kept))
        self._waiting.extendleft(reversed(kept))
        self._body_bytes += sum(len(call.body or b"") for call in kept)
        self._refused += sum(map(_is_flood, kept))

    async def forget_regularly(self, stopping: asyncio.Event) -> None:
        """Delete what is older than the days that are kept, a bounded number at a time."""
        while not stopping.is_set():
            full = await self._forget()
            await _pause(stopping, 0.05 if full else _FORGET_EVERY_S)

    async def _forget(self) -> bool:
        """Delete one lot; tell whether there may be more."""
        before = datetime.now(UTC) - timedelta(days=self.days)
        try:
            gone = await request_log.forget(self.database, before, _FORGET_AT_ONCE)
        except Exception as error:
            if not db.is_transient(error):
                raise
            _log.warning("request_log.deletion_postponed", error=type(error).__name__)
            return False
        if gone:
            _log.info("request_log.entries_deleted", count=gone)
        return gone == _FORGET_AT_ONCE


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


def recorded(log: RequestLog) -> Middleware:
    """Return the middleware that notes calls; outside the one that explains errors."""

    @web.middleware
    async def note(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
        started, at = time.monotonic(), datetime.now(UTC)
        request[requests.SENT] = []
        response: web.StreamResponse | None = None
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = error
            raise
        finally:
            duration_ms = (time.monotonic() - started) * 1000
            if call := _call(request, response, at, duration_ms):
                log.note(call)
        return response

    return note


def _is_flood(call: Call) -> bool:
    """Tell whether there may be any number of such calls: from strangers, or above the limit."""
    return call.key_id is None or call.status == HTTPStatus.TOO_MANY_REQUESTS


def _call(
    request: web.Request, response: web.StreamResponse | None, at: datetime, duration_ms: float
) -> Call | None:
    access = request.get(ACCESS)
    _, _, below = request.raw_path.partition(BASE)
    directory, target = _split(below)
    # An address that names no directory concerns nobody; whether this one exists, the flush asks.
    if access is None and not is_id(directory):
        return None
    sent = request[requests.SENT]
    body = b"".join(sent)
    return Call(
        directory=access.directory if access else DirectoryId(directory),
        id=request[edge.REQUEST_ID],
        at=at,
        method=request.method,
        target=target[:_MOST_CHARS],
        user_agent=request.headers.get("User-Agent", "")[:_MOST_CHARS] or None,
        content_type=request.headers.get("Content-Type", "")[:_MOST_CHARS] or None,
        names_entra_version="ADSCIMVersion" in request.headers,
        status=response.status if response is not None else _CUT_OFF,
        duration_ms=duration_ms,
        key_id=access and access.key_id,
        token_last_four=None if access else last_four(request.headers.get("Authorization", "")),
        body=body or None,
        body_bytes=len(body) or (request.content_length or 0 if request.body_exists else 0),
        answer=_error(response),
    )


def _split(below: str) -> tuple[str, str]:
    """Return the directory and what follows it, from the address below the base."""
    directory = below.partition("?")[0].partition("/")[0]
    return directory, below[len(directory) :]


def _error(response: web.StreamResponse | None) -> bytes | None:
    """Return the error message that left; the flush reads scimType and detail from it."""
    if not isinstance(response, web.Response) or response.status < FAILED:
        return None
    return response.body if isinstance(response.body, bytes) else None
