"""PATCH of a group: its members apart from the rest, since they are stored as rows.

The operations on members come out as their net effect, so that changing two members costs the
same in a group of ten and of 50,000.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from services.ingest.scim import normalize
from services.ingest.scim.definitions import GROUP, MEMBERS
from services.ingest.scim.errors import InvalidFilter, Mutability
from services.ingest.scim.filter import And, Comparison, Filter, Or
from services.ingest.scim.messages import Operation
from services.ingest.scim.patch.resource import apply
from services.ingest.scim.path import Path, parse
from services.ingest.scim.schema import Document, ResourceType


@dataclass(frozen=True, slots=True)
class MemberEdits:
    """What becomes of the stored members: (none of them if cleared) - removed + added.

    `added` is in the order of the request; no id is both added and removed.
    """

    cleared: bool = False
    added: tuple[str, ...] = ()
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GroupPatch:
    """A group's document after a PATCH, and the edits to its members."""

    document: Document
    members: MemberEdits


@dataclass(slots=True)
class _Net:
    """The net effect of the operations so far."""

    cleared: bool = False
    added: dict[str, None] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    def add(self, ids: Iterable[str]) -> None:
        for each in ids:
            self.added[each] = None
            self.removed.discard(each)

    def remove(self, ids: Iterable[str]) -> None:
        for each in ids:
            self.added.pop(each, None)
            if not self.cleared:
                self.removed.add(each)

    def clear(self) -> None:
        self.cleared = True
        self.added.clear()
        self.removed.clear()


def apply_to_group(
    resource_type: ResourceType, document: Document, operations: Iterable[Operation]
) -> GroupPatch:
    """Return a group's document and member edits after all operations, in order.

    Raises as `apply` does.
    """
    net, others = _Net(), []
    for operation in operations:
        about_members, rest = _apart(operation)
        others += rest
        for each in about_members:
            _EDITS[each.op](net, parse(each.path or "", GROUP), each)
    edits = MemberEdits(net.cleared, tuple(net.added), frozenset(net.removed))
    return GroupPatch(apply(resource_type, document, others), edits)


def _apart(operation: Operation) -> tuple[list[Operation], list[Operation]]:
    """Return the operation's parts about members, and its parts about the rest."""
    if operation.path is not None:
        return ([operation], []) if _means_members(operation.path) else ([], [operation])
    if operation.op == "remove" or not isinstance(operation.value, dict):
        return [], [operation]
    rest = {key: each for key, each in operation.value.items() if not _means_members(key)}
    about_members = [
        Operation(operation.op, key, each)
        for key, each in operation.value.items()
        if key not in rest
    ]
    return about_members, [replace(operation, value=rest)]


def _means_members(path: str) -> bool:
    return GROUP.resolve(path.partition("[")[0].strip())[:1] == (MEMBERS,)


def _add(net: _Net, path: Path, operation: Operation) -> None:
    _refuse_parts(path)
    net.add(normalize.member_ids(operation.value))


def _replace(net: _Net, path: Path, operation: Operation) -> None:
    _refuse_parts(path)
    ids = normalize.member_ids(operation.value)
    net.clear()
    net.add(ids)


def _remove(net: _Net, path: Path, operation: Operation) -> None:
    if path.sub:
        raise Mutability(str(path))
    if path.filter:
        net.remove(_selected_ids(path.filter))
    elif operation.value is None:
        net.clear()
    else:
        # OneLogin and Entra list whom to remove. To empty the group instead, as the RFC reads,
        # is the bug that four servers shipped; so [] removes nobody.
        net.remove(normalize.member_ids(operation.value))


# True of every member: only users are members here.
_IS_USER = Comparison("type", "eq", "User")

_EDITS: Mapping[str, Callable[[_Net, Path, Operation], None]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
}


def _refuse_parts(path: Path) -> None:
    """A member is there or not: its parts are immutable (RFC 7643 §4.2)."""
    if path.filter or path.sub:
        raise Mutability(str(path))


def _selected_ids(term: Filter) -> tuple[str, ...]:
    """Return the ids that a filter of members names, without looking at the stored ones."""
    match term:
        case Comparison("value", "eq", str() as value):
            return (value,)
        case Or(terms):
            return tuple(each for one in terms for each in _selected_ids(one))
        case And(terms) if len(rest := [each for each in terms if each != _IS_USER]) == 1:
            return _selected_ids(rest[0])
        case _:
            raise InvalidFilter('members are selected by their id only, as in value eq "…"')
