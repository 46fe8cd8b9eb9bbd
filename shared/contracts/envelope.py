"""CloudEvents 1.0 in structured mode: one JSON document per Kafka record (design section 5).

An envelope is stored as its *tail*, final bytes without the opening brace. The relay puts the
*head* in front once the sequence is known, so nobody parses or serialises an event twice:

    {"specversion":"1.0","id":…,"sequence":…,"generation":…,   ← head, by the relay
    "source":…,"type":…,"subject":…,"data":{…}}                ← tail, by whoever made the event
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from shared.contracts import decoding, traceparent
from shared.contracts.base import Contract
from shared.contracts.ids import DirectoryId, OrganizationId, is_id

CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8"
_PREFIX = "/directories/"
# No attribute before it can hold this: inside a JSON string each quote is escaped.
_TIME = b'"time":"'
_TRACEPARENT, _DATA = b'"traceparent":"', b',"data":'
SCHEMA_BASE = "urn:rollcall:schemas:"


class MalformedEventError(ValueError):
    """The record is not a Rollcall event."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the history of one directory; positions compare in log order."""

    generation: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Origin:
    """What all events of one request have in common."""

    directory: DirectoryId
    organization: OrganizationId
    time: datetime
    traceparent: str | None = None
    causation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as read from the log; `data` is the decoded JSON, not yet typed.

    `published_ms` is when its record was published, in ms since 1970, where that is known;
    `is_behind_gap` is said by the gate: what went before it is missing.
    """

    id: str
    type: str
    subject: str
    time: datetime
    directory: DirectoryId
    organization: OrganizationId
    position: Position
    data: dict[str, Any]
    causation_id: str | None = None
    traceparent: str | None = None
    published_ms: int | None = None
    is_behind_gap: bool = False


def event_id(directory: DirectoryId, position: Position, scope: str = "") -> str:
    """Return the deterministic id: `directory:generation:sequence`, with a scope for roles."""
    middle = f"{scope}:" if scope else ""
    return f"{directory}:{middle}{position.generation}:{position.sequence}"


def head(directory: DirectoryId, position: Position, scope: str = "") -> bytes:
    """Return the opening bytes of the document, up to where the tail goes on."""
    return (
        f'{{"specversion":"1.0","id":"{event_id(directory, position, scope)}",'
        f'"sequence":"{position.sequence:020d}","generation":{position.generation},'
    ).encode()


def tail(event_type: str, subject: str, origin: Origin, data: Contract, scope: str = "") -> bytes:
    """Return the rest of the document as final bytes, without its opening brace."""
    source = f"{_PREFIX}{origin.directory}" + (f"/{scope}" if scope else "")
    attributes = {
        "source": source,
        "type": event_type,
        "subject": subject,
        "time": origin.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"{SCHEMA_BASE}{event_type}",
        "organizationid": origin.organization,
    }
    if origin.traceparent:
        attributes["traceparent"] = origin.traceparent
    if origin.causation_id:
        attributes["causationid"] = origin.causation_id
    body = data.model_dump(mode="json", by_alias=True)
    return orjson.dumps({**attributes, "data": body})[1:]


def time_of(tail: bytes) -> datetime | None:
    """Return the `time` in a tail that `tail` made, without parsing it; None for another's."""
    _, _, rest = tail.partition(_TIME)
    try:
        return datetime.fromisoformat(rest[: rest.find(b'"')].decode())
    except ValueError:
        return None


def traceparent_of(tail: bytes) -> str | None:
    """Return the `traceparent` in a tail that `tail` made, without parsing it."""
    attributes, _, _ = tail.partition(_DATA)
    _, _, rest = attributes.partition(_TRACEPARENT)
    return traceparent.parsed(rest[: traceparent.LENGTH].decode(errors="replace"))


def parse(record: bytes | None, published_ms: int | None = None) -> Envelope:
    """Read one record value. Raises MalformedEventError for anything that is not our event."""
    if record is None:
        raise MalformedEventError("the record has no value")
    try:
        return _envelope(decoding.json(record), published_ms)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedEventError(f"the record is not a Rollcall event: {error!r}") from error


def _envelope(document: dict[str, Any], published_ms: int | None) -> Envelope:
    directory = document["source"].removeprefix(_PREFIX).partition("/")[0]
    if not is_id(directory):
        raise MalformedEventError("the source names no directory")
    if not isinstance(document["data"], dict):
        raise MalformedEventError("the data is not an object")
    return Envelope(
        id=document["id"],
        type=document["type"],
        subject=document["subject"],
        time=datetime.fromisoformat(document["time"]),
        directory=DirectoryId(directory),
        organization=OrganizationId(document["organizationid"]),
        position=Position(int(document["generation"]), int(document["sequence"])),
        data=document["data"],
        causation_id=document.get("causationid"),
        traceparent=traceparent.parsed(document.get("traceparent")),
        published_ms=published_ms,
    )
