"""Events → rows: a batch folded to the last word on each row, so that it is written set-wise.

No clock and no dice: every value comes from the events, so that a rebuild gives the same rows.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from shared.contracts import directory_events, role_events
from shared.contracts.directory_events import (
    DirectoryCreated,
    DirectoryDeleted,
    DirectoryEvent,
    GroupDeleted,
    GroupEvent,
    MembershipAdded,
    MembershipEvent,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotItem,
    UserDeleted,
    UserEvent,
    group_ref,
    user_ref,
)
from shared.contracts.envelope import Envelope, Position
from shared.contracts.ids import DirectoryId, GroupId, RoleKey, UserId, is_id
from shared.contracts.role_events import (
    AssignmentEvent,
    MappingSaved,
    RoleAssigned,
    RoleEvent,
    RoleRevoked,
)

Row = dict[str, Any]
Key = TypeVar("Key")
Held = tuple[DirectoryId, UserId, RoleKey]
Edge = tuple[DirectoryId, GroupId, UserId]


@dataclass(frozen=True, slots=True)
class Membership:
    """Since when it is there, None when it is gone; a snapshot knows the first only roughly."""

    since: datetime | None
    position: Position
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class SnapshotOver:
    """A snapshot ended: what nobody told of since its begin is gone, from this time on."""

    directory: DirectoryId
    begin: Position
    time: datetime


@dataclass(slots=True)
class DirectoryRows:
    """What a batch of `directory.events.v1` comes to; keys are primary keys.

    `ends` are the snapshots that ended in it, in order; `deleted` says when a directory was.
    """

    directories: dict[DirectoryId, Row] = field(default_factory=dict)
    users: dict[tuple[DirectoryId, UserId], Row] = field(default_factory=dict)
    groups: dict[tuple[DirectoryId, GroupId], Row] = field(default_factory=dict)
    memberships: dict[Edge, Membership] = field(default_factory=dict)
    ends: list[SnapshotOver] = field(default_factory=list)
    deleted: dict[DirectoryId, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class RoleRows:
    """What a batch of `role.events.v1` comes to.

    `ended` are the assignments held before the batch, with the time at which it took them away;
    `assignments` those that began in it, also the ones that it ended again.
    """

    ended: dict[Held, datetime] = field(default_factory=dict)
    assignments: list[Row] = field(default_factory=list)
    mappings: dict[DirectoryId, MappingSaved] = field(default_factory=dict)
    _begun: dict[Held, Row] = field(default_factory=dict)

    def begin(self, held: Held, row: Row) -> None:
        """A user gains a role."""
        self.assignments.append(row)
        self._begun[held] = row

    def end(self, held: Held, time: datetime) -> None:
        """A user loses a role; what was not there, or is over, stays as it is."""
        row = self._begun.pop(held, None)
        if row is None:
            self.ended.setdefault(held, time)
        else:
            row["valid_to"] = time.isoformat()


def directory_rows(envelopes: Iterable[Envelope]) -> DirectoryRows:
    """Fold directory events; types of a newer version are skipped.

    Raises pydantic.ValidationError for data that does not fit its type.
    """
    rows = DirectoryRows()
    for one in envelopes:
        event = directory_events.decode(one)
        if event is not None:
            _fold_directory_event(rows, one, event)
    return rows


def _fold_directory_event(rows: DirectoryRows, one: Envelope, event: DirectoryEvent) -> None:
    match event:
        case DirectoryCreated() | SnapshotBegin():
            _put(rows.directories, one.directory, _directory_row(one, event))
        case DirectoryDeleted():
            rows.deleted[one.directory] = one.time
        case UserEvent():
            row = _user_row(one, event.resource, event.version, one.time)
            gone = one.time.isoformat() if isinstance(event, UserDeleted) else None
            _put(rows.users, (one.directory, row["id"]), {**row, "deleted_at": gone})
        case GroupEvent():
            row = _group_row(one, event.resource, event.version, one.time)
            gone = one.time.isoformat() if isinstance(event, GroupDeleted) else None
            _put(rows.groups, (one.directory, row["id"]), {**row, "deleted_at": gone})
        case MembershipEvent():
            edge = (one.directory, event.group.id, event.user.id)
            since = one.time if isinstance(event, MembershipAdded) else None
            rows.memberships[edge] = Membership(since, one.position)
        case SnapshotItem():
            _fold_snapshot_item(rows, one, event)
        case SnapshotEnd():
            begin = Position(one.position.generation, event.begin)
            rows.ends.append(SnapshotOver(one.directory, begin, one.time))


def _fold_snapshot_item(rows: DirectoryRows, one: Envelope, item: SnapshotItem) -> None:
    for user in item.users:
        row = _user_row(one, user.resource, user.version, user.updated_at)
        _put(rows.users, (one.directory, row["id"]), row)
    for group in item.groups:
        row = _group_row(one, group.resource, group.version, group.updated_at)
        _put(rows.groups, (one.directory, row["id"]), row)
    for told in item.memberships:
        edge = (one.directory, told.group.id, told.user.id)
        known = rows.memberships.get(edge)
        if known and known.since:
            rows.memberships[edge] = replace(known, position=one.position)
        else:
            rows.memberships[edge] = Membership(one.time, one.position, is_exact=False)


def _put(rows: dict[Key, Row], key: Key, row: Row) -> None:
    """Let the last word on a row stand, except on when it was created: there the first does."""
    earlier = rows.get(key)
    rows[key] = {**row, "created_at": earlier["created_at"]} if earlier else row


def role_rows(envelopes: Iterable[Envelope]) -> RoleRows:
    """Fold role events; types of a newer version are skipped.

    Raises pydantic.ValidationError for data that does not fit its type.
    """
    rows = RoleRows()
    for one in envelopes:
        event = role_events.decode(one)
        if event is not None:
            _fold_role_event(rows, one, event)
    return rows


def _fold_role_event(rows: RoleRows, one: Envelope, event: RoleEvent) -> None:
    match event:
        case MappingSaved():
            rows.mappings[one.directory] = event
        case RoleAssigned():
            rows.begin(_held(one, event), _assignment_row(one, event))
        case RoleRevoked():
            rows.end(_held(one, event), one.time)


def _held(one: Envelope, event: AssignmentEvent) -> Held:
    return one.directory, event.user.id, event.role.key


def event_row(topic: str, one: Envelope) -> Row:
    """Return an event as the log shows it; also of a type that this version does not know."""
    return {
        "directory_id": one.directory,
        "topic": topic,
        "generation": one.position.generation,
        "sequence": one.position.sequence,
        "id": one.id,
        "type": one.type,
        "subject": one.subject,
        "time": one.time,
        "published_at": _published_at(one),
        "user_id": _id_in(one.subject, "users", "members"),
        "group_id": _id_in(one.subject, "groups"),
        "cause": one.data.get("cause") or {},
        "data": _counted(one.data) if one.type == SnapshotItem.type else one.data,
    }


def _published_at(one: Envelope) -> datetime | None:
    if one.published_ms is None:
        return None
    return datetime.fromtimestamp(one.published_ms / 1000, UTC)


def _counted(item: Row) -> Row:
    """Return a snapshot's item as the log shows it: how many, not all of them once more."""
    return {key: len(told) if isinstance(told, list) else told for key, told in item.items()}


def _id_in(subject: str, *names: str) -> str | None:
    """Return the id that follows one of the names in a subject like groups/…/members/…."""
    steps = itertools.pairwise(subject.split("/"))
    # A type that we do not know yet may name something else there.
    return next((key for name, key in steps if name in names and is_id(key)), None)


def _directory_row(one: Envelope, event: DirectoryCreated | SnapshotBegin) -> Row:
    return {
        "id": one.directory,
        "organization_id": one.organization,
        "name": event.name,
        "provider": event.provider,
        "created_at": one.time.isoformat(),
    }


def _user_row(one: Envelope, resource: Row, version: int, updated_at: datetime) -> Row:
    user = user_ref(resource)
    return {
        **_resource_row(one, resource, version, updated_at),
        "id": user.id,
        "user_name": user.user_name,
        "display_name": _display_name(resource),
        "email": _email(resource),
        "external_id": user.external_id,
        "active": user.active,
    }


def _group_row(one: Envelope, resource: Row, version: int, updated_at: datetime) -> Row:
    group = group_ref(resource)
    return {
        **_resource_row(one, resource, version, updated_at),
        "id": group.id,
        "display_name": group.display_name,
        "external_id": group.external_id,
    }


def _resource_row(one: Envelope, resource: Row, version: int, updated_at: datetime) -> Row:
    # Where a resource does not tell when it was created, the first we hear of it.
    created = (resource.get("meta") or {}).get("created") or one.time.isoformat()
    return {
        "directory_id": one.directory,
        "resource": resource,
        "version": version,
        "created_at": str(created),
        "updated_at": updated_at.isoformat(),
        "deleted_at": None,
        "generation": one.position.generation,
        "sequence": one.position.sequence,
    }


def _assignment_row(one: Envelope, event: AssignmentEvent) -> Row:
    return {
        "directory_id": one.directory,
        "user_id": event.user.id,
        "role_key": event.role.key,
        "role_name": event.role.name,
        "reason": event.reason.model_dump(mode="json", by_alias=True),
        "cause": event.cause.model_dump(mode="json", by_alias=True),
        "valid_from": one.time.isoformat(),
        "valid_to": None,
        "generation": one.position.generation,
        "sequence": one.position.sequence,
    }


def _display_name(resource: Row) -> str:
    """Return what to call a user: displayName, else the formatted name, else given and family."""
    name = resource.get("name") or {}
    parts = f"{name.get('givenName', '')} {name.get('familyName', '')}".strip()
    return str(
        resource.get("displayName") or name.get("formatted") or parts or resource["userName"]
    )


def _email(resource: Row) -> str | None:
    """Return the primary address, else the first."""
    emails = resource.get("emails") or []
    primary = next((email for email in emails if email.get("primary")), None)
    chosen: Row = primary or next(iter(emails), {})
    return chosen.get("value")
