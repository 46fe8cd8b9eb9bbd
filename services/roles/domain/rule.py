"""The rule, written once: who holds which role, and through what.

    union:        the roles of all groups that the user is in, and the default role
    first match:  the roles of the first group in order that the user is in, else the default role
    in any case:  the roles that it was given by hand

Only active users hold anything; a mapping that is off grants nothing (ADRs 0023, 0024).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from shared.contracts.directory_events import UserRef
from shared.contracts.ids import GroupId, RoleKey
from shared.contracts.role_events import Strategy

Kind = Literal["group", "default", "manual"]
_NOBODYS: frozenset[RoleKey] = frozenset()


@dataclass(frozen=True, slots=True)
class GroupMapping:
    """What a directory grants: the roles of each mapped group, in order, and the default role.

    The order counts under first match alone; all roles of a group stand at one place in it.
    """

    rows: Mapping[GroupId, frozenset[RoleKey]] = field(default_factory=dict)
    strategy: Strategy = "union"
    default_role: RoleKey | None = None
    is_on: bool = True
    _places: Mapping[GroupId, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {group: n for n, group in enumerate(self.rows)})

    def deciding(self, groups: Iterable[GroupId]) -> list[GroupId]:
        """Return those of a user's groups whose roles it holds, in order of ids."""
        if not self.is_on:
            return []
        matching = [group for group in groups if group in self.rows]
        if self.strategy == "first_match" and matching:
            return [min(matching, key=self._places.__getitem__)]
        return sorted(matching)

    def defaults(self, deciding: Collection[GroupId]) -> frozenset[RoleKey]:
        """Return what somebody holds by default who has these deciding groups: one role or none."""
        if (
            self.default_role is None
            or not self.is_on
            or (self.strategy == "first_match" and deciding)
        ):
            return _NOBODYS
        return frozenset({self.default_role})


class Grant(NamedTuple):
    """What grants a user one role: groups, in order of ids; the mapping's default; somebody."""

    groups: list[GroupId]
    is_default: bool
    is_manual: bool

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What kinds of grant these are; never empty."""
        by_kind: tuple[tuple[Kind, object], ...] = (
            ("group", self.groups),
            ("default", self.is_default),
            ("manual", self.is_manual),
        )
        return tuple(kind for kind, is_there in by_kind if is_there)


def grouped(rows: Iterable[tuple[GroupId, RoleKey]]) -> dict[GroupId, frozenset[RoleKey]]:
    """Return the roles of each group, the groups in the order of their first rows."""
    found: dict[GroupId, frozenset[RoleKey]] = {}
    for group, role in rows:
        found[group] = found.get(group, _NOBODYS) | {role}
    return found


def effective(
    user: UserRef | None,
    groups: Iterable[GroupId],
    mapping: GroupMapping,
    by_hand: Collection[RoleKey] = _NOBODYS,
) -> dict[RoleKey, Grant]:
    """Return the roles of a user, each with what grants it."""
    if user is None or not user.active:
        return {}
    deciding = mapping.deciding(groups)
    defaults = mapping.defaults(deciding)
    through: dict[RoleKey, list[GroupId]] = {role: [] for role in (*defaults, *by_hand)}
    for group in deciding:
        for role in mapping.rows[group]:
            through.setdefault(role, []).append(group)
    return {
        role: Grant(found, is_default=role in defaults, is_manual=role in by_hand)
        for role, found in through.items()
    }


def concerned(before: GroupMapping, after: GroupMapping) -> set[GroupId]:
    """Return the groups whose members may hold something else under another mapping."""
    is_ordered = after.strategy == "first_match"
    is_moved = is_ordered and _order(before, after) != _order(after, before)
    if before.strategy != after.strategy or is_moved:
        return {*before.rows, *after.rows}
    return {
        group
        for group in before.rows.keys() | after.rows.keys()
        if before.rows.get(group) != after.rows.get(group)
    }


def _order(one: GroupMapping, other: GroupMapping) -> list[GroupId]:
    return [group for group in one.rows if group in other.rows]


def is_same(before: GroupMapping, after: GroupMapping) -> bool:
    """Tell whether two mappings say the same; the order of a union says nothing."""
    is_ordered = after.strategy == "first_match"
    return before == after and (not is_ordered or [*before.rows] == [*after.rows])


def is_added_to(before: GroupMapping, after: GroupMapping) -> bool:
    """Tell whether nobody can hold less under a mapping than before: rows were added to a union."""
    options = (before.strategy, before.default_role, before.is_on)
    return options == (after.strategy, after.default_role, after.is_on) == (
        "union",
        before.default_role,
        True,
    ) and all(roles <= after.rows.get(group, _NOBODYS) for group, roles in before.rows.items())
