"""Who holds which role is a function of the log, however the log was cut."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given

from services.roles import domain
from services.roles.domain import explanations, manual, snapshots
from services.roles.domain.edits import Edited
from services.roles.domain.remapping import remap
from services.roles.domain.rule import GroupMapping, grouped
from services.roles.domain.snapshots import Untold
from services.roles.domain.values import Directory, Given, Held, Moment, Told, name_key
from services.roles.domain.working import Working
from services.roles.usecases.snapshots import Decoded, runs
from shared.contracts import directory_events
from shared.contracts.directory_events import (
    Cause,
    DirectoryEvent,
    GroupRef,
    MembershipEvent,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotItem,
    UserEvent,
    UserRef,
)
from shared.contracts.envelope import Envelope
from shared.contracts.ids import GroupId, RoleKey, UserId
from shared.contracts.role_events import (
    AssignmentEvent,
    ManualAssigned,
    ManualEvent,
    Reason,
    RoleAssigned,
    RoleRef,
    RoleState,
)
from tests.support.directory_log import DirectoryLog, stable_id
from tests.support.histories import (
    ROLES,
    Act,
    ByHand,
    History,
    Saved,
    cuts,
    granting,
    histories,
    holed,
    parts,
    saved,
    without_snapshots,
)

SAVED_AT = datetime(2026, 3, 3, tzinfo=UTC)
_ROLE_REFS = {key: RoleRef(key=key, name=key.title()) for key in ROLES}
ADMIN, BILLING = ROLES[0], ROLES[1]


@dataclass(slots=True)
class Memory:
    """What is stored between batches, as rows would be."""

    users: dict[UserId, UserRef] = field(default_factory=dict)
    groups: dict[GroupId, GroupRef] = field(default_factory=dict)
    edges: set[tuple[GroupId, UserId]] = field(default_factory=set)
    held: dict[tuple[UserId, RoleKey], Held] = field(default_factory=dict)
    given: dict[tuple[UserId, RoleKey], Given] = field(default_factory=dict)
    mapping: Saved = field(default_factory=Saved)
    told: list[Told] = field(default_factory=list)
    states: dict[UserId, tuple[Moment, RoleState | None]] = field(default_factory=dict)
    touched: dict[object, int] = field(default_factory=dict)
    is_resyncing: bool = False

    @property
    def transitions(self) -> list[AssignmentEvent]:
        return [one.event for one in self.told if isinstance(one.event, AssignmentEvent)]

    def load(self, log: DirectoryLog, users: set[UserId]) -> Working:
        mapping = group_mapping(self.mapping)
        directory = Directory(log.id, log.organization, "Globex", is_resyncing=self.is_resyncing)
        part = Working(directory, _ROLE_REFS, mapping)
        part.users = {key: user for key, user in self.users.items() if key in users}
        for group, user in self.edges:
            if user in users:
                part.groups |= {group: self.groups[group]} if group in self.groups else {}
                part.member_of.setdefault(user, set()).add(group)
        for (user, role), held in self.held.items():
            if user in users:
                part.held.setdefault(user, {})[role] = held
        for (user, role), by_hand in self.given.items():
            if user in users:
                part.given.setdefault(user, {})[role] = by_hand
        return part

    def save(self, part: Working, told: list[Told]) -> None:
        edits = part.edits
        _put(self.users, edits.users)
        _put(self.held, edits.held)
        _put(self.given, edits.given)
        self.groups |= {key: group for key, (group, _) in edits.groups.items()}
        self.edges |= {edge for edge, is_there in edits.memberships.items() if is_there}
        self.edges -= {edge for edge, is_there in edits.memberships.items() if not is_there}
        self.touched |= dict.fromkeys([*edits.users, *edits.memberships], part.position.sequence)
        self.told += told
        self.states |= {user: (at, part.state_of(user)) for user, at in part.stated.items()}

    def apply(self, log: DirectoryLog, envelopes: list[Envelope]) -> None:
        decoded = [(one, directory_events.decode(one)) for one in envelopes]
        for part in runs([(one, event) for one, event in decoded if event]):
            match part[0]:
                case (one, SnapshotBegin()):
                    self.is_resyncing |= one.is_behind_gap
                case (one, SnapshotEnd() as event):
                    self._end(log, event, Moment(one.time, event.cause, one.id))
                case _:
                    self._fold(log, part)

    def _fold(self, log: DirectoryLog, events: Sequence[Decoded]) -> None:
        everybody = {*self.users, *(user for _, user in self.edges)}
        part = self.load(log, everybody | {user for _, event in events for user in named(event)})
        told = []
        for one, event in events:
            moment = Moment(one.time, event.cause, one.id)
            if isinstance(event, SnapshotItem):
                told += snapshots.take_in(part, event, moment)
            else:
                told += domain.apply(part, event, moment)
            part.position = one.position
        self.save(part, told)

    def _end(self, log: DirectoryLog, event: SnapshotEnd, moment: Moment) -> None:
        gone = {key for key, at in self.touched.items() if at < event.begin}
        edges: dict[UserId, frozenset[GroupId]] = defaultdict(frozenset)
        for group, user in gone & self.edges:
            edges[user] |= {group}
        untold = Untold(frozenset(gone & self.users.keys()), edges)
        users = {*self.users, *(user for user, _ in self.held)}
        restates, self.is_resyncing = self.is_resyncing, False
        part = self.load(log, users)
        wanted = sorted(users if restates else untold.affected)
        self.save(part, snapshots.drop(part, untold, wanted, moment, restates=restates))

    def act(self, log: DirectoryLog, act: Act, number: int) -> None:
        part = self.load(log, set(self.users))
        if isinstance(act, ByHand):
            moment = Moment(SAVED_AT, Cause(kind="administrator", id=stable_id(f"act {number}")))
            change = manual.assign if act.is_given else manual.unassign
            self.save(part, change(part, part.users[act.user], act.role, moment))
            return
        before, after = group_mapping(self.mapping), group_mapping(act)
        edited = Edited(part.directory, [], before, after, act.held)
        moment = Moment(SAVED_AT, Cause(kind="mapping", id=stable_id(f"act {number}")))
        self.mapping = act
        told = [
            one
            for user in sorted(part.users)
            for one in remap(part, part.users[user], edited.change, moment)
        ]
        self.save(part, told)


def group_mapping(one: Saved) -> GroupMapping:
    return GroupMapping(grouped(one.rows), one.strategy, one.default, one.enabled)


def named(event: DirectoryEvent) -> set[UserId]:
    if isinstance(event, SnapshotItem):
        return {*snapshots.mentioned(event)}
    return {event.user.id} if isinstance(event, UserEvent | MembershipEvent) else set()


def _put(stored: dict, edits: dict) -> None:
    stored |= edits
    for key in [key for key, value in stored.items() if value is None]:
        del stored[key]


def run(history: History, at: list[int]) -> Memory:
    memory = Memory()
    envelopes = history.log.envelopes
    for part, act in history.batches(at):
        memory.apply(history.log, envelopes[part])
        if act is not None:
            memory.act(history.log, act, part.stop)
    return memory


@given(histories(), cuts)
def test_stored_assignments_are_what_the_rule_says(history: History, at: list[int]) -> None:
    memory = run(history, at)

    stored = {key: granting(held.reason) for key, held in memory.held.items()}
    assert stored == history.expected()


@given(histories(), cuts)
def test_the_events_of_a_user_fold_to_what_is_stored(history: History, at: list[int]) -> None:
    memory = run(history, at)

    folded: dict[UserId, set[RoleKey]] = defaultdict(set)
    for event in memory.transitions:
        held = folded[event.user.id]
        assert (event.role.key in held) is not isinstance(event, RoleAssigned)
        held ^= {event.role.key}
        assert event.roles_after == sorted(held)
    assert {(user, role) for user, roles in folded.items() for role in roles} == set(memory.held)


@given(histories(), cuts)
def test_what_is_given_by_hand_is_what_the_events_say_and_ends_with_its_user(
    history: History, at: list[int]
) -> None:
    memory = run(history, at)

    by_hand: set[tuple[UserId, RoleKey]] = set()
    for one in memory.told:
        if isinstance(one.event, ManualEvent):
            held = (one.event.user.id, one.event.role.key)
            is_given = isinstance(one.event, ManualAssigned)
            assert is_given or held in by_hand
            by_hand = by_hand | {held} if is_given else by_hand - {held}
    assert by_hand == set(memory.given) == set(history.by_hand)
    assert {held: one.is_kept for held, one in memory.given.items()} == history.by_hand


@given(histories(), cuts)
def test_however_the_log_is_cut_the_same_is_told_and_stored(
    history: History, at: list[int]
) -> None:
    one_by_one = run(history, list(range(len(history.log.records))))

    memory = run(history, at)

    assert memory.told == one_by_one.told
    assert memory.held == one_by_one.held
    assert memory.states == one_by_one.states


@given(histories(), cuts)
def test_the_last_state_of_a_user_is_what_it_holds(history: History, at: list[int]) -> None:
    memory = run(history, at)

    shown = {
        (user, held.role.key): granting(held.reason)
        for user, (_, state) in memory.states.items()
        if state
        for held in state.roles
    }
    assert shown == history.expected()
    assert {user for user, (_, state) in memory.states.items() if state is None} == {
        event.user.id for event in memory.transitions
    } - {user for user, _ in history.expected()}


@given(histories(), cuts)
def test_who_missed_nothing_learns_nothing_from_a_snapshot(history: History, at: list[int]) -> None:
    memory = run(history, at)

    plain = run(without_snapshots(history), [])

    assert [one.event.model_copy(update={"cause": None}) for one in memory.told] == [
        one.event.model_copy(update={"cause": None}) for one in plain.told
    ]
    # By id: a reason keeps the name that a group had, and is shown with the one that it has.
    assert {key: granting(held.reason) for key, held in memory.held.items()} == {
        key: granting(held.reason) for key, held in plain.held.items()
    }
    assert memory.users == plain.users
    assert memory.edges == plain.edges


@given(holed(), cuts)
def test_who_missed_a_part_comes_to_the_same_by_a_snapshot_and_tells_nothing_until_its_end(
    drawn: tuple[History, list[Envelope]], at: list[int]
) -> None:
    history, envelopes = drawn
    then = Given(SAVED_AT, Cause(kind="administrator", id="then"))
    memory = Memory(mapping=history.mapping, given=dict.fromkeys(history.by_hand_then, then))

    for part in parts(envelopes, at):
        memory.apply(history.log, [*part])

    stored = {key: granting(held.reason) for key, held in memory.held.items()}
    assert stored == history.expected()
    assert memory.users == {user.id: user for user in history.log.users.values()}
    assert {
        (user, held.role.key)
        for user, (_, state) in memory.states.items()
        if state
        for held in state.roles
    } == set(stored)
    begin = next(place for place, one in enumerate(envelopes) if one.is_behind_gap)
    end = next(
        place for place, one in enumerate(envelopes[begin:], begin) if one.type == SnapshotEnd.type
    )
    silent = {one.id for one in envelopes[begin:end]}
    early = [one.event for one in memory.told if one.moment.causation_id in silent]
    kinds = {event.reason.kind for event in early if isinstance(event, AssignmentEvent)}
    assert kinds <= {"deleted"}


def mapped(*rows: tuple[str, RoleKey]) -> History:
    """Ada is active; each group named in the rows exists and is mapped."""
    history = History()
    history.log.user("ada")
    ids = {name: history.log.group(name) for name, _ in rows}
    history.acts.append(
        (len(history.log.records), saved(*((ids[name], role) for name, role in rows)))
    )
    return history


def told(history: History) -> list[tuple[str, str, str, list[str]]]:
    """Return what was told: the verb, the role, the kind of reason and the groups in it."""
    return [
        (
            type(one.event).__name__,
            one.event.role.key,
            one.event.reason.kind,
            [group.display_name for group in one.event.reason.groups],
        )
        for one in run(history, []).told
        if isinstance(one.event, AssignmentEvent)
    ]


def test_a_role_held_through_two_groups_survives_losing_one() -> None:
    history = mapped(("owners", ADMIN), ("staff", ADMIN))
    history.log.join("ada", "owners")
    history.log.join("ada", "staff")
    history.log.leave("ada", "owners")

    memory = run(history, [])

    assert told(history) == [("RoleAssigned", "admin", "group", ["owners"])]
    [(_, held)] = memory.held.items()
    assert [group.display_name for group in held.reason.groups] == ["staff"]
    assert held.cause == memory.told[0].event.cause


def test_a_state_is_told_anew_when_another_group_grants_the_role() -> None:
    history = mapped(("owners", ADMIN), ("staff", ADMIN))
    history.log.join("ada", "owners")
    history.log.join("ada", "staff")

    memory = run(history, list(range(9)))

    [(_, state)] = memory.states.values()
    assert state
    assert {group.display_name for group in state.roles[0].reason.groups} == {"owners", "staff"}


def test_removing_the_last_granting_group_revokes_the_role() -> None:
    history = mapped(("owners", ADMIN))
    history.log.join("ada", "owners")
    history.log.leave("ada", "owners")

    assert told(history) == [
        ("RoleAssigned", "admin", "group", ["owners"]),
        ("RoleRevoked", "admin", "group", ["owners"]),
    ]


def test_suspension_takes_all_roles_and_return_gives_them_back() -> None:
    history = mapped(("owners", ADMIN), ("owners", BILLING))
    history.log.join("ada", "owners")
    history.log.suspend("ada")
    history.log.user("ada")

    assert told(history)[2:] == [
        ("RoleRevoked", "admin", "inactive", ["owners"]),
        ("RoleRevoked", "billing", "inactive", ["owners"]),
        ("RoleAssigned", "admin", "group", ["owners"]),
        ("RoleAssigned", "billing", "group", ["owners"]),
    ]


def test_deleting_a_group_revokes_what_it_granted_with_the_cause_of_the_deletion() -> None:
    history = mapped(("owners", ADMIN))
    history.log.join("ada", "owners")
    history.log.delete_group("owners")

    memory = run(history, [])

    deletion = history.log.envelopes[-1]
    assert deletion.type == "rollcall.group.deleted.v1"
    assert memory.told[-1].event.cause == Cause.model_validate(deletion.data["cause"])
    assert not memory.held


def test_the_roles_of_a_deleted_user_go_because_it_was_deleted() -> None:
    history = mapped(("owners", ADMIN))
    history.log.join("ada", "owners")
    history.log.delete_user("ada")

    assert told(history)[-1] == ("RoleRevoked", "admin", "deleted", ["owners"])


def test_deleting_a_user_leaves_an_empty_state() -> None:
    history = mapped(("owners", ADMIN))
    ada = history.log.user("ada")
    history.log.join("ada", "owners")
    history.log.delete_user("ada")

    memory = run(history, [])

    assert memory.states[ada][1] is None
    assert not memory.held


def test_a_user_deleted_while_still_in_a_group_loses_its_roles_as_deleted() -> None:
    history = mapped(("owners", ADMIN))
    history.log.join("ada", "owners")
    history.log.edges.clear()  # a provider's history that forgets the memberships
    history.log.delete_user("ada")

    assert told(history)[-1] == ("RoleRevoked", "admin", "deleted", ["owners"])


def test_a_saved_mapping_is_the_reason_of_what_it_takes_away() -> None:
    history = mapped(("owners", ADMIN))
    history.log.join("ada", "owners")
    history.acts.append((len(history.log.records), saved()))

    assert told(history)[-1] == ("RoleRevoked", "admin", "mapping", ["owners"])


def test_each_role_event_names_the_directory_event_that_caused_it() -> None:
    history = mapped(("owners", ADMIN))
    history.log.join("ada", "owners")

    [one] = run(history, []).told

    joined = history.log.envelopes[-1]
    assert (one.moment.causation_id, one.moment.time) == (joined.id, joined.time)


def test_a_membership_counts_once_its_user_is_known() -> None:
    log = DirectoryLog()
    log.group("owners")
    log.users["ada"] = UserRef(id=UserId(stable_id("ada")), user_name="ada", active=True)
    log.join("ada", "owners")
    ada = log.users.pop("ada").model_copy()
    history = History(log, [(2, saved((log.groups["owners"].id, ADMIN)))])
    before = told(history)
    log._append(  # noqa: SLF001  # the creation comes late, as across a snapshot
        directory_events.UserCreated(
            cause=Cause(kind="scim", id="late"),
            resource=ada.model_dump(mode="json", by_alias=True),
            version=1,
        )
    )

    assert before == []
    assert told(history) == [("RoleAssigned", "admin", "group", ["owners"])]


def test_a_reason_is_told_with_the_groups_names_of_today() -> None:
    then = GroupRef(id=GroupId("1"), display_name="Then")
    gone = GroupRef(id=GroupId("2"), display_name="Gone")
    now = GroupRef(id=GroupId("1"), display_name="Now")

    renamed = explanations.renamed(Reason(kind="group", groups=[then, gone]), {now.id: now})

    assert renamed.groups == [now, gone]


def test_names_compare_in_any_case_and_form() -> None:
    assert name_key("ÉQUIPE") == name_key("e\u0301quipe")
