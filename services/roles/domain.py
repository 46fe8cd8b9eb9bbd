"""Who holds which role: one rule, folded over the events of a directory, one at a time.

    effective(user) = the roles of the groups that the user is in, if active

A `Working` is the part of a directory that a batch touches. Folding event by event, not batch by
batch, makes the role events independent of how the log was cut.

    RolesError
    ├── UnknownError        what is asked for is not there
    ├── BadRoleKeyError     a role cannot be declared by that key
    ├── StaleMappingError   somebody else saved meanwhile
    └── BadMappingError     a row cannot be
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.contracts.directory_events import (
    Cause,
    DirectoryEvent,
    GroupDeleted,
    GroupEvent,
    GroupRef,
    MembershipAdded,
    MembershipEvent,
    MembershipRemoved,
    UserDeleted,
    UserEvent,
    UserRef,
)
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, RoleKey, UserId
from shared.contracts.role_events import (
    AssignmentEvent,
    HeldRole,
    Reason,
    RoleAssigned,
    RoleRef,
    RoleRevoked,
    RoleState,
)


class RolesError(Exception):
    """A call cannot be done."""


class UnknownError(RolesError):
    """What is asked for is not there."""


class BadRoleKeyError(RolesError):
    """A role cannot be declared by that key."""


class StaleMappingError(RolesError):
    """Somebody else saved the mapping meanwhile."""


class BadMappingError(RolesError):
    """A row of a mapping cannot be."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory as roles knows it."""

    id: DirectoryId
    organization: OrganizationId
    name: str
    mapping_version: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a user holds: why, since when, by which act."""

    reason: Reason
    since: datetime
    cause: Cause


@dataclass(frozen=True, slots=True)
class Moment:
    """The event or save that makes things happen."""

    time: datetime
    cause: Cause
    causation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A role event and the moment that it follows from."""

    event: AssignmentEvent
    moment: Moment


@dataclass(slots=True)
class Edits:
    """What must be stored: the last word on each row; None means that the row goes."""

    users: dict[UserId, UserRef | None] = field(default_factory=dict)
    groups: dict[GroupId, tuple[GroupRef, bool]] = field(default_factory=dict)
    memberships: dict[tuple[GroupId, UserId], bool] = field(default_factory=dict)
    held: dict[tuple[UserId, RoleKey], Held | None] = field(default_factory=dict)


@dataclass(slots=True)
class Working:
    """The part of a directory that a batch touches, folded in place, with what to store of it.

    `stated` holds the users whose record on `role.state.v1` says something new, and since which
    moment: also those that gain or lose no role, when another group grants one of theirs.
    """

    directory: Directory
    roles: Mapping[RoleKey, RoleRef]
    mapping: Mapping[GroupId, frozenset[RoleKey]]
    users: dict[UserId, UserRef] = field(default_factory=dict)
    groups: dict[GroupId, GroupRef] = field(default_factory=dict)
    member_of: dict[UserId, set[GroupId]] = field(default_factory=dict)
    held: dict[UserId, dict[RoleKey, Held]] = field(default_factory=dict)
    edits: Edits = field(default_factory=Edits)
    stated: dict[UserId, Moment] = field(default_factory=dict)

    def shown_of(self, user: UserId) -> object:
        """Return what `role.state.v1` depends on; two equal values need no second record."""
        reasons = {key: held.reason for key, held in self.held.get(user, {}).items()}
        return (self.users.get(user), reasons) if reasons else None

    def state_of(self, user: UserId) -> RoleState | None:
        """Return what `role.state.v1` says of a user; None when it holds nothing."""
        roles = self.held.get(user)
        if not roles or user not in self.users:
            return None
        held = [HeldRole(role=self.roles[key], reason=roles[key].reason) for key in sorted(roles)]
        return RoleState(user=self.users[user], roles=held)


def effective(
    user: UserRef | None,
    groups: Iterable[GroupId],
    mapping: Mapping[GroupId, frozenset[RoleKey]],
) -> dict[RoleKey, list[GroupId]]:
    """Return the roles of a user, each with the groups that grant it: the rule, written once."""
    roles: dict[RoleKey, list[GroupId]] = {}
    if user is None or not user.active:
        return roles
    for group in sorted(groups):
        for role in mapping.get(group, frozenset()):
            roles.setdefault(role, []).append(group)
    return roles


def apply(working: Working, event: DirectoryEvent, moment: Moment) -> list[Told]:
    """Fold one directory event; return the role events that follow from it."""
    match event:
        case UserEvent() | MembershipEvent():
            shown = working.shown_of(event.user.id)
            _enter(working, event)
            lost = "deleted" if isinstance(event, UserDeleted) else None
            told = list(_settle(working, event.user, moment, lost))
            _restate(working, event.user.id, shown, moment)
            return told
        case GroupEvent():
            working.groups[event.group.id] = event.group
            is_deleted = isinstance(event, GroupDeleted)
            working.edits.groups[event.group.id] = (event.group, is_deleted)
    return []


def remap(working: Working, user: UserRef, moment: Moment) -> list[Told]:
    """Settle a user under a mapping that was just saved; return the role events that follow."""
    shown = working.shown_of(user.id)
    told = list(_settle(working, user, moment, lost="mapping"))
    _restate(working, user.id, shown, moment)
    return told


def _enter(working: Working, event: UserEvent | MembershipEvent) -> None:
    user = event.user
    match event:
        case UserDeleted():
            working.users.pop(user.id, None)
            working.edits.users[user.id] = None
        case UserEvent():
            working.users[user.id] = user
            working.edits.users[user.id] = user
        case MembershipAdded(group=group):
            working.groups[group.id] = group
            working.member_of.setdefault(user.id, set()).add(group.id)
            working.edits.memberships[group.id, user.id] = True
        case MembershipRemoved(group=group):
            working.member_of.setdefault(user.id, set()).discard(group.id)
            working.edits.memberships[group.id, user.id] = False


def _restate(working: Working, user: UserId, shown: object, moment: Moment) -> None:
    if working.shown_of(user) != shown:
        working.stated[user] = moment


def _settle(
    working: Working, user: UserRef, moment: Moment, lost: str | None = None
) -> Iterator[Told]:
    """Bring what a user holds to what the rule says; yield the transitions, losses first.

    `lost` names the reason of losses when it is neither a group nor the user being inactive.
    """
    current = working.users.get(user.id)
    wanted = effective(current, working.member_of.get(user.id, ()), working.mapping)
    held = working.held.setdefault(user.id, {})
    named = current or user
    for role in sorted(held.keys() - wanted.keys()):
        gone = held.pop(role)
        working.edits.held[user.id, role] = None
        reason = _reason_of_loss(named, gone, lost)
        yield _told(RoleRevoked, working, named, role, reason, moment)
    for role in sorted(wanted):
        reason = Reason(kind="group", groups=[working.groups[group] for group in wanted[role]])
        before = held.get(role)
        if before and before.reason == reason:
            continue
        since, cause = (before.since, before.cause) if before else (moment.time, moment.cause)
        held[role] = Held(reason, since, cause)
        working.edits.held[user.id, role] = held[role]
        if before is None:
            yield _told(RoleAssigned, working, named, role, reason, moment)


def _reason_of_loss(user: UserRef, gone: Held, lost: str | None) -> Reason:
    kind = lost or ("group" if user.active else "inactive")
    return Reason.model_validate({"kind": kind, "groups": gone.reason.groups})


def _told(
    kind: type[AssignmentEvent],
    working: Working,
    user: UserRef,
    role: RoleKey,
    reason: Reason,
    moment: Moment,
) -> Told:
    event = kind(
        cause=moment.cause,
        user=user,
        role=working.roles[role],
        reason=reason,
        roles_after=sorted(working.held[user.id]),
    )
    return Told(event, moment)


def changed_groups(
    before: Mapping[GroupId, frozenset[RoleKey]], after: Mapping[GroupId, frozenset[RoleKey]]
) -> set[GroupId]:
    """Return the groups that grant something else than before."""
    return {
        group
        for group in before.keys() | after.keys()
        if before.get(group, frozenset()) != after.get(group, frozenset())
    }


def name_key(name: str) -> str:
    """Return the form in which user names and group names compare, as ingest compares them."""
    return unicodedata.normalize("NFC", name).lower()


def renamed(reason: Reason, groups: Mapping[GroupId, GroupRef]) -> Reason:
    """Return the reason with the groups' names of today."""
    return Reason(kind=reason.kind, groups=[groups.get(one.id, one) for one in reason.groups])


def missing(user: UserRef, groups: Iterable[GroupRef]) -> str:
    """Say in words why a user holds no role."""
    names = ", ".join(sorted(group.display_name for group in groups))
    if not user.active:
        return "The user is inactive, so no group grants anything."
    if not names:
        return "The user is in no group."
    return f"The user is in {names}, and the mapping gives none of these groups a role."
