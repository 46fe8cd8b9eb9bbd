"""The way of a change: received, stored, published, roles applied, visible. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from services.portal.domain.rows import EventRow
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

_NOTHING = timedelta()


@dataclass(frozen=True, slots=True)
class TracedEvent:
    """An event with its times: made (and stored), published, seen in the read model."""

    row: EventRow
    topic: str
    cause: Mapping[str, Any]
    published_at: datetime | None
    visible_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """All that one act led to for a user; `received_at` is when its request came in, if known."""

    events: Sequence[TracedEvent]
    received_at: datetime | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """A station on the way: when, how long after the one before, and how long in all."""

    key: Literal["received", "stored", "published", "applied", "visible"]
    title: str
    at: datetime
    after: timedelta
    total: timedelta


@dataclass(frozen=True, slots=True)
class Journey:
    """The stations in order; `waits_for` is the next one where the change has not arrived yet."""

    hops: Sequence[Hop]

    @property
    def total(self) -> timedelta:
        """From the first station to the last."""
        return self.hops[-1].total if self.hops else _NOTHING


def of(change: Change) -> Journey:
    """Return the way of a change, station by station."""
    stored = [one for one in change.events if one.topic == DIRECTORY_EVENTS.name]
    roles = [one for one in change.events if one.topic == ROLE_EVENTS.name]
    saved = None if stored else _latest(one.row.time for one in roles)
    found: list[tuple[Any, str, datetime | None]] = [
        ("received", "Received", change.received_at),
        ("stored", "Stored", _latest(one.row.time for one in stored)),
        ("stored", "Mapping saved", saved),
        ("published", "Published", _latest(one.published_at for one in stored)),
        # A role event has the time of what caused it; when it was told says when it was applied.
        ("applied", "Roles applied and told", _latest(one.published_at for one in roles)),
        ("visible", "Visible here", _latest(one.visible_at for one in change.events)),
    ]
    hops: list[Hop] = []
    for key, title, at in found:
        if at is not None:
            hops.append(_hop(key, title, at, hops))
    return Journey(hops)


def _hop(key: Any, title: str, at: datetime, before: Sequence[Hop]) -> Hop:
    """Return a station; clocks of two machines may differ, and nothing arrives before it left."""
    if not before:
        return Hop(key, title, at, _NOTHING, _NOTHING)
    after = max(at - before[-1].at, _NOTHING)
    return Hop(key, title, at, after, before[-1].total + after)


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)


def last_change(events: Sequence[TracedEvent]) -> Change:
    """Return what the newest act led to, from the newest events of a user, newest first."""
    if not events:
        return Change(())
    cause = events[0].cause
    same = [one for one in events if one.cause.get("id") == cause.get("id")]
    request = str(cause.get("id")) if cause.get("kind") == "scim" else None
    return Change(same[::-1], request_id=request)
