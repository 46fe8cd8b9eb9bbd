"""The tree of a filter, and its text. Paths stay text: what they mean depends on the resource."""

import json
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

Operator = typing.Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
Literal: TypeAlias = str | bool | int | float | None


@dataclass(frozen=True, slots=True)
class Present:
    """`path pr`."""

    path: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`."""

    path: str
    operator: Operator
    value: Literal


@dataclass(frozen=True, slots=True)
class Not:
    """`not (term)`."""

    term: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    """Two or more terms, all of which hold."""

    terms: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more terms, one of which holds."""

    terms: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class ValuePath:
    """`path[term]`: the term holds for one element of a multi-valued attribute."""

    path: str
    term: "Filter"


Filter: TypeAlias = Present | Comparison | Not | And | Or | ValuePath

NEVER = Or(())
"""Holds for nothing; a resolved tree has it in place of an attribute of another resource type."""


def render(tree: Filter) -> str:
    """Return the text of a filter; parsing it gives the same tree."""
    match tree:
        case Present(path):
            return f"{path} pr"
        case Comparison(path, operator, value):
            return f"{path} {operator} {json.dumps(value, ensure_ascii=False)}"
        case Not(term):
            return f"not ({render(term)})"
        case And(terms):
            return _join(" and ", terms)
        case Or(terms):
            return _join(" or ", terms)
        case ValuePath(path, term):
            return f"{path}[{render(term)}]"
        case _:
            assert_never(tree)


def _join(word: str, terms: Iterable[Filter]) -> str:
    return word.join(
        f"({render(term)})" if isinstance(term, And | Or) else render(term) for term in terms
    )
