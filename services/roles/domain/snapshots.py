"""What a snapshot changes: what it tells is so, what it did not tell by its end is not.

Who missed nothing learns nothing by it. Behind a gap a directory is *resyncing*: what it knows is
part old, part new, so nobody but the deleted gains or loses a role until the snapshot has ended.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.roles.domain import settle
from services.roles.domain.values import Moment, Told
from services.roles.domain.working import Working
from shared.contracts.directory_events import SnapshotItem, UserRef, group_ref, user_ref
from shared.contracts.ids import GroupId, UserId


@dataclass(frozen=True, slots=True)
class Untold:
    """What was known before a snapshot began, and was not told since."""

    users: frozenset[UserId]
    memberships: Mapping[UserId, frozenset[GroupId]]

    @property
    def affected(self) -> set[UserId]:
        """Everybody whose roles may change by it."""
        return {*self.users, *self.memberships}


def mentioned(item: SnapshotItem) -> dict[UserId, UserRef]:
    """Return the users that an item tells of, in order; what is said of users alone counts."""
    told = [user_ref(one.resource) for one in item.users]
    return {user.id: user for user in [*(one.user for one in item.memberships), *told]}


def take_in(working: Working, item: SnapshotItem, moment: Moment) -> list[Told]:
    """Take what an item tells for true; return the role events that follow from it."""
    users = mentioned(item)
    shown = {user: working.shown_of(user) for user in users}
    for one in item.users:
        user = user_ref(one.resource)
        working.users[user.id] = working.edits.users[user.id] = user
    for one in item.groups:
        group = group_ref(one.resource)
        working.groups[group.id] = group
        working.edits.groups[group.id] = (group, False)
    for edge in item.memberships:
        working.groups[edge.group.id] = edge.group
        working.member_of.setdefault(edge.user.id, set()).add(edge.group.id)
        working.edits.memberships[edge.group.id, edge.user.id] = True
    return [
        told for user in users.values() for told in settle(working, user, shown[user.id], moment)
    ]


def drop(
    working: Working,
    untold: Untold,
    users: Iterable[UserId],
    moment: Moment,
    *,
    restates: bool = False,
) -> list[Told]:
    """Take away from these users what a snapshot did not tell of; return what follows.

    With `restates` whoever holds a role is stated anew, since nothing was while it resynced.
    """
    told: list[Told] = []
    for key in users:
        shown, user = working.shown_of(key), working.users.get(key)
        for group in untold.memberships.get(key, ()):
            working.member_of.get(key, set()).discard(group)
            working.edits.memberships[group, key] = False
        if key in untold.users:
            working.users.pop(key, None)
            working.edits.users[key] = None
        if user:
            lost = "deleted" if key in untold.users else None
            told += settle(working, user, shown, moment, lost)
            if restates and working.held.get(key):
                working.stated[key] = moment
    return told
