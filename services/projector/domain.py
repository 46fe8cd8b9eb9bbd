"""Events → rows: a batch folded to the last word on each row, so that it is written set-wise.

No clock and no dice: every value comes from the events, so that a rebuild gives the same rows.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.contracts import directory_events, role_events
from shared.contracts.directory_events import (
    DirectoryCreated,
    DirectoryEvent,
    GroupDeleted,
    GroupEvent,
    MembershipAdded,
    MembershipEvent,
    UserDeleted,
    UserEvent,
)
from shared.contracts.envelope import Envelope
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, RoleKey, UserId
from shared.contracts.role_events import AssignmentEvent, MappingSaved, RoleAssigned, RoleEvent

Row = dict[str, Any]


@dataclass(slots=True)
class DirectoryRows:
    """What a batch of `directory.events.v1` comes to; keys are primary keys."""

    directories: list[tuple[DirectoryId, OrganizationId, str, str, datetime]] = field(
        default_factory=list
    )
    users: dict[tuple[DirectoryId, UserId], Row] = field(default_factory=dict)
    groups: dict[tuple[DirectoryId, GroupId], Row] = field(default_factory=dict)
    memberships: dict[tuple[DirectoryId, GroupId, UserId], datetime | None] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class Transition:
    """A role that was assigned, or revoked."""

    directory: DirectoryId
    user: UserId
    role: RoleKey
    row: Row | None
    time: datetime


@dataclass(slots=True)
class RoleRows:
    """What a batch of `role.events.v1` comes to.

    Transitions stay apart in rounds: one user may gain, lose and gain a role within a batch, and
    each validity is a row of its own. A round holds each (user, role) once.
    """

    rounds: list[dict[tuple[DirectoryId, UserId, RoleKey], Transition]] = field(
        default_factory=list
    )
    mappings: dict[DirectoryId, MappingSaved] = field(default_factory=dict)

    def add(self, transition: Transition) -> None:
        """Put a transition behind the earlier ones of the same user and role."""
        key = (transition.directory, transition.user, transition.role)
        # The round after the last one that holds the key: order in a (user, role) is kept.
        earlier = [n for n, one in enumerate(self.rounds) if key in one]
        place = earlier[-1] + 1 if earlier else 0
        if place == len(self.rounds):
            self.rounds.append({})
        self.rounds[place][key] = transition


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
            rows.directories.append(
                (one.directory, one.organization, event.name, event.provider, one.time)
            )
        case UserEvent():
            rows.users[one.directory, event.user.id] = _user_row(one, event)
        case GroupEvent():
            rows.groups[one.directory, event.group.id] = _group_row(one, event)
        case MembershipEvent():
            edge = (one.directory, event.group.id, event.user.id)
            rows.memberships[edge] = one.time if isinstance(event, MembershipAdded) else None


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
        case AssignmentEvent():
            row = _assignment_row(one, event) if isinstance(event, RoleAssigned) else None
            rows.add(Transition(one.directory, event.user.id, event.role.key, row, one.time))


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
    parts = subject.split("/")
    return next((key for name, key in itertools.pairwise(parts) if name in names), None)


def _user_row(one: Envelope, event: UserEvent) -> Row:
    resource, user = event.resource, event.user
    return {
        "directory_id": one.directory,
        "id": user.id,
        "user_name": user.user_name,
        "display_name": _display_name(resource),
        "email": _email(resource),
        "external_id": user.external_id,
        "active": user.active,
        "resource": resource,
        "version": event.version,
        "created_at": resource["meta"]["created"],
        "updated_at": one.time.isoformat(),
        "deleted_at": one.time.isoformat() if isinstance(event, UserDeleted) else None,
    }


def _group_row(one: Envelope, event: GroupEvent) -> Row:
    return {
        "directory_id": one.directory,
        "id": event.group.id,
        "display_name": event.group.display_name,
        "external_id": event.group.external_id,
        "resource": event.resource,
        "version": event.version,
        "created_at": event.resource["meta"]["created"],
        "updated_at": one.time.isoformat(),
        "deleted_at": one.time.isoformat() if isinstance(event, GroupDeleted) else None,
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
