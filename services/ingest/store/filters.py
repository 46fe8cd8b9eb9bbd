"""Filter tree → SQL condition with bound parameters; what each filter means: `scim.filter.matches`.

Under `where`, null counts as false, and `and`, `or` and `exists` keep it so. Only `not` (and `ne`,
which is one) asks `is not true`, so that it also holds for what is unassigned, and so that every
other term stays bare enough for an index.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import TypeAlias, assert_never

from services.ingest.scim import filter as filters
from services.ingest.scim.definitions import USER
from services.ingest.scim.errors import InvalidFilter
from services.ingest.scim.filter import And, Comparison, Filter, Not, Or, Present, ValuePath
from services.ingest.scim.folding import folded
from services.ingest.scim.schema import Attribute, ResourceType, instant
from services.ingest.store import paths
from shared.contracts.ids import is_id

_SLOT = "\x00"


@dataclass(frozen=True, slots=True)
class Condition:
    """A boolean expression over the row `resource`, with its values in order; $1: directory."""

    text: str
    values: tuple[object, ...] = ()

    def sql(self, *, first: int) -> str:
        """Return the expression with its placeholders numbered from `first` on."""
        head, *rest = self.text.split(_SLOT)
        return head + "".join(f"${first + n}{part}" for n, part in enumerate(rest))


EVERYTHING = Condition("true")
_NOTHING = Condition("false")

_OPERATORS = {
    "eq": "{x} = {v}",
    "gt": "{x} > {v}",
    "ge": "{x} >= {v}",
    "lt": "{x} < {v}",
    "le": "{x} <= {v}",
    "co": "strpos({x}, {v}) > 0",
    "sw": "starts_with({x}, {v})",
    "ew": "right({x}, length({v})) = {v}",
}
# As text, since asyncpg takes the first and last moment of Python's calendar for infinities.
_CASTS = {"timestamptz": "text::timestamptz"} | {t: t for t in ("text", "boolean", "numeric")}
_IN_ORDER = frozenset({"gt", "ge", "lt", "le"})


def compiled(
    tree: Filter, resource_type: ResourceType, others: Sequence[ResourceType] = ()
) -> Condition:
    """Return the condition for a filter. Raises InvalidFilter, as `scim.filter.resolve`."""
    return _term(filters.resolve(tree, resource_type, others), _Root(resource_type))


@dataclass(frozen=True, slots=True)
class _Presence:
    """Asks whether there is a value."""

    def inside(self, text: str) -> Condition:
        return self.on(text)

    def on(self, x: str) -> Condition:
        return Condition(f"{x} is not null")


@dataclass(frozen=True, slots=True)
class _Equation:
    """Asks how a value compares."""

    attribute: Attribute
    operator: str
    value: str | bool | int | float

    def inside(self, text: str) -> Condition:
        """Return the condition on the text of a JSON value."""
        return self.on(paths.comparable(self.attribute, text))

    def on(self, x: str) -> Condition:
        """Return the condition on a comparable value."""
        sql_type = paths.SQL_TYPES.get(self.attribute.type, "text")
        if sql_type == "text" and self.operator in _IN_ORDER:
            x = f'{x} collate "C"'
        template = _OPERATORS[self.operator]
        text = template.format(x=x, v=f"{_SLOT}::{_CASTS[sql_type]}")
        return Condition(text, (self.parameter(),) * template.count("{v}"))

    def parameter(self) -> object:
        match paths.SQL_TYPES.get(self.attribute.type):
            case "timestamptz":
                return instant(str(self.value)).astimezone(UTC).isoformat()
            case "numeric":
                return Decimal(str(self.value))
            case "boolean":
                return self.value
            case _:
                text = str(self.value)
                return text if self.attribute.case_exact else folded(text)


_Question: TypeAlias = _Presence | _Equation


@dataclass(frozen=True, slots=True)
class _Root:
    """Paths of a resource: a column where there is one, else into the document."""

    type: ResourceType

    def chain(self, path: str) -> tuple[Attribute, ...]:
        return self.type.resolve(path)

    def ask(self, path: str, question: _Question) -> Condition:
        if isinstance(question, _Equation) and (indexed := _indexed(self.type, path, question)):
            return indexed
        _refuse_computed(self.type, path)
        if column := paths.column(self.type, path):
            return question.on(column)
        if (self.type.name, path) == (USER.name, "emails.value"):
            return _any("unnest(resource.email_keys) as element (key)", question.on("element.key"))
        chain = self.chain(path)
        if chain[0].multi_valued:
            inner = _inside("element.value", chain[1:], question)
            return _any(paths.elements_of(self.type, chain[:1]), inner)
        return _inside("resource.document", chain, question)

    def any_element(self, path: str, term: Filter) -> Condition:
        chain = self.chain(path)
        scope = _Element(self.type, path, chain[-1])
        found = _any(paths.elements_of(self.type, chain), _term(term, scope))
        if (self.type.name, path) != (USER.name, "emails"):
            return found
        return _joined(" and ", [*_addresses(term, scope), found])


@dataclass(frozen=True, slots=True)
class _Element:
    """Paths of one element of a multi-valued attribute, the row `element`."""

    type: ResourceType
    path: str
    attribute: Attribute

    def chain(self, path: str) -> tuple[Attribute, ...]:
        sub = self.attribute.sub(path)
        return (sub,) if sub else ()

    def ask(self, path: str, question: _Question) -> Condition:
        _refuse_computed(self.type, f"{self.path}.{path}")
        return _inside("element.value", self.chain(path), question)

    def any_element(self, path: str, term: Filter) -> Condition:  # noqa: ARG002  # as _Root
        raise InvalidFilter(f"{path}[…] cannot stand inside another pair of brackets")


_Scope: TypeAlias = _Root | _Element


def _refuse_computed(resource_type: ResourceType, path: str) -> None:
    if paths.is_computed(resource_type, path):
        raise InvalidFilter(f'the attribute "{path}" cannot be searched')


def _term(tree: Filter, scope: _Scope) -> Condition:
    match tree:
        case Present(path):
            return scope.ask(path, _Presence())
        case Comparison():
            return _comparison(tree, scope)
        case Not(term):
            return _not(_term(term, scope))
        case And(terms):
            return _joined(" and ", [_term(term, scope) for term in terms])
        case Or(terms):
            return _joined(" or ", [_term(term, scope) for term in terms])
        case ValuePath(path, term):
            return scope.any_element(path, term)
        case _:
            assert_never(tree)


def _comparison(tree: Comparison, scope: _Scope) -> Condition:
    if tree.operator == "ne":
        return _not(_comparison(Comparison(tree.path, "eq", tree.value), scope))
    if tree.value is None:
        return _not(scope.ask(tree.path, _Presence()))
    return scope.ask(tree.path, _Equation(scope.chain(tree.path)[-1], tree.operator, tree.value))


def _not(condition: Condition) -> Condition:
    return Condition(f"({condition.text}) is not true", condition.values)


def _joined(word: str, conditions: list[Condition]) -> Condition:
    if not conditions:
        return _NOTHING
    return Condition(
        f"({word.join(f'({condition.text})' for condition in conditions)})",
        tuple(value for condition in conditions for value in condition.values),
    )


def _any(source: str, inner: Condition) -> Condition:
    return Condition(f"exists (select from {source} where {inner.text})", inner.values)


def _inside(document: str, chain: tuple[Attribute, ...], question: _Question) -> Condition:
    """Walk a chain of attributes from a JSON expression to the text of its value."""
    if not chain:
        return question.inside(f"({document} #>> '{{}}')")
    head, *rest = chain
    if head.multi_valued:
        inner = _inside("element.value", tuple(rest), question)
        return _any(paths.elements(document, (head,)), inner)
    if not rest:
        return question.inside(f"({document} ->> {paths.quoted(head.name)})")
    return _inside(paths.inside(document, (head,)), tuple(rest), question)


def _indexed(resource_type: ResourceType, path: str, question: _Equation) -> Condition | None:
    """Return the condition for `eq` on what has an index of another shape than a column."""
    if question.operator != "eq":
        return None
    if path == "id":
        return _id("resource.id = {v}", question)
    if path == f"{resource_type.apart}.value":
        apart = paths.APART[resource_type.name]
        one = f"m.directory_id = $1 and m.{apart.other} = {{v}}"
        return _id(
            f"resource.id in (select m.{apart.own} from memberships as m where {one})", question
        )
    if (resource_type.name, path) == (USER.name, "emails.value"):
        return _address(question)
    return None


def _id(template: str, question: _Equation) -> Condition:
    if not is_id(str(question.value)):
        return _NOTHING
    return Condition(template.format(v=f"{_SLOT}::uuid"), (question.value,))


def _address(question: _Equation) -> Condition:
    return Condition(f"resource.email_keys @> array[{_SLOT}::text]", (question.parameter(),))


def _addresses(term: Filter, scope: _Element) -> Iterator[Condition]:
    """Yield what brackets demand of an address by `eq`: implied by them, but with an index."""
    for each in term.terms if isinstance(term, And) else (term,):
        match each:
            case Comparison("value", "eq", str(value)):
                yield _address(_Equation(scope.chain("value")[-1], "eq", value))
