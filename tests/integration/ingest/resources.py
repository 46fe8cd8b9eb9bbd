"""Strategies for the oracle: canonical resources of every type of attribute, filters over them.

Values come from small pools of odd texts, so that filters hit: letters whose case depends on the
locale, composed and decomposed, pattern characters, quotes, and what sorts differently by bytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from services.ingest.scim import filter as filters
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.folding import folded
from services.ingest.scim.schema import Attribute, ResourceType, Schema, instant, path_text

_NUMBERS = [-7, 0, 3, 12, 12.5, 1e3, 2**40, 0.1]
EXTENSION = Schema(
    id="urn:example:params:scim:schemas:Oddities:2.0:User",
    name="Oddities",
    description="Every type that the core schemas lack.",
    attributes=(
        Attribute("badge", type="integer"),
        Attribute("score", type="decimal"),
        Attribute("since", type="dateTime"),
        Attribute("isOdd", type="boolean"),
        Attribute("code", case_exact=True),
        Attribute("tags", multi_valued=True),
        Attribute("levels", type="integer", multi_valued=True),
        Attribute(
            "desks",
            type="complex",
            multi_valued=True,
            sub_attributes=(
                Attribute("value"),
                Attribute("floor", type="integer"),
                Attribute("since", type="dateTime"),
            ),
        ),
    ),
)
ODD_USER = replace(USER, extensions=(*USER.extensions, EXTENSION))
TYPES = {each.name: each for each in (ODD_USER, GROUP)}

_WORDS = ["a", "A", "b", "a%", "_b", "\\", '"', "'{0}$1", "work", "Work"]
_LETTERS = ["É", "é", "E\u0301", "İ", "\u0131", *"\u03a3\u03c3\u03c2", "ẞ", "\u212a", "k", "𐐀", "𐐨"]
_ODD = ["J\u030c", "\u01f0", "\u1e9b\u0323", "日", "👩\u200d🚀", "\t", "~"]
_SINGLE = st.sampled_from([*_WORDS, *_LETTERS, *_ODD])
TEXTS = (_SINGLE | st.lists(_SINGLE, min_size=2, max_size=3).map("".join)).filter(str.strip)
MOMENTS = st.sampled_from(
    [
        "2026-03-01T09:30:00Z",
        "2026-03-01T10:30:00+01:00",
        "2026-03-01T09:30:00",
        "2026-03-01T09:30:00.123Z",
        "2026-03-01T09:30:00.1234567Z",
        "2026-03-01T04:00:00.123456-05:30",
        "1999-12-31T23:59:59.999999+14:00",
    ]
)
_BY_TYPE = {
    "boolean": st.booleans(),
    "dateTime": MOMENTS,
    "integer": st.sampled_from([each for each in _NUMBERS if isinstance(each, int)]),
    "decimal": st.sampled_from(_NUMBERS),
}
# Those that are stored, typed or compared in ways of their own; `roles` stands for the others.
_FEATURED = frozenset(
    {"schemas", "id", "externalId", "meta", "userName", "displayName", "title", "active", "name"}
    | {"emails", "photos", "roles", "x509Certificates", "groups", "members"}
    | {each.id for each in ODD_USER.extensions}
)
_UNSTORED = frozenset({"id", "meta", "schemas", "groups", "members", "password"})
_UNSORTABLE = {"complex", "binary"}
_EQUALITY = ["eq", "ne"]
_ORDER = [*_EQUALITY, "gt", "ge", "lt", "le"]
_TEXT = [*_ORDER, "co", "sw", "ew"]
_OPERATORS = {"boolean": _EQUALITY, "binary": _EQUALITY} | dict.fromkeys(
    ("dateTime", "integer", "decimal"), _ORDER
)


def _one(attribute: Attribute) -> st.SearchStrategy:
    if attribute.type != "complex":
        return _BY_TYPE.get(attribute.type, TEXTS)
    subs = {each.name: value(each) for each in attribute.sub_attributes}
    chosen = st.lists(st.sampled_from(sorted(subs)), min_size=1, max_size=2, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: subs[name] for name in names}))


def value(attribute: Attribute) -> st.SearchStrategy:
    """Return canonical values of an attribute."""
    one = _one(attribute)
    return st.lists(one, min_size=1, max_size=2) if attribute.multi_valued else one


@st.composite
def documents(draw, resource_type: ResourceType) -> dict:
    """Draw what is stored of a resource: a name, and some other attributes."""
    known = [each for each in _featured(resource_type) if each.name not in _UNSTORED]
    chosen = draw(st.sets(st.sampled_from([each.name for each in known]), max_size=5))
    document = {each.name: draw(value(each)) for each in known if each.name in chosen}
    named = {resource_type.key: draw(TEXTS)}
    if resource_type.name == USER.name:
        named["active"] = draw(st.booleans())
    return document | named


def _featured(resource_type: ResourceType) -> list[Attribute]:
    return [each for each in resource_type.attributes if each.name in _FEATURED]


def _searchable(resource_type: ResourceType) -> list[tuple[Attribute, ...]]:
    """Return the ways to every attribute that a filter may name, at any depth."""
    unknown = {"meta.location", "meta.version", "password", f"{resource_type.apart}.$ref"}
    ways, todo = [], [(each,) for each in _featured(resource_type)]
    while todo:
        way = todo.pop()
        todo += [(*way, sub) for sub in way[-1].sub_attributes]
        if path_text(way) not in unknown:
            ways.append(way)
    return ways


@st.composite
def _paths(draw, way: tuple[Attribute, ...], resource_type: ResourceType) -> str:
    path = path_text(way)
    if ":" not in path and way[0] in resource_type.schema.attributes and draw(st.booleans()):
        path = f"{resource_type.schema.id}:{path}"
    return draw(st.sampled_from([path, path.upper(), path.lower()]))


@st.composite
def _tests(draw, way: tuple[Attribute, ...], path: str) -> filters.Filter:
    attribute = way[-1]
    if attribute.type == "complex":
        attribute = attribute.sub("value")
    if attribute is None or draw(st.integers(0, 5)) == 0:
        return filters.Present(path)
    operator = draw(st.sampled_from(_OPERATORS.get(attribute.type, _TEXT)))
    literals = _BY_TYPE.get(attribute.type, _SINGLE | TEXTS | st.sampled_from(_NUMBERS))
    if operator in _EQUALITY:
        literals |= st.none()
    return filters.Comparison(path, operator, draw(literals))


@st.composite
def _value_paths(draw, way: tuple[Attribute, ...], path: str) -> filters.Filter:
    subs = st.sampled_from([each for each in way[-1].sub_attributes if each.name != "$ref"])
    tests = subs.flatmap(lambda sub: _tests((sub,), sub.name))
    return filters.ValuePath(path, draw(st.recursive(tests, _larger, max_leaves=3)))


@st.composite
def _leaves(draw, type_name: str) -> filters.Filter:
    resource_type = TYPES[type_name]
    way = draw(st.sampled_from(_searchable(resource_type)))
    path = draw(_paths(way, resource_type))
    has_elements = way[-1].multi_valued and way[-1].sub_attributes
    test = _value_paths if has_elements and draw(st.booleans()) else _tests
    return draw(test(way, path))


def _larger(terms: st.SearchStrategy) -> st.SearchStrategy:
    several = st.lists(terms, min_size=2, max_size=3).map(tuple)
    return (
        st.builds(filters.Not, terms)
        | st.builds(filters.And, several)
        | st.builds(filters.Or, several)
    )


def sortable(resource_type: ResourceType) -> list[tuple[Attribute, ...]]:
    """Return the ways to every attribute that resources can be sorted by."""
    return [each for each in _searchable(resource_type) if _sorted_by(each).type not in _UNSORTABLE]


def _sorted_by(way: tuple[Attribute, ...]) -> Attribute:
    return way[-1].sub("value") or way[-1]


def sort_value(resource_type: ResourceType, document: dict, path: str) -> Any:
    """Return what a resource is sorted by: of several elements the primary, else the first."""
    found: Any = document
    for attribute in (way := resource_type.resolve(path)):
        found = found.get(attribute.name) if found else None
        if isinstance(found, list):
            found = next((each for each in found if _is_primary(each)), found[0])
    if isinstance(found, dict):
        found = found.get("value")
    return comparable(_sorted_by(way), found) if way and found is not None else None


def _is_primary(element: Any) -> bool:
    return isinstance(element, dict) and element.get("primary") is True


def comparable(attribute: Attribute, found: Any) -> Any:
    """Return a value in the form that decides its order."""
    if attribute.type == "dateTime":
        return instant(found)
    is_folded = isinstance(found, str) and not attribute.case_exact
    return folded(found) if is_folded else found


def near(documents: list[dict], resource_type: ResourceType, random: Random) -> filters.Filter:
    """Return a filter on a value that is there, or nearly: what hits nothing proves little."""
    known = {path_text(way) for way in _searchable(resource_type)}
    there = [
        (way, found)
        for document in documents
        for way, found in _values((), document, resource_type.attribute)
        if path_text(way) in known
    ]
    way, found = random.choice(there)
    operator = random.choice(_OPERATORS.get(way[-1].type, _TEXT))
    is_text = way[-1].type not in _OPERATORS
    test = filters.Comparison("", operator, _nearly(found, random) if is_text else found)
    if len(way) > 1 and way[-2].multi_valued and random.random() < 0.3:
        inner = replace(test, path=way[-1].name)
        return filters.ValuePath(path_text(way[:-1]), random.choice([inner, filters.Not(inner)]))
    return replace(test, path=path_text(way))


def _values(
    way: tuple[Attribute, ...], document: dict, find: Callable[[str], Attribute | None]
) -> Iterator[tuple[tuple[Attribute, ...], Any]]:
    """Yield the way to each simple value, and the value."""
    for name, found in document.items():
        attribute = find(name)
        for each in found if isinstance(found, list) else [found]:
            here = (*way, attribute)
            if isinstance(each, dict):
                yield from _values(here, each, attribute.sub)
            else:
                yield here, each


def _nearly(text: str, random: Random) -> str:
    middle = len(text) // 2
    return random.choice(
        [
            *(text, text.upper(), text.lower(), text.swapcase(), text[:1], text[-1:], text[1:]),
            *(f"{text[:middle]}{sign}{text[middle + 1 :]}" for sign in "%_\\"),
            *(f"{text}{sign}" for sign in "%_ "),
        ]
    )


def searches(resource_type: ResourceType) -> st.SearchStrategy:
    """Return filters over the whole grammar that fit the type."""
    return st.recursive(_leaves(resource_type.name), _larger, max_leaves=4)
