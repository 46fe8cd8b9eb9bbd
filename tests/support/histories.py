"""Random histories of a directory, and what must follow from them: the rule in ten lines."""

import itertools
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from shared.contracts.envelope import Envelope
from shared.contracts.ids import GroupId, RoleKey, UserId
from shared.contracts.management import Held
from shared.contracts.role_events import Reason, Strategy
from tests.support.directory_log import DirectoryLog

ROLES = tuple(RoleKey(key) for key in ("admin", "billing", "viewer"))
_users = st.sampled_from(["ada", "bob", "cyd"])
_groups = st.sampled_from(["owners", "staff", "visitors"])


@dataclass(frozen=True, slots=True)
class Saved:
    """A mapping as somebody saves it: rows in order, and what else an administrator chose."""

    rows: tuple[tuple[GroupId, RoleKey], ...] = ()
    strategy: Strategy = "union"
    default: RoleKey | None = None
    enabled: bool = True
    held: Held = "revoke"


@dataclass(frozen=True, slots=True)
class ByHand:
    """Somebody gives a user a role, or takes it back."""

    user: UserId
    role: RoleKey
    is_given: bool


Act = Saved | ByHand


def mappings_of(rows: st.SearchStrategy[Any]) -> st.SearchStrategy[Saved]:
    """Draw a mapping with such rows, in any order."""
    return st.builds(
        Saved,
        rows.map(tuple),
        st.sampled_from(["union", "first_match"]),
        st.none() | st.sampled_from(ROLES),
        st.sampled_from([True, True, False]),
        st.sampled_from(["keep", "revoke"]),
    )


def saved(*rows: tuple[GroupId, RoleKey]) -> Saved:
    """Return a mapping of nothing but rows, under union."""
    return Saved(rows)


def granting(reason: Reason) -> set[str]:
    """Return what grants a role: ids of groups, and the other kinds by name."""
    return {one.id for one in reason.groups} | ({*reason.kinds} - {"group"})


_rows = st.lists(st.tuples(_groups, st.sampled_from(ROLES)), max_size=5, unique=True)
_saves = mappings_of(_rows)
_steps = st.one_of(
    st.tuples(st.sampled_from(["user", "suspend", "delete_user"]), _users),
    st.tuples(st.just("rename_user"), _users, st.sampled_from(["x", "y"])),
    st.tuples(st.just("group"), _groups, st.sampled_from(["Red", "Blue"])),
    st.tuples(st.just("delete_group"), _groups),
    st.tuples(st.sampled_from(["join", "join", "leave"]), _users, _groups),
    st.tuples(st.just("save"), _saves),
    st.tuples(st.sampled_from(["give", "take"]), _users, st.sampled_from(ROLES)),
    st.tuples(st.sampled_from(["begin", "tell", "tell", "end"])),
)


@dataclass(slots=True)
class History:
    """A directory's log with what people do in between: (records before it, what).

    `by_hand` says of each role that somebody was given whether a mapping left it behind;
    `by_hand_then` is the same at the moment from which a consumer lost a part.
    """

    log: DirectoryLog = field(default_factory=DirectoryLog)
    acts: list[tuple[int, Act]] = field(default_factory=list)
    by_hand: dict[tuple[UserId, RoleKey], bool] = field(default_factory=dict)
    by_hand_then: dict[tuple[UserId, RoleKey], bool] = field(default_factory=dict)

    @property
    def mapping(self) -> Saved:
        return next((act for _, act in self.acts[::-1] if isinstance(act, Saved)), Saved())

    def act(self, act: Act) -> None:
        """Do something behind what the log tells so far."""
        if isinstance(act, ByHand):
            self.by_hand.pop((act.user, act.role), None)
            self.by_hand |= {(act.user, act.role): False} if act.is_given else {}
        elif act.enabled and not self.mapping.enabled and act.held == "revoke":
            self.by_hand = {held: kept for held, kept in self.by_hand.items() if not kept}
        elif self.mapping.enabled and not act.enabled and act.held == "keep":
            self.by_hand = {**dict.fromkeys(self.expected(), True), **self.by_hand}
        self.acts.append((len(self.log.records), act))

    def batches(self, cuts: Sequence[int]) -> list[tuple[slice, Act | None]]:
        """Return what is applied in turn: a slice of the log, then what somebody does if any."""
        places = sorted([(cut % len(self.log.records), None) for cut in cuts] + [
            (place, act) for place, act in self.acts
        ], key=lambda one: one[0])  # fmt: skip
        starts = [0, *(place for place, _ in places)]
        ends = [*places, (len(self.log.records), None)]
        return [(slice(start, end), act) for start, (end, act) in zip(starts, ends, strict=True)]

    def expected(self) -> dict[tuple[UserId, RoleKey], set[str]]:
        """Return who should hold what in the end, and through what: the rule, written anew."""
        due: dict[tuple[UserId, RoleKey], set[str]] = {}
        mapping, log = self.mapping, self.log
        for name, user in log.users.items():
            mine = {log.groups[group].id for who, group in log.edges if who == name}
            rows = [row for row in mapping.rows if row[0] in mine and mapping.enabled]
            if mapping.strategy == "first_match":
                rows = [row for row in rows if row[0] == rows[0][0]]
            has_default = mapping.enabled and (mapping.strategy == "union" or not rows)
            by_default = [("default", mapping.default)] if mapping.default and has_default else []
            by_hand = [("manual", role) for holder, role in self.by_hand if holder == user.id]
            for source, role in [*rows, *by_default, *by_hand] if user.active else []:
                due.setdefault((user.id, role), set()).add(source)
        return due


def _play(history: History, verb: str, *arguments: Any) -> None:
    log = history.log
    if verb == "save":
        known = {name: group.id for name, group in log.groups.items()}
        rows = tuple((known[name], role) for name, role in arguments[0].rows if name in known)
        history.act(replace(arguments[0], rows=rows))
    elif verb in {"begin", "tell", "end"}:
        getattr(log, verb)()
    elif _is_possible(history, verb, *arguments):
        _do(history, verb, *arguments)


def _do(history: History, verb: str, name: str, *more: Any) -> None:
    if verb in {"give", "take"}:
        history.act(ByHand(history.log.users[name].id, more[0], verb == "give"))
        return
    if verb == "delete_user":
        gone = history.log.users[name].id
        history.by_hand = {held: k for held, k in history.by_hand.items() if held[0] != gone}
    getattr(history.log, verb)(name, *more)


def _is_possible(history: History, verb: str, name: str, other: str = "") -> bool:
    log = history.log
    match verb:
        case "user" | "group":
            return True
        case "join" | "leave":
            return name in log.users and other in log.groups
        case "delete_group":
            return name in log.groups
        case "take":
            return name in log.users and (log.users[name].id, RoleKey(other)) in history.by_hand
        case _:
            return name in log.users


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw a history that starts with somebody in a mapped group, so that little is empty."""
    history = History()
    opening = [
        ("user", "ada"),
        ("group", "owners", "Red"),
        ("group", "staff", "Blue"),
        ("save", saved(("owners", ROLES[0]), ("staff", ROLES[0]), ("staff", ROLES[1]))),
        ("join", "ada", "owners"),
    ]
    for step in [*opening, *draw(st.lists(_steps, max_size=40))]:
        _play(history, *step)
    return history


@st.composite
def often_saved(draw: st.DrawFn) -> History:
    """Draw a history that ends with saves, one soon after the other."""
    history = draw(histories())
    for name, group in (("ada", "owners"), ("bob", "owners"), ("bob", "staff"), ("cyd", "staff")):
        for step in (("user", name), ("group", group, group), ("join", name, group)):
            _play(history, *step)
    for mapping in draw(st.lists(_saves, min_size=2, max_size=4)):
        _play(history, "save", mapping)
        for step in draw(st.lists(_steps, max_size=3)):
            _play(history, *step)
    return history


def without_snapshots(history: History) -> History:
    """Return the same history as if nothing had ever been told again."""
    kept = [
        (place, one)
        for place, one in enumerate(history.log.envelopes)
        if not one.type.startswith("rollcall.snapshot.")
    ]
    log = copy(history.log)
    log.records = [history.log.records[place] for place, _ in kept]
    acts = [(sum(at < place for at, _ in kept), act) for place, act in history.acts]
    return History(log, acts)


_WELL_KNOWN = (
    ("user", "ada"),
    ("user", "bob"),
    ("group", "owners", "Red"),
    ("join", "ada", "owners"),
    ("join", "bob", "owners"),
)
_LOSSES = (
    ("leave", "ada", "owners"),
    ("delete_user", "bob"),
    ("delete_group", "owners"),
    ("suspend", "ada"),
    ("rename_user", "ada", "x"),
)


@st.composite
def holed(draw: st.DrawFn) -> tuple[History, list[Envelope]]:
    """Draw a history, and what a consumer applies of it that lost a part before a snapshot."""
    history = draw(histories())
    log = history.log
    log.end()
    for step in _WELL_KNOWN:
        _play(history, *step)
    known = len(log.records)
    history.by_hand_then = dict(history.by_hand)
    lost_from = draw(st.one_of(st.just(known), st.integers(1, known)))
    for step in draw(st.lists(st.sampled_from(_LOSSES), min_size=1, max_size=4)):
        _play(history, *step)
    log.begin()
    begin = len(log.records) - 1
    for step in draw(st.lists(_steps, max_size=20)):
        if step[0] not in {"save", "give", "take", "end"}:
            _play(history, *step)
    log.end()
    for step in draw(st.lists(_steps, max_size=5)):
        if step[0] not in {"save", "give", "take"}:
            _play(history, *step)
    envelopes = log.envelopes
    opened = replace(envelopes[begin], is_behind_gap=True)
    return history, [*envelopes[:lost_from], opened, *envelopes[begin + 1 :]]


cuts = st.lists(st.integers(min_value=0, max_value=200), max_size=12)


def parts(events: Sequence[Envelope], at: Iterable[int]) -> list[Sequence[Envelope]]:
    """Cut the events at these places, taken modulo their number."""
    places = sorted({cut % (len(events) + 1) for cut in at} | {0, len(events)})
    return [events[start:end] for start, end in itertools.pairwise(places)]
