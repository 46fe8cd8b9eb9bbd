"""Which requests are refused first when there are too many: bulk, then reads, writes last.

A provider that reads again later has lost nothing; a change that it gives up on may stay unmade.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["bulk", "read", "write"]
Reason = Literal["in_flight", "pool_wait", "backlog"]

_FROM_SHARE: dict[Kind, float] = {"bulk": 0.5, "read": 0.75, "write": 1.0}
"""From which share of a limit on a kind of request is refused."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What this process takes upon itself; ages and waits in seconds."""

    in_flight: int
    pool_wait_s: float
    backlog_s: float

    @property
    def in_flight_of_directory(self) -> int:
        """How much of it one directory may be; what takes long must not be all of one."""
        return max(self.in_flight // 4, 1)


@dataclass(frozen=True, slots=True)
class Load:
    """What is going on.

    Requests in hand, how long the first in the queue waits for a connection to the database, and
    the age of the oldest change that waits to be passed on.
    """

    in_flight: int
    pool_wait_s: float
    backlog_s: float


def kind_of(method: str, path: str) -> Kind:
    """Return what a request is, by its method and its path below the directory."""
    if method in {"GET", "HEAD", "OPTIONS"} or path.endswith("/.search"):
        return "read"
    return "bulk" if path.rstrip("/").lower().endswith("/bulk") else "write"


def refusal(kind: Kind, load: Load, limits: Limits) -> Reason | None:
    """Return why a request of this kind is not begun now, None when it is."""
    share = _FROM_SHARE[kind]
    if load.in_flight >= limits.in_flight * share:
        return "in_flight"
    if load.pool_wait_s > limits.pool_wait_s * share:
        return "pool_wait"
    if kind != "read" and load.backlog_s > limits.backlog_s:
        return "backlog"
    return None
