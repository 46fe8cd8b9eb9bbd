"""Who gets in: what this process takes upon itself at once, and how fast a directory may go.

    request ─ bounded ─▶ (token is checked) ─ paced ─▶ handler
              503 Busy, Behind              429 TooManyRequests

Both count in this process alone: with n replicas behind a balancer a directory may go n times as
fast (ADR 0019).
"""

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Middleware

from services.ingest.domain import load
from services.ingest.domain.load import Load, Reason
from services.ingest.domain.rates import Limit
from services.ingest.domain.tokens import Access
from services.ingest.http.auth import ACCESS
from services.ingest.scim.errors import Behind, Busy, TooManyRequests, TryLater
from shared import db, telemetry
from shared import web as edge
from shared.contracts.ids import DirectoryId

_REMEMBER_MOST = 10_000
_BUSY_S, _BEHIND_S = 1.0, 30.0
_ERRORS: dict[Reason, tuple[type[TryLater], float]] = {
    "in_flight": (Busy, _BUSY_S),
    "pool_wait": (Busy, _BUSY_S),
    "backlog": (Behind, _BEHIND_S),
}


@dataclass(slots=True)
class Admission:
    """Counts what goes on; the two functions say what the database and the relay see of it."""

    limits: load.Limits
    rate: Limit
    pool_wait_s: Callable[[], float]
    backlog_s: Callable[[], float]
    _in_flight: int = 0
    _of_directory: Counter[DirectoryId] = field(default_factory=Counter)
    _full_at: dict[DirectoryId, float] = field(default_factory=dict)

    def begin(self, kind: load.Kind) -> None:
        """Count a request in. Raises TryLater."""
        now = Load(self._in_flight, self.pool_wait_s(), self.backlog_s())
        reason = load.refusal(kind, now, self.limits)
        if reason:
            telemetry.REFUSED.labels(reason).inc()
            error, wait_s = _ERRORS[reason]
            raise error(jittered(wait_s))
        self._in_flight += 1

    def end(self) -> None:
        """Count a request out."""
        self._in_flight -= 1

    @contextmanager
    def in_hand(self, directory: DirectoryId) -> Iterator[None]:
        """Count a request of a directory, which gets a share of the process and of its database.

        Raises TooManyRequests.
        """
        if self._of_directory[directory] >= self.limits.in_flight_of_directory:
            telemetry.REFUSED.labels("directory_in_flight").inc()
            raise TooManyRequests(jittered(_BUSY_S))
        self._of_directory[directory] += 1
        try:
            with db.sharing(directory):
                yield
        finally:
            self._of_directory[directory] -= 1
            if not self._of_directory[directory]:
                del self._of_directory[directory]

    def spend(self, access: Access, cost: int) -> None:
        """Take so many operations from what the directory may do now. Raises TooManyRequests."""
        now = time.monotonic()
        limit = access.limit or self.rate
        full_at = self._full_at.get(access.directory, now)
        wait_s = limit.waits_s(full_at, cost, now)
        if wait_s > 0:
            telemetry.REFUSED.labels("directory_rate").inc()
            raise TooManyRequests(jittered(wait_s))
        if len(self._full_at) >= _REMEMBER_MOST:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        self._full_at[access.directory] = limit.full_after(full_at, cost, now)


def jittered(wait_s: float) -> int:
    """Return whole seconds to wait, 1 at least, spread so that not all come back at once."""
    return math.ceil(wait_s + random.uniform(0.0, 1.0 + wait_s / 2))  # noqa: S311  # no secret


ADMISSION = web.AppKey("admission", Admission)


def bounded(admission: Admission) -> Middleware:
    """Return the middleware that refuses what is too much for this process, before any work."""

    @web.middleware
    async def bound(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
        admission.begin(load.kind_of(request.method, request.path))
        try:
            return await handler(request)
        finally:
            admission.end()

    return bound


def paced(admission: Admission) -> Middleware:
    """Return the middleware that keeps a directory within its rate, and within its share."""

    @web.middleware
    async def pace(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
        access = request[ACCESS]
        admission.spend(access, 1)
        with admission.in_hand(access.directory):
            return await handler(request)

    return pace


def spend_more(request: web.Request, count: int) -> None:
    """Take what a request costs beyond the first operation. Raises TooManyRequests."""
    request.config_dict[ADMISSION].spend(request[ACCESS], count)
