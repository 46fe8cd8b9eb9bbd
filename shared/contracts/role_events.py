"""The events on `role.events.v1` and the records of `role.state.v1` (design sections 5 and 7)."""

from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.directory_events import Cause, GroupRef, UserRef
from shared.contracts.envelope import Envelope
from shared.contracts.ids import RoleKey

SCOPE = "roles"
STATE_SCOPE = "roles/state"
Strategy = Literal["union", "first_match"]


def _is_usual(value: object) -> bool:
    """Tell whether a field says what every event said before there was such a field."""
    return value in (None, [], True, "union")


class RoleRef(Contract):
    """A role as the application declared it."""

    key: RoleKey
    name: str


class Reason(Contract):
    """Why a user holds a role, or why it went.

    `group`: the groups that grant it (assigned), or that granted it until now (revoked);
    `default`: the directory's default role; `manual`: given by hand, or taken back (revoked);
    `inactive`, `deleted`: the user was suspended or deleted; `mapping`: a saved mapping no longer
    grants it; `fence`: an administrator approved a loss that had waited. Where several grant it,
    `kind` is the first of group, default and manual, and `also` has the others; it is left out when
    there are none.
    """

    kind: Literal["group", "default", "manual", "inactive", "deleted", "mapping", "fence"]
    groups: list[GroupRef] = Field(default_factory=list)
    also: list[Literal["default", "manual"]] = Field(default_factory=list, exclude_if=_is_usual)

    @property
    def kinds(self) -> tuple[str, ...]:
        """All that grants it."""
        return (self.kind, *self.also)


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


class ManualEvent(RoleEvent):
    """Somebody changes what a user is given by hand; role events follow if it holds more or less.

    A user may hold a role by hand and through groups at once; the sync touches the latter alone.
    """

    user: UserRef
    role: RoleRef

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return f"users/{self.user.id}/manual/{self.role.key}"


class ManualAssigned(ManualEvent):
    """A role was given to a user by hand, or kept that way when the mapping was switched off."""

    type: ClassVar[str] = "rollcall.manual.assigned.v1"


class ManualUnassigned(ManualEvent):
    """A role is no longer given to a user by hand: taken back, or the user was deleted."""

    type: ClassVar[str] = "rollcall.manual.unassigned.v1"


class MappedGroup(Contract):
    """One row of a mapping: who is in the group holds the role."""

    group: GroupRef
    role: RoleRef


class MappingSaved(RoleEvent):
    """An administrator saved the group → role mapping; the role events of it follow.

    Under `union` every row counts. Under `first_match` `rows` are in order: the first group that a
    user is in decides, by all its rows. The default role is every active user's; under
    `first_match` that of users whom no row matches. What is not `enabled` grants nothing. These
    three are left out where they are `union`, none and true.
    """

    type: ClassVar[str] = "rollcall.mapping.saved.v1"
    version: int
    rows: list[MappedGroup]
    strategy: Strategy = Field("union", exclude_if=_is_usual)
    default_role: RoleRef | None = Field(None, exclude_if=_is_usual)
    enabled: bool = Field(default=True, exclude_if=_is_usual)

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return "mapping"


class HeldRole(Contract):
    """One role that a user holds, with its reason."""

    role: RoleRef
    reason: Reason


class RoleState(Contract):
    """The value of a `role.state.v1` record: every role that the user holds now.

    Its sequence is the last one of the directory's role events that it and the records before it
    contain; it is published before that event (ADR 0021).
    """

    type: ClassVar[str] = "rollcall.role.state.v1"
    user: UserRef
    roles: list[HeldRole]


EVENTS: dict[str, type[RoleEvent]] = {
    event.type: event
    for event in (RoleAssigned, RoleRevoked, MappingSaved, ManualAssigned, ManualUnassigned)
}


def decode(envelope: Envelope) -> RoleEvent | None:
    """Return the typed data, or None for a type that this version does not know.

    Raises pydantic.ValidationError when the data does not fit its type.
    """
    event = EVENTS.get(envelope.type)
    return event.model_validate(envelope.data) if event else None
