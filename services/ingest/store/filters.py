"""Filter tree → SQL condition with bound parameters; paths become columns or document lookups.

Every term is two-valued (`coalesce(…, false)`), so that `not` and `ne` also hold for what is
unassigned, as in `scim.filter.matches`, which says what each filter means.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from services.ingest.scim import filter as filters
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import InvalidFilter
from services.ingest.scim.filter import (
    And,
    Comparison,
    Filter,
    Literal,
    Not,
    Or,
    Present,
    ValuePath,
)
from services.ingest.scim.schema import Attribute, ResourceType, folded, instant
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


def compiled(tree: Filter, resource_type: ResourceType) -> Condition:
    """Return the condition for a filter. Raises InvalidFilter, as `scim.filter.resolve`."""
    return _term(filters.resolve(tree, resource_type), _Root(resource_type))


@dataclass(frozen=True, slots=True)
class _Presence:
    """Asks whether there is a value."""

    def on(self, x: str, *, is_folded: bool = False) -> Condition:  # noqa: ARG002  # as _Equation
        return Condition(f"({x} is not null)")


@dataclass(frozen=True, slots=True)
class _Equation:
    """Asks how a value compares."""

    attribute: Attribute
    operator: str
    value: str | bool | int | float

    def on(self, x: str, *, is_folded: bool = False) -> Condition:
        """Return the condition on an expression of the attribute's type."""
        if self.attribute.type == "dateTime":
            return self._applied(f"({x})::timestamptz", f"{_SLOT}::timestamptz",
                                 instant(str(self.value)))  # fmt: skip
        text = str(self.value).lower() if isinstance(self.value, bool) else str(self.value)
        if self.attribute.type != "boolean" and not self.attribute.case_exact:
            x, text = x if is_folded else f"lower({x})", folded(text)
        return self._applied(f'{x} collate "C"', f"{_SLOT}::text", text)

    def _applied(self, x: str, v: str, parameter: object) -> Condition:
        template = _OPERATORS[self.operator]
        text = f"coalesce({template.format(x=x, v=v)}, false)"
        return Condition(text, (parameter,) * template.count("{v}"))


_Question: TypeAlias = _Presence | _Equation
_Column: TypeAlias = Callable[[_Question], Condition]


@dataclass(frozen=True, slots=True)
class _Root:
    """Paths of a resource: a column where there is one, else into the document."""

    type: ResourceType

    def chain(self, path: str) -> tuple[Attribute, ...]:
        return self.type.resolve(path)

    def ask(self, path: str, question: _Question) -> Condition:
        column = _COLUMNS.get((self.type.name, path)) or _COLUMNS.get(("", path))
        if column:
            return column(question)
        return _inside("resource.document", self.chain(path), question)

    def any_element(self, path: str, term: Filter) -> Condition:
        chain = self.chain(path)
        source = _RELATED.get((self.type.name, path)) or _array("resource.document", chain)
        return _any(source, _term(term, _Element(chain[-1])))


@dataclass(frozen=True, slots=True)
class _Element:
    """Paths of one element of a multi-valued attribute, the row `element`."""

    attribute: Attribute

    def chain(self, path: str) -> tuple[Attribute, ...]:
        sub = self.attribute.sub(path)
        return (sub,) if sub else ()

    def ask(self, path: str, question: _Question) -> Condition:
        return _inside("element.value", self.chain(path), question)

    def any_element(self, path: str, term: Filter) -> Condition:  # noqa: ARG002  # as _Root
        raise InvalidFilter(f"{path}[…] cannot stand inside another pair of brackets")


_Scope: TypeAlias = _Root | _Element


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
    value: Literal = tree.value
    if value is None:
        return _not(scope.ask(tree.path, _Presence()))
    attribute = scope.chain(tree.path)[-1]
    return scope.ask(tree.path, _Equation(attribute, tree.operator, value))


def _not(condition: Condition) -> Condition:
    return Condition(f"not ({condition.text})", condition.values)


def _joined(word: str, conditions: list[Condition]) -> Condition:
    return Condition(
        f"({word.join(condition.text for condition in conditions)})",
        tuple(value for condition in conditions for value in condition.values),
    )


def _inside(document: str, chain: tuple[Attribute, ...], question: _Question) -> Condition:
    """Walk a chain of attributes from a jsonb expression to the text of its value."""
    head, *rest = chain
    if head.multi_valued:
        inner = (
            _inside("element.value", tuple(rest), question)
            if rest
            else question.on("(element.value #>> '{}')")
        )
        return _any(_array(document, (head,)), inner)
    if not rest:
        return question.on(f"({document} ->> {_quoted(head.name)})")
    return _inside(f"({document} -> {_quoted(head.name)})", tuple(rest), question)


def _array(document: str, chain: tuple[Attribute, ...]) -> str:
    for attribute in chain:
        document = f"({document} -> {_quoted(attribute.name)})"
    return f"jsonb_array_elements(coalesce({document}, '[]')) as element (value)"


def _any(source: str, inner: Condition) -> Condition:
    return Condition(f"exists (select from {source} where {inner.text})", inner.values)


def _quoted(name: str) -> str:
    # Names come from the schema table, never from the request.
    return "'" + name.replace("'", "''") + "'"


def _id(question: _Question) -> Condition:
    match question:
        case _Equation(operator="eq", value=str(value)):
            return Condition(f"resource.id = {_SLOT}::uuid", (value,)) if is_id(value) else _NOTHING
        case _:
            return question.on("resource.id::text")


def _name(question: _Question) -> Condition:
    return question.on("resource.name_key", is_folded=True)


def _column(expression: str) -> _Column:
    return lambda question: question.on(expression)


def _members(own: str, other: str) -> str:
    """Return memberships in the shape of elements of `members` or `groups`."""
    return (
        f"(select jsonb_build_object('value', m.{other}) as value from memberships as m"
        f" where m.directory_id = $1 and m.{own} = resource.id) as element"
    )


def _related(own: str, other: str) -> _Column:
    """Return how to ask for ids on the other side; one id by the index of memberships."""

    def ask(question: _Question) -> Condition:
        match question:
            case _Equation(operator="eq", value=str(value)) if is_id(value):
                one = f"memberships as m where m.directory_id = $1 and m.{own} = resource.id"
                return Condition(
                    f"exists (select from {one} and m.{other} = {_SLOT}::uuid)", (value,)
                )
            case _:
                return _any(_members(own, other), question.on("(element.value ->> 'value')"))

    return ask


_COLUMNS: Mapping[tuple[str, str], _Column] = {
    ("", "id"): _id,
    ("", "externalId"): _column("resource.external_id"),
    ("", "meta.created"): _column("resource.created_at"),
    ("", "meta.lastModified"): _column("resource.updated_at"),
    (USER.name, "userName"): _name,
    (GROUP.name, "displayName"): _name,
    (USER.name, "groups"): _related("user_id", "group_id"),
    (USER.name, "groups.value"): _related("user_id", "group_id"),
    (GROUP.name, "members"): _related("group_id", "user_id"),
    (GROUP.name, "members.value"): _related("group_id", "user_id"),
}
_RELATED: Mapping[tuple[str, str], str] = {
    (USER.name, "groups"): _members("user_id", "group_id"),
    (GROUP.name, "members"): _members("group_id", "user_id"),
}
