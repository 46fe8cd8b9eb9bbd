"""Snapshots: all of a directory told again, a chunk at a time, while it goes on changing.

Users come first, then groups, then memberships, each in the order of ids. A chunk is read under
the directory's counter, so its event stands in the history exactly where what it says was true.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from services.ingest.domain import changes
from services.ingest.domain.resources import Act, Resource
from shared.contracts.directory_events import (
    Cause,
    GroupRef,
    SnapshotItem,
    SnapshotMembership,
    SnapshotResource,
    UserRef,
)
from shared.contracts.ids import DirectoryId, OrganizationId

PARTS = ("users", "groups", "memberships")
NIL = "00000000-0000-0000-0000-000000000000"
RESOURCES_AT_ONCE = 200
MEMBERSHIPS_AT_ONCE = 500
_MOST_BYTES = 512 * 1024

Edge = tuple[UserRef, GroupRef]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a snapshot got: its part, and the last id there (of memberships: group, user)."""

    part: str = PARTS[0]
    last: str = NIL
    last_user: str = NIL


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A telling of a directory; `begin` is the sequence of the event that opened it."""

    id: str
    directory: DirectoryId
    organization: OrganizationId
    actor: str
    generation: int
    begin: int
    place: Place
    written: int
    total: int
    started_at: datetime
    finished_at: datetime | None = None

    def act(self, now: datetime) -> Act:
        """Return in whose name its events are told."""
        cause = Cause(kind="resync", id=self.id, actor=self.actor)
        return Act(self.directory, self.organization, cause, now)

    def advanced(self, chunk: "Chunk") -> "Snapshot":
        """Return the snapshot after a chunk."""
        return replace(self, place=chunk.place, written=self.written + chunk.count)


@dataclass(frozen=True, slots=True)
class Chunk:
    """An event to append, where it leads, and how many it tells of."""

    item: SnapshotItem
    place: Place
    count: int


def resources_chunk(part: str, found: Sequence[Resource], cause: Cause) -> Chunk | None:
    """Return as many users or groups as one event holds well, None for none."""
    told = _fitting(found)
    if not told:
        return None
    item = SnapshotItem.model_validate({"cause": cause, part: told})
    return Chunk(item, Place(part, found[len(told) - 1].id), len(told))


def memberships_chunk(found: Sequence[Edge], cause: Cause) -> Chunk | None:
    """Return the memberships as one event, None for none."""
    if not found:
        return None
    told = [SnapshotMembership(user=user, group=group) for user, group in found]
    user, group = found[-1]
    item = SnapshotItem(cause=cause, memberships=told)
    return Chunk(item, Place("memberships", group.id, user.id), len(told))


def _fitting(found: Sequence[Resource]) -> list[SnapshotResource]:
    """Return the first resources, up to half a MiB in all; one alone may be larger."""
    told: list[SnapshotResource] = []
    size = 0
    for one in found:
        resource = changes.told(one)
        size += len(orjson.dumps(resource))
        if told and size > _MOST_BYTES:
            break
        told.append(
            SnapshotResource(resource=resource, version=one.version, updated_at=one.updated_at)
        )
    return told
