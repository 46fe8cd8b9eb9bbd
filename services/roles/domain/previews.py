"""What a mapping would change, told before it is saved: the very transitions that would follow."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.roles.domain.values import Told
from shared.contracts.directory_events import UserRef
from shared.contracts.ids import RoleKey
from shared.contracts.management import PreviewedUser
from shared.contracts.role_events import (
    AssignmentEvent,
    HeldRole,
    ManualAssigned,
    RoleAssigned,
    RoleRef,
)


@dataclass(slots=True)
class Preview:
    """Counts of users, the changes of the first `most` of them, and a digest of all changes.

    `taken` counts the assignments that are lost; `moved` says by how many holders each role grows
    or shrinks.
    """

    most: int = 0
    gaining: int = 0
    losing: int = 0
    changing: int = 0
    keeping: int = 0
    taken: int = 0
    users: list[PreviewedUser] = field(default_factory=list)
    moved: Counter[RoleKey] = field(default_factory=Counter)
    _digest: Any = field(default_factory=hashlib.sha256)

    def add(self, user: UserRef, told: Sequence[Told]) -> None:
        """Take in what would happen to one user."""
        gains: list[HeldRole] = []
        loses: list[HeldRole] = []
        keeps: list[RoleRef] = []
        for one in told:
            self._digest.update(_line(user, one).encode())
            match one.event:
                case AssignmentEvent() as event:
                    is_gain = isinstance(event, RoleAssigned)
                    held = HeldRole(role=event.role, reason=event.reason)
                    (gains if is_gain else loses).append(held)
                    self.taken += not is_gain
                    self.moved[event.role.key] += 1 if is_gain else -1
                case ManualAssigned() as event:
                    keeps.append(event.role)
        self.changing += bool(gains and loses)
        self.gaining += bool(gains and not loses)
        self.losing += bool(loses and not gains)
        self.keeping += bool(keeps)
        if (gains or loses or keeps) and len(self.users) < self.most:
            one_user = PreviewedUser(user=user, gains=gains, loses=loses, keeps=keeps)
            self.users.append(one_user)

    def emptied(self, holders: Mapping[RoleKey, int]) -> list[RoleKey]:
        """Return the roles, of those that were held so often, that nobody would hold any more."""
        return sorted(role for role, count in holders.items() if count + self.moved[role] == 0)

    @property
    def effect(self) -> str:
        """What stands for all the changes: equal where they are, users taken in the same order."""
        return str(self._digest.hexdigest()[:32])

    @property
    def by_name(self) -> list[PreviewedUser]:
        """The changes, by user name."""
        return sorted(self.users, key=lambda one: one.user.user_name)


def _line(user: UserRef, one: Told) -> str:
    reason = one.event.reason.groups if isinstance(one.event, AssignmentEvent) else ()
    groups = ",".join(group.id for group in reason)
    return f"{one.event.type} {user.id} {one.event.role.key} {groups}\n"
