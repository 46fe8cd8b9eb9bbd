"""What is compared: each row by a digest of its values, so that a million rows fit in memory.

The same few shapes come from the log and from each service's tables.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

Edge = tuple[str, str]
"""A membership: group id, user id."""
Held = tuple[str, str]
"""A role that somebody holds: user id, role key."""
Mapped = tuple[str, str]
"""A row of a mapping: group id, role key."""
Reached = tuple[int, int]
"""How far a history goes: generation, sequence."""
START: Reached = (1, 0)

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
# What ingest computes or stores apart when it tells a resource to others.
_COMPUTED = frozenset({"schemas", "id", "meta", "groups", "members"})


class Row(NamedTuple):
    """A user or a group in the read model."""

    values: bytes
    updated_at: datetime
    deleted_at: datetime | None


class User(NamedTuple):
    """A user: `row` as in the read model, `content` as in ingest, `ref` as in roles.

    `touched` is the place of the event that told of it last.
    """

    row: Row
    content: bytes
    ref: bytes
    is_active: bool
    touched: Reached

    @property
    def is_deleted(self) -> bool:
        """Whether it is gone."""
        return self.row.deleted_at is not None


class Group(NamedTuple):
    """A group, by the same digests; roles keeps a deleted one."""

    row: Row
    content: bytes
    ref: bytes
    touched: Reached

    @property
    def is_deleted(self) -> bool:
        """Whether it is gone."""
        return self.row.deleted_at is not None


class Membership(NamedTuple):
    """Since when somebody is in a group, and the place of the event that told of it last."""

    since: datetime
    touched: Reached


class Assignment(NamedTuple):
    """A row of the history of assignments in the read model."""

    told: bytes
    ended_at: datetime | None


class Options(NamedTuple):
    """What a mapping says beside its rows."""

    strategy: str = "union"
    default_role: str | None = None
    is_on: bool = True


class Holding(NamedTuple):
    """What roles stores of a role that is held; `through` is what grants it (`granting`).

    One that `waits` is granted by nothing any more; the fence keeps its loss from happening.
    """

    through: tuple[str, ...]
    since: datetime
    cause: bytes
    waits: bool = False


def digest(*values: Any) -> bytes:
    """Return 16 bytes that stand for these JSON values, whatever the order of their keys."""
    return hashlib.blake2b(orjson.dumps(values, option=_OPTIONS), digest_size=16).digest()


def mark(*values: Any) -> int:
    """Return a 64-bit number that stands for these JSON values."""
    return int.from_bytes(digest(*values)[:8], signed=True)


def event_mark(
    event_id: str, event_type: str, subject: str, time: datetime, data: Mapping[str, Any]
) -> int:
    """Return the mark of an event; of a snapshot's item the read model keeps how many it told."""
    if event_type == "rollcall.snapshot.item.v1":
        data = {name: len(v) if isinstance(v, list) else v for name, v in data.items()}
    told = digest(event_id, event_type, subject, time)[:4] + digest(data)[:4]
    return int.from_bytes(told, signed=True)


def is_same_but_for_data(one: int, other: int) -> bool:
    """Tell whether marks stand for one event, of which one side may have forgotten the data."""
    return one >> 32 == other >> 32


def content(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the provider said of a resource, without what ingest adds to it."""
    return {name: value for name, value in document.items() if name not in _COMPUTED}


def told(
    role_name: str, reason: Mapping[str, Any], cause: Mapping[str, Any], since: datetime
) -> bytes:
    """Return the digest of an assignment as an event tells it."""
    return digest(role_name, reason.get("kind"), granting(reason), act(cause), since)


def granting(reason: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a reason names: the ids of the groups, in order, then the other kinds."""
    kinds = {reason.get("kind"), *(reason.get("also") or ())}
    groups = sorted(group["id"] for group in reason.get("groups") or ())
    return (*groups, *(kind for kind in ("default", "manual") if kind in kinds))


def act(cause: Mapping[str, Any]) -> list[Any]:
    """Return what identifies a cause."""
    return [cause.get(name) for name in ("kind", "id", "actor")]


def checksum(digests: Iterable[bytes]) -> str:
    """Return a checksum of rows in any order, so that two sides can be compared at a glance."""
    total = sum(int.from_bytes(one) for one in digests) % (1 << 128)
    return f"{total:032x}"
