"""How far each stage is with a directory, and what keeps one back. Pure.

received ─▶ stored ─▶ published ─┬─▶ roles applied ─▶ roles published ─▶ roles visible
└─▶ users and groups visible
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.portal.domain.rows import Delay, HopDelay, HopDelays
from shared.contracts.management import Outgoing, Reached, RolesPosition, StoppedDirectory
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

State = Literal["good", "behind", "stopped", "unknown"]
START = Reached(generation=1, sequence=0)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the way: how far it is, and how many events it has yet to do.

    `behind` is None where that cannot be told: the stage does not answer, or a history starts anew.
    `since` is when it stopped.
    """

    title: str
    place: Reached | None
    behind: int | None
    since: datetime | None = None
    delayed_s: float = 0.0

    @property
    def state(self) -> State:
        """How it is, for icon, colour and words."""
        if self.since:
            return "stopped"
        if self.place is None:
            return "unknown"
        return "good" if self.behind == 0 else "behind"


@dataclass(frozen=True, slots=True)
class Positions:
    """Where everybody is with a directory; roles is None while it does not answer."""

    ingest: Outgoing
    roles: RolesPosition | None
    seen: Mapping[str, Reached]
    stopped: Sequence[StoppedDirectory] = ()
    delays: Sequence[Delay] = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """How long one part of the way takes, measured on so many of the newest events."""

    title: str
    delay: HopDelay
    events: int


def stages(positions: Positions) -> list[Stage]:
    """Return the stages in the order in which a change passes them."""
    ingest, roles = positions.ingest, positions.roles
    published = ingest.published or START
    told = roles.told.published or START if roles else None
    return [
        Stage("Stored", ingest.stored, 0),
        Stage("Published", published, _behind(ingest.stored, published), None, ingest.delayed_s),
        _roles_applied(positions, published),
        Stage(
            "Roles published",
            told,
            _behind(roles.told.stored, told) if roles else None,
            delayed_s=roles.told.delayed_s if roles else 0.0,
        ),
        _seen(positions, "Users and groups visible here", DIRECTORY_EVENTS.name, published),
        _seen(positions, "Roles visible here", ROLE_EVENTS.name, told),
    ]


def _roles_applied(positions: Positions, published: Reached) -> Stage:
    applied = positions.roles.applied if positions.roles else None
    since = min((one.since for one in positions.stopped), default=None)
    return Stage("Roles applied", applied, _behind(published, applied), since)


def _seen(positions: Positions, title: str, topic: str, head: Reached | None) -> Stage:
    place = positions.seen.get(topic, START)
    since = min((one.since for one in positions.delays if one.topic == topic), default=None)
    return Stage(title, place, _behind(head, place), since)


def _behind(head: Reached | None, place: Reached | None) -> int | None:
    """Return how many events a stage has yet to do; None across generations.

    The head was asked for before the place, so the place may be further.
    """
    if head is None or place is None or head.generation != place.generation:
        return None
    return max(head.sequence - place.sequence, 0)


def hops(directory: HopDelays | None, roles: HopDelays | None) -> list[Hop]:
    """Return how long each part of the way takes, as far as that is known."""
    found: list[Hop] = []
    if directory:
        found += [
            Hop("From stored to published", directory.told, directory.events),
            Hop("From published to visible here", directory.seen, directory.events),
        ]
    if roles:
        found += [
            Hop("From stored to roles told", roles.told, roles.events),
            Hop("From roles told to visible here", roles.seen, roles.events),
        ]
    return found
