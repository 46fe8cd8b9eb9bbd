"""`role.events.v1` and `role.state.v1` folded: who holds what. Pure, written anew."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.verify import rows
from cli.verify.rows import START, Assignment, Edge, Held, Mapped, Options, Reached
from shared.contracts.envelope import Envelope

AssignmentKey = tuple[str, str, int, int]
"""User, role, and the generation and sequence of the event that assigned it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A role that is held by the events: which of them, when, by which act."""

    key: AssignmentKey
    since: datetime
    cause: bytes


@dataclass(slots=True)
class RoleFold:
    """One directory after some prefix of its role events.

    `broken` are the events that do not fit what came before: sequence, and why. `changed` are the
    users of whom something was told behind `cut`.
    """

    cut: Reached = START
    held: dict[Held, Begun] = field(default_factory=dict)
    history: dict[AssignmentKey, Assignment] = field(default_factory=dict)
    mapping: list[Mapped] = field(default_factory=list)
    options: Options = field(default_factory=Options)
    by_hand: set[Held] = field(default_factory=set)
    mapping_version: int = 0
    broken: list[tuple[int, str]] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)

    def apply(self, event: Envelope) -> None:
        """Fold one event; types that nobody knows yet change nothing.

        Raises KeyError, TypeError, ValueError for data that does not fit its type.
        """
        handler = _HANDLERS.get(event.type)
        if handler:
            handler(self, event)
        if (event.position.generation, event.position.sequence) > self.cut and "user" in event.data:
            self.changed.add(event.data["user"]["id"])


def _assigned(fold: RoleFold, event: Envelope) -> None:
    data = event.data
    held = _held(data)
    if held in fold.held:
        _break(fold, event, f"user {held[0]} is assigned {held[1]}, which it holds already")
    key = (*held, event.position.generation, event.position.sequence)
    told = rows.told(data["role"]["name"], data["reason"], data["cause"], event.time)
    fold.held[held] = Begun(key, event.time, rows.digest(rows.act(data["cause"])))
    fold.history[key] = Assignment(told, None)


def _revoked(fold: RoleFold, event: Envelope) -> None:
    held = _held(event.data)
    begun = fold.held.pop(held, None)
    if begun is None:
        _break(fold, event, f"user {held[0]} is revoked {held[1]}, which it does not hold")
        return
    fold.history[begun.key] = fold.history[begun.key]._replace(ended_at=event.time)


def _mapping_saved(fold: RoleFold, event: Envelope) -> None:
    data = event.data
    fold.mapping = [(row["group"]["id"], row["role"]["key"]) for row in data["rows"]]
    default = data.get("defaultRole") or {}
    fold.options = Options(
        data.get("strategy", "union"), default.get("key"), data.get("enabled", True)
    )
    fold.mapping_version = data["version"]


def _given(fold: RoleFold, event: Envelope) -> None:
    fold.by_hand.add(_held(event.data))


def _taken_back(fold: RoleFold, event: Envelope) -> None:
    held = _held(event.data)
    if held not in fold.by_hand:
        _break(fold, event, f"{held[1]} is taken back from user {held[0]}, who was not given it")
    fold.by_hand.discard(held)


def _held(data: Mapping[str, Any]) -> Held:
    return data["user"]["id"], data["role"]["key"]


def _break(fold: RoleFold, event: Envelope, words: str) -> None:
    fold.broken.append((event.position.sequence, words))


_HANDLERS: Mapping[str, Callable[[RoleFold, Envelope], None]] = {
    "rollcall.role.assigned.v1": _assigned,
    "rollcall.role.revoked.v1": _revoked,
    "rollcall.mapping.saved.v1": _mapping_saved,
    "rollcall.manual.assigned.v1": _given,
    "rollcall.manual.unassigned.v1": _taken_back,
}


@dataclass(frozen=True, slots=True)
class State:
    """The last record of a user on `role.state.v1`, with what it follows from.

    No roles: the record has no value, and tells neither position nor cause.
    """

    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    position: Reached | None = None
    caused_by: Reached | None = None


def state(event: Envelope) -> State:
    """Return what a record of the compacted topic says."""
    roles = {one["role"]["key"]: rows.granting(one["reason"]) for one in event.data["roles"]}
    position = (event.position.generation, event.position.sequence)
    return State(roles, position, _position(event.causation_id))


def _position(event_id: str | None) -> Reached | None:
    if not event_id:
        return None
    _, generation, sequence = event_id.split(":")
    return int(generation), int(sequence)


def effective(
    active: Iterable[str],
    edges: Iterable[Edge],
    mapping: Sequence[Mapped],
    options: Options = Options(),  # noqa: B008  # a value that nobody can change
    by_hand: Iterable[Held] = (),
) -> dict[Held, tuple[str, ...]]:
    """Return who should hold what, with what grants it as `rows.granting` names it: I5."""
    granted: dict[str, list[str]] = {}
    for group, role in mapping if options.is_on else ():
        granted.setdefault(group, []).append(role)
    groups_of: dict[str, list[str]] = {user: [] for user in active}
    for group, user in edges:
        if user in groups_of and group in granted:
            groups_of[user].append(group)
    found: dict[Held, tuple[str, ...]] = {}
    for user, groups in groups_of.items():
        for role, source in _through(groups, granted, options):
            found[user, role] = (*found.get((user, role), ()), source)
    for user, role in by_hand:
        if user in groups_of:
            found[user, role] = (*found.get((user, role), ()), "manual")
    return found


def _through(
    groups: Sequence[str], granted: Mapping[str, Sequence[str]], options: Options
) -> Iterator[tuple[str, str]]:
    """Yield the roles that these groups give somebody, each with the group or `default`."""
    deciding = sorted(groups)
    if options.strategy == "first_match" and groups:
        deciding = [next(group for group in granted if group in groups)]
    for group in deciding:
        for role in granted[group]:
            yield role, group
    has_default = options.strategy == "union" or not groups
    if options.default_role and options.is_on and has_default:
        yield options.default_role, "default"
