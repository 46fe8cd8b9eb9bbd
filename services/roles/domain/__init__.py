"""Who holds which role: one rule, folded over the events of a directory, one at a time.

The rule itself is in `rule`: what somebody should hold, from users, memberships and mapping.
A `Working` is the part of a directory that a batch touches. Folding event by event, not batch by
batch, makes the role events independent of how the log was cut.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from services.roles.domain.rule import effective
from services.roles.domain.values import Given, Held, Moment, Told, Waiting
from services.roles.domain.working import Working
from shared.contracts.directory_events import (
    DirectoryEvent,
    GroupDeleted,
    GroupEvent,
    MembershipAdded,
    MembershipEvent,
    MembershipRemoved,
    UserDeleted,
    UserEvent,
    UserRef,
)
from shared.contracts.ids import RoleKey, UserId
from shared.contracts.role_events import (
    AssignmentEvent,
    ManualAssigned,
    ManualEvent,
    ManualUnassigned,
    Reason,
    RoleAssigned,
    RoleRevoked,
)

_APPROVED = "fence"
_DELETED = "deleted"


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
