"""Random histories of a directory, and what must follow from them: the rule in ten lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from shared.contracts.ids import GroupId, RoleKey, UserId
from tests.support.directory_log import DirectoryLog

ROLES = tuple(RoleKey(key) for key in ("admin", "billing", "viewer"))
_users = st.sampled_from(["ada", "bob", "cyd"])
_groups = st.sampled_from(["owners", "staff", "visitors"])
_rows = st.frozensets(st.tuples(_groups, st.sampled_from(ROLES)), max_size=5)
Rows = frozenset[tuple[GroupId, RoleKey]]

_steps = st.one_of(
    st.tuples(st.sampled_from(["user", "suspend", "delete_user"]), _users),
    st.tuples(st.just("rename_user"), _users, st.sampled_from(["x", "y"])),
    st.tuples(st.just("group"), _groups, st.sampled_from(["Red", "Blue"])),
    st.tuples(st.just("delete_group"), _groups),
    st.tuples(st.sampled_from(["join", "join", "leave"]), _users, _groups),
    st.tuples(st.just("save"), _rows),
)


@dataclass(slots=True)
class History:
    """A directory's log with the mapping saves in between: (records before it, its rows)."""

    log: DirectoryLog = field(default_factory=DirectoryLog)
    saves: list[tuple[int, Rows]] = field(default_factory=list)

    @property
    def rows(self) -> Rows:
        return self.saves[-1][1] if self.saves else frozenset()

    def batches(self, cuts: Sequence[int]) -> list[tuple[slice, Rows | None]]:
        """Return what is applied in turn: a slice of the log, then a mapping to save if any."""
        places = sorted([(cut % len(self.log.records), None) for cut in cuts] + [
            (place, rows) for place, rows in self.saves
        ], key=lambda one: one[0])  # fmt: skip
        starts = [0, *(place for place, _ in places)]
        ends = [*places, (len(self.log.records), None)]
        return [(slice(start, end), rows) for start, (end, rows) in zip(starts, ends, strict=True)]

    def expected(self) -> dict[tuple[UserId, RoleKey], set[GroupId]]:
        """Return who should hold what in the end, with the groups that grant it."""
        due: dict[tuple[UserId, RoleKey], set[GroupId]] = {}
        for name, group in self.log.edges:
            user, mapped = self.log.users[name], self.log.groups[group].id
            for granting, role in self.rows:
                if user.active and granting == mapped:
                    due.setdefault((user.id, role), set()).add(mapped)
        return due


def _play(history: History, verb: str, *arguments: Any) -> None:
    log = history.log
    if verb == "save":
        known = {name: group.id for name, group in log.groups.items()}
        rows = frozenset((known[name], role) for name, role in arguments[0] if name in known)
        history.saves.append((len(log.records), rows))
    elif _is_possible(log, verb, *arguments):
        getattr(log, verb)(*arguments)


def _is_possible(log: DirectoryLog, verb: str, name: str, other: str = "") -> bool:
    match verb:
        case "user" | "group":
            return True
        case "join" | "leave":
            return name in log.users and other in log.groups
        case "delete_group":
            return name in log.groups
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
        ("save", frozenset({("owners", ROLES[0]), ("staff", ROLES[0]), ("staff", ROLES[1])})),
        ("join", "ada", "owners"),
    ]
    for step in [*opening, *draw(st.lists(_steps, max_size=40))]:
        _play(history, *step)
    return history


cuts = st.lists(st.integers(min_value=0, max_value=200), max_size=12)
