"""Identifiers as types, so that a query cannot be handed the wrong one or forget the tenant."""

from dataclasses import dataclass
from typing import NewType
from uuid import UUID

OrganizationId = NewType("OrganizationId", str)
DirectoryId = NewType("DirectoryId", str)
UserId = NewType("UserId", str)
GroupId = NewType("GroupId", str)
RoleKey = NewType("RoleKey", str)


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
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
