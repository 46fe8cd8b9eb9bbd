"""Who holds which role: one rule, folded over the events of a directory, one at a time.

The rule itself is in `rule`: what somebody should hold, from users, memberships and mapping.
A `Working` is the part of a directory that a batch touches. Folding event by event, not batch by
batch, makes the role events independent of how the log was cut.

    RolesError
    ├── UnknownError        what is asked for is not there
    ├── BadRoleKeyError     a role cannot be declared by that key
    ├── RoleInUseError      a role that groups grant cannot go
    ├── StaleMappingError   somebody else saved meanwhile
    ├── BadMappingError     a mapping cannot be
    ├── NotManualError      a role is held, and not by hand
    └── FenceError          what waits behind the fence is not what was thought
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.roles.domain.fence import Fence, Why, open_fence
from services.roles.domain.rule import GroupMapping, effective
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
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, RoleKey, UserId
from shared.contracts.role_events import (
    AssignmentEvent,
    HeldRole,
    ManualAssigned,
    ManualEvent,
    ManualUnassigned,
    Reason,
    RoleAssigned,
    RoleRef,
    RoleRevoked,
    RoleState,
    Strategy,
)

_APPROVED = "fence"
_DELETED = "deleted"


class RolesError(Exception):
    """A call cannot be done; `extensions` are for programs, the message is for people."""

    def __init__(self, message: str, extensions: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.extensions = extensions or {}


class UnknownError(RolesError):
    """What is asked for is not there."""


class BadRoleKeyError(RolesError):
    """A role cannot be declared by that key."""


class RoleInUseError(RolesError):
    """A role that groups grant cannot go without another in its place."""


class StaleMappingError(RolesError):
    """Somebody else saved the mapping meanwhile."""


class BadMappingError(RolesError):
    """A mapping cannot be as it is wanted."""


class NotManualError(RolesError):
    """A role cannot be taken back by hand from somebody who holds it through the mapping."""


class FenceError(RolesError):
    """What waits behind the fence is not what the caller thinks."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory as roles knows it.

    While it is resyncing, what is known of it is part old, part new: nothing is decided. While it
    is unsettled, a rollout has not reached everybody.
    """

    id: DirectoryId
    organization: OrganizationId
    name: str
    mapping_version: int = 0
    is_resyncing: bool = False
    strategy: Strategy = "union"
    default_role: RoleKey | None = None
    is_mapping_on: bool = True
    is_unsettled: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A role that somebody gave a user by hand: when, by which act."""

    since: datetime
    cause: Cause

    @property
    def is_kept(self) -> bool:
        """Whether it is what a mapping left behind when it was switched off."""
        return self.cause.kind == "mapping"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A loss that the fence keeps from happening: why, since when, whose, and its own reason."""

    why: Why
    since: datetime
    user: UserRef
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a user holds: why, since when, by which act; and if its loss waits."""

    reason: Reason
    since: datetime
    cause: Cause
    waits: Waiting | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """The event or save that makes things happen."""

    time: datetime
    cause: Cause
    causation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A role event and the moment that it follows from."""

    event: AssignmentEvent | ManualEvent
    moment: Moment


@dataclass(slots=True)
class Edits:
    """What must be stored: the last word on each row; None means that the row goes."""

    users: dict[UserId, UserRef | None] = field(default_factory=dict)
    groups: dict[GroupId, tuple[GroupRef, bool]] = field(default_factory=dict)
    memberships: dict[tuple[GroupId, UserId], bool] = field(default_factory=dict)
    held: dict[tuple[UserId, RoleKey], Held | None] = field(default_factory=dict)
    given: dict[tuple[UserId, RoleKey], Given | None] = field(default_factory=dict)


@dataclass(slots=True)
class Working:
    """The part of a directory that a batch touches, folded in place, with what to store of it.

    `stated` holds the users whose record on `role.state.v1` says something new, and since which
    moment: also those that gain or lose no role, when another group grants one of theirs.
    `position` is of the last event that told of these rows.
    """

    directory: Directory
    roles: Mapping[RoleKey, RoleRef]
    mapping: GroupMapping
    users: dict[UserId, UserRef] = field(default_factory=dict)
    groups: dict[GroupId, GroupRef] = field(default_factory=dict)
    member_of: dict[UserId, set[GroupId]] = field(default_factory=dict)
    held: dict[UserId, dict[RoleKey, Held]] = field(default_factory=dict)
    given: dict[UserId, dict[RoleKey, Given]] = field(default_factory=dict)
    edits: Edits = field(default_factory=Edits)
    stated: dict[UserId, Moment] = field(default_factory=dict)
    position: Position = field(default_factory=lambda: Position(1, 0))
    fence: Fence = field(default_factory=open_fence)

    def shown_of(self, user: UserId) -> object:
        """Return what `role.state.v1` depends on; two equal values need no second record."""
        reasons = {key: held.reason for key, held in self.held.get(user, {}).items()}
        return (self.users.get(user), reasons) if reasons else None

    def state_of(self, user: UserId) -> RoleState | None:
        """Return what `role.state.v1` says of a user; None when it holds nothing."""
        roles, named = self.held.get(user), self.named(user)
        if not roles or named is None:
            return None
        held = [HeldRole(role=self.roles[key], reason=roles[key].reason) for key in sorted(roles)]
        return RoleState(user=named, roles=held)

    def named(self, user: UserId) -> UserRef | None:
        """Return a user; of a deleted one what it was when the fence kept its roles."""
        waiting = (one.waits.user for one in self.held.get(user, {}).values() if one.waits)
        return self.users.get(user) or next(waiting, None)


def apply(working: Working, event: DirectoryEvent, moment: Moment) -> list[Told]:
    """Fold one directory event; return the role events that follow from it."""
    match event:
        case MembershipRemoved(because="user.deleted"):
            # Its roles go at once with the user, and no other group gives it one in between.
            _enter(working, event)
        case UserEvent() | MembershipEvent():
            shown = working.shown_of(event.user.id)
            _enter(working, event)
            if isinstance(event, MembershipRemoved) and event.together:
                working.fence.announce(event.cause.id, event.together)
            lost = _DELETED if isinstance(event, UserDeleted) else None
            return settle(working, event.user, shown, moment, lost)
        case GroupEvent():
            working.groups[event.group.id] = event.group
            is_deleted = isinstance(event, GroupDeleted)
            working.edits.groups[event.group.id] = (event.group, is_deleted)
    return []


def settle(
    working: Working, user: UserRef, shown: object, moment: Moment, lost: str | None = None
) -> list[Told]:
    """Bring what a user holds to what the rule says; return the transitions, losses first.

    `shown` is what `role.state.v1` said of the user before what happened, `lost` the reason of
    losses where it is neither a group nor the user being inactive. While the directory is
    resyncing nothing is decided but that who is deleted holds nothing.
    """
    if working.directory.is_resyncing and user.id in working.users:
        return []
    told = list(_settle(working, user, moment, lost))
    if working.shown_of(user.id) != shown:
        working.stated[user.id] = moment
    for role, last in working.fence.succeeded().items():
        told += _let_go(working, role, last, moment)
    return told


def _let_go(working: Working, role: RoleKey, last: UserId, moment: Moment) -> list[Told]:
    """Settle the last holder of a role, once somebody else holds it."""
    waits, user = working.held[last][role].waits, working.named(last)
    if waits is None or user is None:
        return []
    return settle(working, user, working.shown_of(last), moment, waits.lost)


def release(working: Working, user: UserId, moment: Moment) -> list[Told]:
    """Let the losses of a user happen that the fence kept, as an administrator approved."""
    named = working.named(user)
    if named is None or not any(one.waits for one in working.held[user].values()):
        return []
    return settle(working, named, working.shown_of(user), moment, _APPROVED)


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


def _settle(working: Working, user: UserRef, moment: Moment, lost: str | None) -> Iterator[Told]:
    current = working.users.get(user.id)
    if current is None:
        yield from take_back(working, user, working.given.get(user.id, ()), moment)
    given = working.given.get(user.id, {})
    wanted = effective(current, working.member_of.get(user.id, ()), working.mapping, given)
    held = working.held.setdefault(user.id, {})
    named = current or user
    for role in sorted(held.keys() - wanted.keys()):
        if _waits(working, named, role, moment, lost):
            continue
        gone = held.pop(role)
        counts = lost != _APPROVED and not _is_willed(moment)
        working.fence.lost(role, waited=gone.waits is not None, counts=counts)
        working.edits.held[user.id, role] = None
        reason = _reason_of_loss(named, gone, lost)
        yield _told(RoleRevoked, working, named, role, reason, moment)
    for role in sorted(wanted):
        kinds, before = wanted[role].kinds, held.get(role)
        groups = [working.groups[group] for group in wanted[role].groups]
        # Most events change nothing here: no reason is made only to find it equal.
        is_same = before and before.reason.kinds == kinds and before.reason.groups == groups
        if before and is_same and not before.waits:
            continue
        reason = Reason(kind=kinds[0], groups=groups, also=[*kinds[1:]])
        since, cause = (before.since, before.cause) if before else (moment.time, moment.cause)
        held[role] = Held(reason, since, cause)
        working.edits.held[user.id, role] = held[role]
        if before is None:
            working.fence.gained(role)
            yield _told(RoleAssigned, working, named, role, reason, moment)
        elif before.waits:
            working.fence.given_back(role)


def _waits(
    working: Working, user: UserRef, role: RoleKey, moment: Moment, lost: str | None
) -> bool:
    """Tell whether a loss waits; one that begins to is noted."""
    held, fence = working.held[user.id][role], working.fence
    # Also what waits goes with a directory that an administrator deletes (ADR 0030).
    if lost == _APPROVED or (lost == _DELETED and _is_willed(moment)):
        return False
    if held.waits:
        return fence.still_keeps(role, held.waits.why)
    why = None if _is_willed(moment) else fence.keeps(role, moment.time, moment.cause.id)
    if why is None:
        return False
    fence.began_to_wait(role, user.id, why)
    kept = replace(held, waits=Waiting(why, moment.time, user, lost))
    working.held[user.id][role] = working.edits.held[user.id, role] = kept
    return True


def _is_willed(moment: Moment) -> bool:
    """Tell whether an administrator wanted it: what was shown before is not kept back."""
    return moment.cause.kind in {"mapping", "administrator"}


def give(working: Working, user: UserRef, role: RoleKey, moment: Moment) -> Told:
    """Note that a user is given a role by hand; to be settled."""
    given = Given(moment.time, moment.cause)
    working.given.setdefault(user.id, {})[role] = given
    working.edits.given[user.id, role] = given
    return _by_hand(ManualAssigned, working, user, role, moment)


def take_back(
    working: Working, user: UserRef, roles: Iterable[RoleKey], moment: Moment
) -> list[Told]:
    """Note that roles are no longer given to a user by hand; to be settled."""
    told = []
    for role in sorted(roles):
        del working.given[user.id][role]
        working.edits.given[user.id, role] = None
        told.append(_by_hand(ManualUnassigned, working, user, role, moment))
    return told


def _by_hand(
    kind: type[ManualEvent], working: Working, user: UserRef, role: RoleKey, moment: Moment
) -> Told:
    return Told(kind(cause=moment.cause, user=user, role=working.roles[role]), moment)


def _reason_of_loss(user: UserRef, gone: Held, lost: str | None) -> Reason:
    kind = lost or (gone.reason.kind if user.active else "inactive")
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


def name_key(name: str) -> str:
    """Return the form in which user names and group names compare, as ingest compares them."""
    return unicodedata.normalize("NFC", name).lower()
