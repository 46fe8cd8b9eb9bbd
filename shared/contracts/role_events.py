"""The events on `role.events.v1` and the records of `role.state.v1` (design sections 5 and 7)."""

from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.directory_events import Cause, GroupRef, UserRef
from shared.contracts.envelope import Envelope
from shared.contracts.ids import RoleKey

SCOPE = "roles"
STATE_SCOPE = "roles/state"


class RoleRef(Contract):
    """A role as the application declared it."""

    key: RoleKey
    name: str


class Reason(Contract):
    """Why a user holds a role, or why it went.

    `group`: the groups that grant it (assigned), or that granted it until now (revoked);
    `default`: the directory's default role; `inactive`, `deleted`: the user was suspended or
    deleted; `mapping`: a saved mapping no longer grants it; `manual`, `fence`: reserved.
    """

    kind: Literal["group", "default", "manual", "inactive", "deleted", "mapping", "fence"]
    groups: list[GroupRef] = Field(default_factory=list)


class RoleEvent(Contract):
    """Base of the data on `role.events.v1`."""

    type: ClassVar[str]
    cause: Cause

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        raise NotImplementedError


class AssignmentEvent(RoleEvent):
    """One user gains or loses one role; `roles_after` are the keys held once it is applied."""

    user: UserRef
    role: RoleRef
    reason: Reason
    roles_after: list[RoleKey]

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return f"users/{self.user.id}/roles/{self.role.key}"


class RoleAssigned(AssignmentEvent):
    """A user now holds a role."""

    type: ClassVar[str] = "rollcall.role.assigned.v1"


class RoleRevoked(AssignmentEvent):
    """A user no longer holds a role."""

    type: ClassVar[str] = "rollcall.role.revoked.v1"


class MappedGroup(Contract):
    """One row of a mapping: who is in the group holds the role."""

    group: GroupRef
    role: RoleRef


class MappingSaved(RoleEvent):
    """An administrator saved the group → role mapping; the role events of it follow."""

    type: ClassVar[str] = "rollcall.mapping.saved.v1"
    version: int
    rows: list[MappedGroup]

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return "mapping"


class HeldRole(Contract):
    """One role that a user holds, with its reason."""

    role: RoleRef
    reason: Reason


class RoleState(Contract):
    """The value of a `role.state.v1` record: every role that the user holds now."""

    type: ClassVar[str] = "rollcall.role.state.v1"
    user: UserRef
    roles: list[HeldRole]


EVENTS: dict[str, type[RoleEvent]] = {
    event.type: event for event in (RoleAssigned, RoleRevoked, MappingSaved)
}


def decode(envelope: Envelope) -> RoleEvent | None:
    """Return the typed data, or None for a type that this version does not know.

    Raises pydantic.ValidationError when the data does not fit its type.
    """
    event = EVENTS.get(envelope.type)
    return event.model_validate(envelope.data) if event else None
