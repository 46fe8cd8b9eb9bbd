"""The part of a directory that a batch touches, with what to store of it afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.roles.domain.fence import Fence, open_fence
from services.roles.domain.rule import GroupMapping
from services.roles.domain.values import Directory, Given, Held, Moment
from shared.contracts.directory_events import GroupRef, UserRef
from shared.contracts.envelope import Position
from shared.contracts.ids import GroupId, RoleKey, UserId
from shared.contracts.role_events import HeldRole, RoleRef, RoleState


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
