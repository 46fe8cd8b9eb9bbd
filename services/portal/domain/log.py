"""The log for people: where an event stands, the document that applications get, what is masked.

Pure. Names of attributes, roles and groups stay; what describes a person shows its ends and its
length ("m…t (21)"), so that whoever knows it recognises it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from itertools import groupby
from typing import Any, TypeAlias

from services.portal.domain.rows import LoggedEvent
from shared.contracts import directory_events, envelope, role_events
from shared.contracts.ids import DirectoryId, OrganizationId, is_id
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

Json: TypeAlias = Any
_ID = re.compile(r"([0-9a-f-]{36}):(?:(roles):)?([0-9]{1,9}):([0-9]{1,18})")
_SCOPES = {None: DIRECTORY_EVENTS.name, role_events.SCOPE: ROLE_EVENTS.name}
TYPES: Mapping[str, Sequence[str]] = {
    DIRECTORY_EVENTS.name: [*directory_events.EVENTS],
    ROLE_EVENTS.name: [*role_events.EVENTS],
}
"""The types of events by topic."""
# What stands below these describes no person.
_PLAIN = frozenset({
    "kind", "key", "type", "schemas", "changed", "because", "strategy", "role", "rolesAfter",
    "also", "group", "groups", "provider", "resourceType",
})  # fmt: skip
_SHOWN_FROM = 6


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands: a topic of a directory, and the position there."""

    directory: DirectoryId
    topic: str
    generation: int
    sequence: int


def place_of(key: str) -> Place | None:
    """Return where the event of an id stands; None for what is no id of an event."""
    found = _ID.fullmatch(key)
    if found is None or not is_id(found[1]):
        return None
    return Place(DirectoryId(found[1]), _SCOPES[found[2]], int(found[3]), int(found[4]))


def topic_of(kind: str) -> str | None:
    """Return the topic of a type, or the topic itself; None for what is neither."""
    return next((topic for topic, types in TYPES.items() if kind in {topic, *types}), None)


def short(kind: str) -> str:
    """Return a type without what all types have in common."""
    return kind.removeprefix("rollcall.").removesuffix(".v1")


def document(event: LoggedEvent, organization: OrganizationId) -> dict[str, Json]:
    """Return an event as it is published, but for `traceparent` and `causationid`.

    Those two are not kept in the read models.
    """
    source = event.id.partition(":")[0]
    scope = f"/{role_events.SCOPE}" if event.topic == ROLE_EVENTS.name else ""
    return {
        "specversion": "1.0",
        "id": event.id,
        "sequence": f"{event.sequence:020d}",
        "generation": event.generation,
        "source": f"/directories/{source}{scope}",
        "type": event.type,
        "subject": event.subject,
        "time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"{envelope.SCHEMA_BASE}{event.type}",
        "organizationid": organization,
        "data": event.data,
    }


def masked(value: Json) -> Json:
    """Return the data of an event without what describes people."""
    match value:
        case dict():
            return {name: each if name in _PLAIN else masked(each) for name, each in value.items()}
        case list():
            return [masked(each) for each in value]
        case str() if not is_id(value) and not value.startswith("urn:"):
            return _ends(value)
        case _:
            return value


def _ends(text: str) -> str:
    if len(text) < _SHOWN_FROM:
        return f"… ({len(text)})" if text else ""
    return f"{text[0]}…{text[-1]} ({len(text)})"


def by_day(events: Iterable[LoggedEvent]) -> list[tuple[date, Sequence[LoggedEvent]]]:
    """Return events by day (UTC), in the order they come in."""
    days = groupby(events, key=lambda each: each.time.astimezone(UTC).date())
    return [(day, list(those)) for day, those in days]
