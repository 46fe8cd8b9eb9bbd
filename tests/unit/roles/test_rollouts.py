"""Whom a rollout reaches late goes through the same as whom it reaches at once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.roles import domain
from services.roles.domain import manual, snapshots
from services.roles.domain.edits import Edited
from services.roles.domain.remapping import Change
from services.roles.domain.rollouts import Pending, Rollout
from services.roles.domain.snapshots import Untold
from services.roles.domain.values import Given, Moment, Told
from services.roles.domain.working import Working
from services.roles.usecases.snapshots import Decoded
from shared.contracts.directory_events import Cause, SnapshotEnd, SnapshotItem
from shared.contracts.envelope import Envelope, Position
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, UserId
from shared.contracts.role_events import AssignmentEvent, ManualEvent
from tests.support.directory_log import DirectoryLog, stable_id
from tests.support.histories import (
    Act,
    ByHand,
    History,
    cuts,
    granting,
    holed,
    often_saved,
    parts,
    saved,
)
from tests.unit.roles.test_domain import ADMIN, BILLING, SAVED_AT, Memory, group_mapping, named, run

steps = st.lists(st.integers(0, 3), max_size=30)
"""How many users a rollout reaches between one batch and the next."""


@dataclass(slots=True)
class Unhurried(Memory):
    """A memory in which saves and snapshots reach users one after the other."""

    rollouts: list[Rollout] = field(default_factory=list)
    reached: dict[UserId, int] = field(default_factory=dict)
    made: int = 0

    def pending(self, users: set[UserId]) -> Pending:
        untold = {one.id: self._untold(one.begin.sequence) for one in self.rollouts if one.begin}
        reached = {user: at for user, at in self.reached.items() if user in users}
        return Pending(list(self.rollouts), reached, untold)

    def _untold(self, begin: int) -> Untold:
        gone = {key for key, at in self.touched.items() if at < begin}
        edges: dict[UserId, frozenset[GroupId]] = defaultdict(frozenset)
        for group, user in gone & self.edges:
            edges[user] |= {group}
        return Untold(frozenset(gone & self.users.keys()), edges)

    def keep(self, part: Working, pending: Pending, told: list[Told]) -> None:
        self.save(part, told)
        self.reached |= {user: pending.reached[user] for user in pending.newly}

    def _fold(self, log: DirectoryLog, events: Sequence[Decoded]) -> None:
        everybody = {*self.users, *(user for _, user in self.edges)}
        users = everybody | {user for _, event in events for user in named(event)}
        part, pending, told = self.load(log, users), self.pending(users), []
        for one, event in events:
            moment = Moment(one.time, event.cause, one.id)
            for user in sorted(named(event)):
                told += pending.catch_up(part, user)
            if isinstance(event, SnapshotItem):
                told += snapshots.take_in(part, event, moment)
            else:
                told += domain.apply(part, event, moment)
            part.position = one.position
        self.keep(part, pending, told)

    def _end(self, log: DirectoryLog, event: SnapshotEnd, moment: Moment) -> None:
        restates, self.is_resyncing = self.is_resyncing, False
        change = Change(group_mapping(self.mapping))
        self._begin(log, moment, change, begin=Position(1, event.begin), restates=restates)

    def act(self, log: DirectoryLog, act: Act, number: int) -> None:
        if isinstance(act, ByHand):
            cause = Cause(kind="administrator", id=stable_id(f"act {number}"))
            part, pending = self.load(log, {act.user}), self.pending({act.user})
            told = pending.catch_up(part, act.user)
            change = manual.assign if act.is_given else manual.unassign
            told += change(part, part.users[act.user], act.role, Moment(SAVED_AT, cause))
            self.keep(part, pending, told)
            return
        before, self.mapping = group_mapping(self.mapping), act
        directory = self.load(log, set()).directory
        edited = Edited(directory, [], before, group_mapping(act), act.held)
        cause = Cause(kind="mapping", id=stable_id(f"act {number}"))
        if edited.is_change:
            self._begin(log, Moment(SAVED_AT, cause), edited.change, groups=edited.concerned,
                        is_resyncing=self.is_resyncing)  # fmt: skip

    def _begin(self, log: DirectoryLog, moment: Moment, change: Change, **what: Any) -> None:
        self.made += 1
        self.rollouts.append(Rollout(log.id, moment, change, 0, id=self.made, **what))

    def advance(self, log: DirectoryLog, count: int) -> None:
        """Let the oldest rollout reach the next users."""
        if not self.rollouts:
            return
        oldest = self.rollouts[0]
        everybody = {*self.users, *(user for _, user in self.edges), *(u for u, _ in self.held)}
        users = sorted(user for user in everybody if oldest.is_ahead_of(user))[:count]
        part, pending = self.load(log, {*users}), self.pending({*users})
        self.keep(part, pending, pending.advance(part, users))
        if len(users) == count:
            self.rollouts[0] = oldest.advanced(users) if users else oldest
        else:
            del self.rollouts[0]

    def finish(self, log: DirectoryLog) -> None:
        while self.rollouts:
            self.advance(log, 2)


def run_unhurried(history: History, at: list[int], pace: list[int]) -> Unhurried:
    memory, counts = Unhurried(), iter(pace)
    for part, act in history.batches(at):
        memory.apply(history.log, history.log.envelopes[part])
        if act is not None:
            memory.act(history.log, act, part.stop)
        memory.advance(history.log, next(counts, 0))
    memory.finish(history.log)
    return memory


def by_user(told: list[Told]) -> dict[UserId, list[Told]]:
    found: dict[UserId, list[Told]] = defaultdict(list)
    for one in told:
        found[one.event.user.id].append(one)
    return found


# Names are left out: a group that is renamed before a rollout comes has its new name then.
def each(told: list[Told]) -> dict[UserId, list[object]]:
    return {
        user: [(one.event.type, one.event.role.key, one.moment, _why(one.event)) for one in found]
        for user, found in by_user(told).items()
    }


def _why(event: AssignmentEvent | ManualEvent) -> object:
    if isinstance(event, ManualEvent):
        return None
    return event.reason.kind, granting(event.reason), event.roles_after


def holdings(memory: Memory) -> dict[object, object]:
    return {key: (granting(one.reason), one.since, one.cause) for key, one in memory.held.items()}


def shown(memory: Memory) -> dict[UserId, object]:
    return {
        user: state and {one.role.key: granting(one.reason) for one in state.roles}
        for user, (_, state) in memory.states.items()
    }


@given(often_saved(), cuts, steps)
def test_each_user_is_told_the_same_as_if_everybody_was_settled_at_once(
    history: History, at: list[int], pace: list[int]
) -> None:
    at_once = run(history, at)

    memory = run_unhurried(history, at, pace)

    assert each(memory.told) == each(at_once.told)
    assert holdings(memory) == holdings(at_once)
    assert shown(memory) == shown(at_once)
    assert memory.users == at_once.users
    assert memory.edges == at_once.edges


@given(holed(), cuts, steps)
def test_a_gap_during_a_rollout_ends_with_what_the_rule_says(
    drawn: tuple[History, list[Envelope]], at: list[int], pace: list[int]
) -> None:
    history, envelopes = drawn
    then = Given(SAVED_AT, Cause(kind="administrator", id="then"))
    memory = Unhurried(given=dict.fromkeys(history.by_hand_then, then))
    counts = iter(pace)
    first, *rest = parts(envelopes, at)

    memory.apply(history.log, [*first])
    memory.act(history.log, replace(history.mapping, held="revoke"), 0)
    for part in rest:
        memory.apply(history.log, [*part])
        memory.advance(history.log, next(counts, 0))
    memory.finish(history.log)

    stored = {key: granting(held.reason) for key, held in memory.held.items()}
    assert stored == history.expected()
    assert memory.users == {user.id: user for user in history.log.users.values()}


def test_whom_an_event_touches_is_settled_by_the_save_first() -> None:
    history = _two_in_a_group()
    memory = Unhurried()
    memory.apply(history.log, history.log.envelopes)
    memory.act(history.log, saved((history.log.groups["owners"].id, ADMIN)), 7)
    seen = len(history.log.records)
    history.log.leave("bob", "owners")

    memory.apply(history.log, history.log.envelopes[seen:])

    told = [(one.event.type.split(".")[2], one.event.cause.kind) for one in memory.told]
    assert told == [("assigned", "mapping"), ("revoked", "scim")]


def test_who_was_reached_early_is_not_reached_again_under_the_older_of_two_saves() -> None:
    history = _two_in_a_group()
    memory = Unhurried()
    owners = history.log.groups["owners"].id
    memory.apply(history.log, history.log.envelopes)
    memory.act(history.log, saved((owners, ADMIN)), 7)
    memory.act(history.log, saved((owners, BILLING)), 8)
    seen = len(history.log.records)
    history.log.rename_user("bob", "robert")
    memory.apply(history.log, history.log.envelopes[seen:])
    bob = history.log.users["bob"].id

    memory.finish(history.log)

    told = [(one.event.type.split(".")[2], one.event.role.key) for one in by_user(memory.told)[bob]]
    assert told == [("assigned", ADMIN), ("revoked", ADMIN), ("assigned", BILLING)]


def test_a_gap_does_not_keep_a_save_from_those_whom_it_had_not_reached() -> None:
    history = _two_in_a_group()
    log, memory = history.log, Unhurried()
    memory.apply(log, log.envelopes)
    memory.act(log, saved((log.groups["owners"].id, ADMIN)), 7)
    log.begin()
    begin = replace(log.envelopes[-1], is_behind_gap=True)
    seen = len(log.records)
    while log.tell():
        pass
    memory.apply(log, [begin, *log.envelopes[seen:]])

    memory.finish(log)

    assert [one.event.cause.kind for one in memory.told] == ["mapping", "mapping"]


def _two_in_a_group() -> History:
    history = History(DirectoryLog(DirectoryId(stable_id("globex")), OrganizationId("org")))
    for name in ("ada", "bob"):
        history.log.user(name)
    history.log.group("owners")
    for name in ("ada", "bob"):
        history.log.join(name, "owners")
    return history
