"""Numbers → places in a drawing: small charts that the server draws as inline SVG. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.portal.domain.journey import Journey

HOURS = 24
WIDTH, HEIGHT = 480, 96
_GAP = 3
_LEAST = 3.0
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened in an hour that starts `at`; `failed` of its calls were refused."""

    at: datetime
    changes: int


@dataclass(frozen=True, slots=True)
class Bar:
    """An hour as a bar from the bottom of the drawing."""

    hour: Hour
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a whole along a line of 100 units."""

    title: str
    key: str
    x: float
    width: float


def hours(counts: Sequence[tuple[datetime, int]], now: datetime) -> list[Hour]:
    """Return the last 24 hours in order, also those in which nothing happened."""
    newest = now.replace(minute=0, second=0, microsecond=0)
    known = dict(counts)
    starts = [newest - timedelta(hours=back) for back in reversed(range(HOURS))]
    return [Hour(start, known.get(start, 0)) for start in starts]


def bars(shown: Sequence[Hour]) -> list[Bar]:
    """Return a bar an hour; the highest reaches the top, and what is not 0 can be seen."""
    most = max((hour.changes for hour in shown), default=0)
    pitch = WIDTH / max(len(shown), 1)
    found = []
    for place, hour in enumerate(shown):
        height = max(HEIGHT * hour.changes / most, _LEAST) if hour.changes else 0.0
        found.append(
            Bar(hour, round(place * pitch, 1), round(HEIGHT - height, 1), pitch - _GAP,
                round(height, 1))
        )  # fmt: skip
    return found


def spans(journey: Journey) -> list[Span]:
    """Return each way between two stations as a part of the whole; the shortest can be seen."""
    ways = journey.hops[1:]
    whole = sum(hop.after.total_seconds() for hop in ways) or 1.0
    shares = [max(hop.after.total_seconds() / whole, _LEAST_SHARE) for hop in ways]
    scale = 100 / (sum(shares) or 1.0)
    found, x = [], 0.0
    for hop, share in zip(ways, shares, strict=True):
        width = share * scale
        found.append(Span(hop.title, hop.key, round(x, 2), round(max(width - 0.4, 0.2), 2)))
        x += width
    return found
