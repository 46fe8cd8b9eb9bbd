"""What looks like a provider's mistake waits; everything else goes on, and nothing is forgotten."""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.roles import domain
from services.roles.domain.fence import Fence, Rules
from services.roles.domain.values import Moment, Told
from services.roles.domain.working import Working
from shared.contracts.directory_events import Cause, MembershipRemoved
from shared.contracts.envelope import Envelope
from shared.contracts.ids import RoleKey, UserId
from shared.contracts.role_events import RoleAssigned
from tests.support.directory_log import DirectoryLog
from tests.support.histories import History, cuts, granting, histories, saved
from tests.unit.roles.test_domain import ADMIN, BILLING, Memory, run

TIGHT = Rules(percent=30, least=1, window_s=3600)
APPROVED_AT = datetime(2026, 3, 4, tzinfo=UTC)


@dataclass(slots=True)
class Guarded(Memory):
    """A memory behind a fence; admin is privileged."""

    fence: Fence = field(default_factory=lambda: Fence(TIGHT, holders={ADMIN: 0}))

    def load(self, log: DirectoryLog, users: set[UserId]) -> Working:
        part = Memory.load(self, log, users | {*self.fence.lasts.values()})
        part.fence = deepcopy(self.fence)
        return part

    def save(self, part: Working, told: list[Told]) -> None:
        Memory.save(self, part, told)
        self.fence = part.fence

    @property
    def waiting(self) -> set[tuple[UserId, RoleKey]]:
        return {key for key, held in self.held.items() if held.waits}

    def approve(self, log: DirectoryLog) -> None:
        part = self.load(log, {user for user, _ in self.waiting})
        part.fence.approve()
        moment = Moment(APPROVED_AT, Cause(kind="administrator", id="approval"))
        told = [one for user in sorted(part.held) for one in domain.release(part, user, moment)]
        self.save(part, told)


def guarded(history: History, at: list[int], rules: Rules = TIGHT) -> Guarded:
    memory = Guarded()
    memory.fence.rules = rules
    envelopes = history.log.envelopes
    for part, act in history.batches(at):
        memory.apply(history.log, envelopes[part])
        if act is not None:
            memory.act(history.log, act, part.stop)
    return memory


@given(histories(), cuts)
def test_what_does_not_wait_is_what_the_rule_says(history: History, at: list[int]) -> None:
    memory = guarded(history, at)

    expected = history.expected()
    found = {key: granting(held.reason) for key, held in memory.held.items() if not held.waits}
    assert found == expected
    assert not memory.waiting & expected.keys()
    assert memory.users == run(history, at).users
    assert memory.edges == run(history, at).edges


@given(histories(), cuts)
def test_the_fence_counts_what_is_held_and_what_waits(history: History, at: list[int]) -> None:
    memory = guarded(history, at)

    fence, waiting = memory.fence, memory.waiting
    free = Counter(role for _, role in memory.held.keys() - waiting)
    assert (fence.assigned, fence.waiting) == (len(memory.held), len(waiting))
    assert fence.holders == {ADMIN: free[ADMIN]}
    assert not (fence.raised_at and not waiting)
    lasts = {
        (user, role)
        for (user, role), held in memory.held.items()
        if held.waits and held.waits.why == "last_holder"
    }
    assert {(user, role) for role, user in fence.lasts.items()} == lasts


@given(histories(), cuts)
def test_events_and_states_say_that_what_waits_is_held(history: History, at: list[int]) -> None:
    memory = guarded(history, at)

    folded: set[tuple[UserId, RoleKey]] = set()
    for event in memory.transitions:
        one = (event.user.id, event.role.key)
        assert (one in folded) is not isinstance(event, RoleAssigned)
        folded ^= {one}
    shown = {
        (user, held.role.key)
        for user, (_, state) in memory.states.items()
        if state
        for held in state.roles
    }
    assert folded == set(memory.held) == shown


@given(histories(), cuts)
def test_however_the_log_is_cut_the_same_waits(history: History, at: list[int]) -> None:
    one_by_one = guarded(history, list(range(len(history.log.records))))

    memory = guarded(history, at)

    assert memory.told == one_by_one.told
    assert memory.held == one_by_one.held
    # What one batch announces the next one reads again with each event.
    assert replace_announced(memory.fence) == replace_announced(one_by_one.fence)


def replace_announced(fence: Fence) -> Fence:
    return replace(fence, announced=None)


@given(histories(), cuts)
def test_after_the_approval_everybody_holds_what_the_rule_says(
    history: History, at: list[int]
) -> None:
    memory = guarded(history, at)
    waiting, seen = memory.waiting, len(memory.told)

    memory.approve(history.log)

    assert {key: granting(held.reason) for key, held in memory.held.items()} == history.expected()
    released = [one.event for one in memory.told[seen:]]
    assert {(event.user.id, event.role.key) for event in released} == waiting
    assert {event.reason.kind for event in released} <= {"fence"}
    assert memory.fence.waiting == 0
    assert memory.fence.raised_at is None


@given(histories(), cuts, st.sampled_from([Rules(is_on=False), Rules(percent=100, least=1000)]))
def test_a_fence_that_is_off_or_far_changes_nothing_but_for_last_holders(
    history: History, at: list[int], rules: Rules
) -> None:
    memory, plain = guarded(history, at, rules), run(history, at)

    if not rules.is_on:
        assert memory.told == plain.told
    assert {held.waits.why for held in memory.held.values() if held.waits} <= {"last_holder"}


def staffed(people: int = 20) -> History:
    """So many are in Owners, which grants billing."""
    history = History()
    history.log.group("owners")
    for number in range(people):
        history.log.user(f"user {number}")
        history.log.join(f"user {number}", "owners")
    history.act(saved((history.log.groups["owners"].id, BILLING)))
    return history


def moderate() -> Rules:
    return Rules(percent=20, least=3)


def test_a_deleted_group_takes_nothing_until_somebody_approves() -> None:
    history = staffed()
    history.log.delete_group("owners")

    memory = guarded(history, [])

    assert [event.type.split(".")[2] for event in memory.transitions] == ["assigned"] * 20
    assert len(memory.waiting) == 20


def test_a_few_losses_pass() -> None:
    history = staffed()
    for number in range(4):
        history.log.suspend(f"user {number}")

    memory = guarded(history, [], moderate())

    assert not memory.waiting
    assert len(memory.held) == 16


def test_from_the_loss_that_is_too_much_on_losses_wait_and_gains_go_on() -> None:
    history = staffed()
    for number in range(6):
        history.log.suspend(f"user {number}")
    history.log.user("eve")
    history.log.join("eve", "owners")

    memory = guarded(history, [], moderate())

    assert len(memory.waiting) == 2
    assert (history.log.users["eve"].id, BILLING) in memory.held
    assert memory.fence.raised_at == history.log.envelopes[46].time


def test_a_mistake_that_is_corrected_leaves_no_trace() -> None:
    history = staffed()
    names = [f"user {number}" for number in range(6)]
    for name in names:
        history.log.suspend(name)
    for name in names:
        history.log.user(name)

    memory = guarded(history, [], moderate())

    assert memory.fence.raised_at is None
    assert not memory.waiting
    assert len(memory.held) == 20
    told = Counter(event.type for event in memory.transitions)
    assert told["rollcall.role.revoked.v1"] == 4


def test_losses_that_are_far_apart_are_no_mistake() -> None:
    history = staffed()
    for number in range(12):
        history.log.suspend(f"user {number}")
    log = history.log
    memory = Guarded()
    memory.fence.rules = moderate()
    envelopes = log.envelopes

    apart = [
        replace(one, time=one.time + timedelta(hours=2 * place))
        for place, one in enumerate(envelopes)
    ]
    for part, act in history.batches([]):
        memory.apply(log, apart[part])
        if act is not None:
            memory.act(log, act, 0)

    assert not memory.waiting
    assert len(memory.held) == 8


def owners(*names: str) -> History:
    """These are in Owners, which grants admin, a privileged role."""
    history = History()
    history.log.group("owners")
    for name in names:
        history.log.user(name)
        history.log.join(name, "owners")
    history.act(saved((history.log.groups["owners"].id, ADMIN)))
    return history


def test_the_last_holder_of_a_privileged_role_keeps_it() -> None:
    history = owners("ada", "bob")
    history.log.leave("ada", "owners")
    history.log.delete_user("bob")

    memory = guarded(history, [], moderate())

    [(key, held)] = memory.held.items()
    assert key[1] == ADMIN
    assert held.waits
    assert (held.waits.why, held.waits.user.user_name) == ("last_holder", "bob")
    [state] = [state for _, state in memory.states.values() if state]
    assert state.user.user_name == "bob"


@pytest.mark.parametrize("at", [[], [6], [7], list(range(20))])
def test_the_last_holder_goes_once_somebody_follows(at: list[int]) -> None:
    history = owners("ada")
    history.log.leave("ada", "owners")
    history.log.user("bob")
    history.log.join("bob", "owners")

    memory = guarded(history, at, moderate())

    told = [(event.type.split(".")[2], event.user.user_name) for event in memory.transitions]
    assert told == [("assigned", "ada"), ("assigned", "bob"), ("revoked", "ada")]
    assert not memory.fence.lasts


def test_a_save_is_not_kept_back_and_does_not_let_go_what_waits() -> None:
    history = staffed()
    history.log.group("others")
    for number in range(6):
        history.log.suspend(f"user {number}")
    history.act(saved((history.log.groups["others"].id, BILLING)))

    memory = guarded(history, [], moderate())

    assert len(memory.held) == len(memory.waiting) == 2


def test_a_request_that_takes_few_is_judged_once() -> None:
    history = staffed()
    log, seen = history.log, len(history.log.records)
    memory = guarded(history, [], moderate())
    cause = Cause(kind="scim", id="one request")
    for number in range(4):
        log.leave(f"user {number}", "owners", cause)
    told = [_together(one, 4) for one in log.envelopes[seen:]]

    memory.apply(log, told)

    assert MembershipRemoved.type == told[0].type
    assert not memory.waiting
    assert len(memory.held) == 16


def _together(one: Envelope, count: int) -> Envelope:
    return replace(one, data={**one.data, "together": count})


def test_a_directory_that_is_deleted_takes_along_what_waits_and_what_does_not() -> None:
    history = staffed()
    for number in range(6):
        history.log.suspend(f"user {number}")
    history.log.delete()

    memory = guarded(history, [], moderate())

    assert memory.held == {}
    assert memory.fence.waiting == 0
    reasons = Counter(event.reason.kind for event in memory.transitions[20:])
    assert reasons == {"inactive": 4, "deleted": 16}
