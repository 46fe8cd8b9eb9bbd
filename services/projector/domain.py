"""Events → rows: a batch folded to the last word on each row, so that it is written set-wise.

No clock and no dice: every value comes from the events, so that a rebuild gives the same rows.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from shared.contracts import directory_events, role_events
from shared.contracts.directory_events import (
    DirectoryCreated,
    DirectoryEvent,
    GroupDeleted,
    GroupEvent,
    GroupRef,
    MembershipAdded,
    MembershipEvent,
    ResourceEvent,
    UserDeleted,
    UserEvent,
    UserRef,
)
from shared.contracts.envelope import Envelope
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


@dataclass(slots=True)
class DirectoryRows:
    """What a batch of `directory.events.v1` comes to; keys are primary keys.

    A membership is the time since when it is there, None when it is gone.
    """

    directories: dict[DirectoryId, Row] = field(default_factory=dict)
    users: dict[tuple[DirectoryId, UserId], Row] = field(default_factory=dict)
    groups: dict[tuple[DirectoryId, GroupId], Row] = field(default_factory=dict)
    memberships: dict[tuple[DirectoryId, GroupId, UserId], datetime | None] = field(
        default_factory=dict
    )


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
        case DirectoryCreated():
            _put(rows.directories, one.directory, _directory_row(one, event))
        case UserEvent():
            user = event.user
            _put(rows.users, (one.directory, user.id), _user_row(one, event, user))
        case GroupEvent():
            group = event.group
            _put(rows.groups, (one.directory, group.id), _group_row(one, event, group))
        case MembershipEvent():
            edge = (one.directory, event.group.id, event.user.id)
            rows.memberships[edge] = one.time if isinstance(event, MembershipAdded) else None


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
        "time": one.time.isoformat(),
        "user_id": _id_in(one.subject, "users", "members"),
        "group_id": _id_in(one.subject, "groups"),
        "cause": one.data.get("cause") or {},
        "data": one.data,
    }


def _id_in(subject: str, *names: str) -> str | None:
    """Return the id that follows one of the names in a subject like groups/…/members/…."""
    steps = itertools.pairwise(subject.split("/"))
    # A type that we do not know yet may name something else there.
    return next((key for name, key in steps if name in names and is_id(key)), None)


def _directory_row(one: Envelope, event: DirectoryCreated) -> Row:
    return {
        "id": one.directory,
        "organization_id": one.organization,
        "name": event.name,
        "provider": event.provider,
        "created_at": one.time.isoformat(),
    }


def _user_row(one: Envelope, event: UserEvent, user: UserRef) -> Row:
    return {
        "directory_id": one.directory,
        "id": user.id,
        "user_name": user.user_name,
        "display_name": _display_name(event.resource),
        "email": _email(event.resource),
        "external_id": user.external_id,
        "active": user.active,
        "resource": event.resource,
        "version": event.version,
        "created_at": _created_at(one, event),
        "updated_at": one.time.isoformat(),
        "deleted_at": one.time.isoformat() if isinstance(event, UserDeleted) else None,
    }


def _group_row(one: Envelope, event: GroupEvent, group: GroupRef) -> Row:
    return {
        "directory_id": one.directory,
        "id": group.id,
        "display_name": group.display_name,
        "external_id": group.external_id,
        "resource": event.resource,
        "version": event.version,
        "created_at": _created_at(one, event),
        "updated_at": one.time.isoformat(),
        "deleted_at": one.time.isoformat() if isinstance(event, GroupDeleted) else None,
    }


def _created_at(one: Envelope, event: ResourceEvent) -> str:
    """Return when a resource was created; where it does not tell, the first we hear of it."""
    return str((event.resource.get("meta") or {}).get("created") or one.time.isoformat())


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
