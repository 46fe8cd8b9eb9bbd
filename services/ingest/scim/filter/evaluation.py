"""A tree against the table and against a document: what it means, in one place.

Two-valued logic: `ne` and `not` hold for what is unassigned. Over a multi-valued attribute a
comparison holds if it does for any value, `ne` if `eq` does for none.
"""

import json
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from typing import Any, TypeAlias, assert_never

from services.ingest.scim.errors import InvalidFilter
from services.ingest.scim.filter.parser import number
from services.ingest.scim.filter.tree import (
    NEVER,
    And,
    Comparison,
    Filter,
    Literal,
    Not,
    Or,
    Present,
    ValuePath,
)
from services.ingest.scim.folding import folded
from services.ingest.scim.schema import (
    LARGEST_INTEGER,
    Attribute,
    Document,
    ResourceType,
    instant,
    is_unassigned,
    path_text,
)

_Scope: TypeAlias = Callable[[str], tuple[Attribute, ...]]

_EQUALITY = frozenset({"eq", "ne"})
_ORDER = _EQUALITY | {"gt", "ge", "lt", "le"}
_TEXT = _ORDER | {"co", "sw", "ew"}
_ALLOWED: Mapping[str, frozenset[str]] = {
    "string": _TEXT,
    "reference": _TEXT,
    "binary": _EQUALITY,
    "boolean": _EQUALITY,
    "dateTime": _ORDER,
    "integer": _ORDER,
    "decimal": _ORDER,
}
"""A complex attribute takes none."""
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "co": operator.contains,
    "sw": str.startswith,
    "ew": str.endswith,
}


def matches(tree: Filter, document: Document, resource_type: ResourceType) -> bool:
    """Whether a filter holds for a canonical document. Raises InvalidFilter, see `resolve`."""
    return _holds(resolve(tree, resource_type), document, resource_type.resolve)


def selects(tree: Filter, element: Document, attribute: Attribute) -> bool:
    """Whether a filter out of `resolve_within` holds for one element of the attribute."""
    return _holds(tree, element, _within(attribute))


def resolve(
    tree: Filter, resource_type: ResourceType, others: Iterable[ResourceType] = ()
) -> Filter:
    """Return the tree with canonical names, and values in the type of their attribute.

    A complex attribute in a comparison reads its `value`. An attribute that only one of `others`
    has is unassigned here (RFC 7644 §3.4.2.1).
    Raises InvalidFilter for an unknown attribute, and an operator or value that it cannot take.
    """
    elsewhere = tuple(each.resolve for each in others)
    return _resolved(tree, resource_type.resolve, elsewhere)


def resolve_within(tree: Filter, attribute: Attribute) -> Filter:
    """Resolve a filter in brackets: its paths are sub-attributes of the attribute."""
    return _resolved(tree, _within(attribute))


def _within(attribute: Attribute) -> _Scope:
    def find(name: str) -> tuple[Attribute, ...]:
        sub = attribute.sub(name)
        return (sub,) if sub else ()

    return find


def _resolved(tree: Filter, scope: _Scope, elsewhere: tuple[_Scope, ...] = ()) -> Filter:
    match tree:
        case Not(term):
            return Not(_resolved(term, scope, elsewhere))
        case And(terms):
            return And(tuple(_resolved(term, scope, elsewhere) for term in terms))
        case Or(terms):
            return Or(tuple(_resolved(term, scope, elsewhere) for term in terms))
        case Present() | Comparison() | ValuePath():
            is_foreign = not scope(tree.path) and any(find(tree.path) for find in elsewhere)
            return _of_unassigned(tree) if is_foreign else _resolved_leaf(tree, scope)
        case _:
            assert_never(tree)


def _of_unassigned(tree: Present | Comparison | ValuePath) -> Filter:
    """Return what a test of an attribute says where the attribute cannot have a value."""
    if not isinstance(tree, Comparison):
        return NEVER
    is_true = (tree.operator == "ne") != (tree.value is None)
    return Not(NEVER) if is_true else NEVER


def _resolved_leaf(tree: Present | Comparison | ValuePath, scope: _Scope) -> Filter:
    match tree:
        case Present(path):
            return Present(path_text(_found(path, scope)))
        case Comparison():
            return _resolved_comparison(tree, scope)
        case ValuePath(path, term):
            chain = _found(path, scope)
            return ValuePath(path_text(chain), resolve_within(term, chain[-1]))
        case _:
            assert_never(tree)


def _found(path: str, scope: _Scope) -> tuple[Attribute, ...]:
    chain = scope(path)
    if not chain:
        raise InvalidFilter(f'there is no attribute "{path}"')
    if chain[-1].returned == "never":
        raise InvalidFilter(f'the attribute "{path}" cannot be searched')
    return chain


def _resolved_comparison(tree: Comparison, scope: _Scope) -> Comparison:
    chain = _found(tree.path, scope)
    # Ping filters by `emails eq "…"`: the value of a complex attribute is meant.
    if chain[-1].type == "complex" and (value := chain[-1].sub("value")):
        chain = (*chain, value)
    attribute = chain[-1]
    if tree.operator not in _ALLOWED.get(attribute.type, ()):
        raise InvalidFilter(f'"{tree.operator}" does not apply to "{tree.path}"')
    return Comparison(path_text(chain), tree.operator, _literal(tree, attribute))


def _literal(tree: Comparison, attribute: Attribute) -> Literal:
    """Return the value in the type of the attribute; providers quote too much or too little."""
    if tree.value is None and tree.operator in _EQUALITY:
        return None
    try:
        return _LITERALS[attribute.type](tree.value)
    except (KeyError, ValueError) as error:
        raise InvalidFilter(f'"{tree.path}" needs a value of type {attribute.type}') from error


def _as_text(value: Literal) -> str:
    if value is None:
        raise ValueError
    return value if isinstance(value, str) else json.dumps(value)


def _as_moment(value: Literal) -> str:
    text = _as_text(value)
    try:
        instant(text).astimezone(UTC)
    except OverflowError as error:
        # A moment of the year 1 or 9999 whose UTC lies outside of the calendar.
        raise ValueError from error
    return text


def _as_number(value: Literal) -> int | float:
    if isinstance(value, str):
        value = number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError  # noqa: TRY004  # as for all literals
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ValueError
    if not math.isfinite(value):
        raise ValueError
    return value


_LITERALS: Mapping[str, Callable[[Literal], Literal]] = {
    "string": _as_text,
    "reference": _as_text,
    "binary": _as_text,
    "dateTime": _as_moment,
    "integer": _as_number,
    "decimal": _as_number,
    "boolean": lambda value: {"true": True, "false": False}[_as_text(value).lower()],
}


def _holds(tree: Filter, document: Document, scope: _Scope) -> bool:
    match tree:
        case Present(path):
            return bool(_values(document, scope(path)))
        case Comparison():
            return _compares(tree, document, scope(tree.path))
        case Not(term):
            return not _holds(term, document, scope)
        case And(terms):
            return all(_holds(term, document, scope) for term in terms)
        case Or(terms):
            return any(_holds(term, document, scope) for term in terms)
        case ValuePath(path, term):
            chain = scope(path)
            return any(selects(term, each, chain[-1]) for each in _values(document, chain))
        case _:
            assert_never(tree)


def _compares(tree: Comparison, document: Document, chain: tuple[Attribute, ...]) -> bool:
    if tree.operator == "ne":
        return not _compares(Comparison(tree.path, "eq", tree.value), document, chain)
    values = _values(document, chain)
    if tree.value is None:
        return not values
    attribute, compare = chain[-1], _COMPARE[tree.operator]
    wanted = _comparable(attribute, tree.value)
    comparable = (_comparable(attribute, value) for value in values)
    return any(value is not None and compare(value, wanted) for value in comparable)


def _values(document: Document, chain: tuple[Attribute, ...]) -> list[Any]:
    """Return the assigned values at the end of a chain of attributes."""
    values: list[Any] = [document]
    for attribute in chain:
        found = [value[attribute.name] for value in values if attribute.name in value]
        values = [each for one in found for each in (one if isinstance(one, list) else [one])]
    return [value for value in values if not is_unassigned(value)]


def _comparable(attribute: Attribute, value: Any) -> Any:
    """Return a value as it compares; None for one that is older than its schema and unfit."""
    if attribute.type in {"integer", "decimal"}:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if is_number else None
    if attribute.type == "dateTime":
        try:
            return instant(value)
        except (TypeError, ValueError):
            return None
    if isinstance(value, str) and not attribute.case_exact:
        return folded(value)
    return value
