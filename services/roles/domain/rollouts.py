"""A change for many reaches one user after the other, in order of ids, each as of its own moment.

    a save, a snapshot's end ──▶ rollout ──chunk by chunk──▶ everybody that it concerns
                                    ▲
    an event that touches somebody ─┘ lets all rollouts reach that user first

So each user goes through what happened in the order in which it happened, as if all had been
settled at once (ADR 0022). Rollouts of a directory come one after the other.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from services.roles.domain import release, snapshots
from services.roles.domain.remapping import Change, remap
from services.roles.domain.snapshots import Untold
from services.roles.domain.values import Moment, Told
from services.roles.domain.working import Working
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId, GroupId, UserId


@dataclass(frozen=True, slots=True)
class Rollout:
    """A change on its way through a directory; who comes behind `last` was not reached.

    It concerns the members of `groups`, or everybody. `change` is what was saved; of a snapshot it
    is the mapping of that time, `begin` is where it began, and with `restates` whoever holds a role
    is stated anew. What was saved while the directory was resyncing decides nothing, but notes what
    is kept by hand. One that `releases` lets the losses happen that wait behind the fence. `losses`
    is how many a snapshot may bring about. `id` grows with the order of rollouts; it is 0 before
    the rollout is stored.
    """

    directory: DirectoryId
    moment: Moment
    change: Change
    total: int
    groups: frozenset[GroupId] | None = None
    begin: Position | None = None
    restates: bool = False
    releases: bool = False
    is_resyncing: bool = False
    losses: int = 0
    last: UserId | None = None
    done: int = 0
    id: int = 0

    def is_ahead_of(self, user: UserId) -> bool:
        """Tell whether the user's turn is still to come."""
        return self.last is None or user > self.last

    def advanced(self, users: Sequence[UserId]) -> "Rollout":
        """Return the rollout when it has reached the next users, in order of ids."""
        return replace(self, last=users[-1], done=self.done + len(users))


@dataclass(slots=True)
class Pending:
    """The rollouts of a directory that have not ended, the oldest first, for some of its users.

    `reached` says up to which rollout an event let them reach a user early; `newly` are those of
    whom that must be stored. `untold` is what each snapshot's rollout takes away from these users.
    """

    rollouts: Sequence[Rollout] = ()
    reached: dict[UserId, int] = field(default_factory=dict)
    untold: dict[int, Untold] = field(default_factory=dict)
    newly: set[UserId] = field(default_factory=set)

    def awaited_by(self, user: UserId) -> list[Rollout]:
        """Return the rollouts that have not reached a user, in order."""
        through = self.reached.get(user, 0)
        return [one for one in self.rollouts if one.id > through and one.is_ahead_of(user)]

    def catch_up(self, working: Working, user: UserId) -> list[Told]:
        """Let all rollouts reach a user, before something else happens to it."""
        told: list[Told] = []
        for one in self.awaited_by(user):
            self.reached[user] = one.id
            self.newly.add(user)
            told += self._reach(one, working, [user])
        return told

    def advance(self, working: Working, users: Sequence[UserId]) -> list[Told]:
        """Let the oldest rollout reach these users; whom it reached before stays as it is."""
        oldest = self.rollouts[0]
        return self._reach(
            oldest, working, [user for user in users if oldest.id > self.reached.get(user, 0)]
        )

    def _reach(self, rollout: Rollout, working: Working, users: Sequence[UserId]) -> list[Told]:
        with _as_of(rollout, working):
            if rollout.releases:
                return [told for user in users for told in release(working, user, rollout.moment)]
            if rollout.losses:
                working.fence.announce(rollout.moment.cause.id, rollout.losses)
            if not rollout.begin:
                return _remapped(rollout, working, users)
            untold = self.untold[rollout.id]
            affected = untold.affected
            concerned = [user for user in users if rollout.restates or user in affected]
            return snapshots.drop(
                working, untold, concerned, rollout.moment, restates=rollout.restates
            )


def _remapped(rollout: Rollout, working: Working, users: Sequence[UserId]) -> list[Told]:
    told: list[Told] = []
    for key in users:
        user, groups = working.users.get(key), working.member_of.get(key, set())
        if user and (rollout.groups is None or not groups.isdisjoint(rollout.groups)):
            told += remap(working, user, rollout.change, rollout.moment)
    return told


@contextmanager
def _as_of(rollout: Rollout, working: Working) -> Iterator[None]:
    """Let the part of a directory be what it was for a user when the rollout began.

    A gap behind which nothing is decided may have come later: whom nothing touched since is known
    as before.
    """
    directory, mapping = working.directory, working.mapping
    working.directory = replace(directory, is_resyncing=rollout.is_resyncing)
    working.mapping = rollout.change.after
    try:
        yield
    finally:
        working.directory, working.mapping = directory, mapping
