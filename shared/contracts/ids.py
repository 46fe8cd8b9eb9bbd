"""Identifiers as types, so that a query cannot be handed the wrong one or forget the tenant."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NewType
from uuid import UUID

OrganizationId = NewType("OrganizationId", str)
DirectoryId = NewType("DirectoryId", str)
UserId = NewType("UserId", str)
GroupId = NewType("GroupId", str)
RoleKey = NewType("RoleKey", str)


# Several times as fast as making a UUID of it, and asked about every event that is read.
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


@dataclass(frozen=True, slots=True)
class UserKey:
    """A user, addressed within its directory."""

    directory: DirectoryId
    id: UserId


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A group, addressed within its directory."""

    directory: DirectoryId
    id: GroupId


def is_id(text: str) -> bool:
    """Tell whether the text has the form of an id that Rollcall issues: a lower-case UUID."""
    return bool(_ID(text))


def ordered_id(at_ns: int, entropy: int) -> str:
    """Return a UUID that sorts by time: version 7 of RFC 9562, with 12 bits below the millisecond.

    `at_ns` counts from the Unix epoch; `entropy` holds 62 random bits.
    """
    milliseconds, below = divmod(at_ns, 1_000_000)
    fraction = below * 4096 // 1_000_000
    bits = milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | entropy
    return str(UUID(int=bits))


def first_id_at(moment: datetime) -> str:
    """Return the smallest ordered id of a moment: the border of a range in time."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return str(UUID(int=milliseconds << 80))
