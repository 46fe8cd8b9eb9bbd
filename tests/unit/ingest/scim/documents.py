"""Strategies driven by the schema table: what providers might send, filters, operations."""

import base64

from hypothesis import strategies as st

from services.ingest.scim import filter as filters
from services.ingest.scim import normalize
from services.ingest.scim.definitions import ENTERPRISE_SCHEMA, USER
from services.ingest.scim.messages import Operation
from services.ingest.scim.schema import Attribute

ENTERPRISE = ENTERPRISE_SCHEMA.id
JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
ASSIGNED_TEXT = JSON_TEXT.filter(str.strip)
NOTHING = st.sampled_from([None, "", " ", [], {}])
WORDS = st.sampled_from(["work", "home", "Work", "x", "ada@example.com", "ADA@example.com"])


_SIMPLE = {
    "boolean": st.sampled_from([True, False, "True", "false", " TRUE "]),
    "integer": st.integers(-(2**63) + 1, 2**63 - 1) | st.sampled_from(["7", " 007 ", 3.0]),
    "decimal": st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["0.5", 7]),
    "dateTime": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
    | st.sampled_from(["2026-03-01T09:30:00+02:00", "2026-03-01T09:30:00.25"]),
    "binary": st.binary(min_size=1).map(lambda raw: base64.b64encode(raw).decode()),
}


def _writable(attributes):
    return [each for each in attributes if each.mutability not in normalize.DROPPED]


def _one(attribute: Attribute) -> st.SearchStrategy:
    if attribute.type in _SIMPLE:
        return _SIMPLE[attribute.type]
    if attribute.type == "complex":
        subs = {each.name: value(each) for each in _writable(attribute.sub_attributes)}
        return st.fixed_dictionaries({}, optional=subs | {"madeUp": JSON_TEXT})
    return WORDS | JSON_TEXT | st.integers(0, 99)


def value(attribute: Attribute) -> st.SearchStrategy:
    """Return what a provider might send for an attribute: also nothing, also one for many."""
    several = st.lists(_one(attribute), max_size=3) if attribute.multi_valued else st.nothing()
    return NOTHING | several | _one(attribute)


def _names(attribute: Attribute) -> st.SearchStrategy:
    return st.sampled_from([attribute.name, attribute.name.upper(), *attribute.aliases])


@st.composite
def raw_users(draw) -> dict:
    """Draw a body as a provider might send it: a userName, any other attributes, odd names."""
    attributes = draw(st.lists(st.sampled_from(_writable(USER.attributes)), max_size=6))
    body = {draw(_names(each)): draw(value(each)) for each in attributes}
    made_up = draw(st.dictionaries(st.sampled_from(["user_mobile", "costume"]), JSON_TEXT))
    others = {key: each for key, each in body.items() if key.lower() != "username"}
    return {**others, **made_up, "userName": draw(ASSIGNED_TEXT)}


users = raw_users().map(lambda raw: normalize.resource(USER, raw))

PATHS = {
    "title": WORDS,
    "active": st.booleans(),
    "name": st.fixed_dictionaries({}, optional={"givenName": WORDS, "familyName": NOTHING | WORDS}),
    "name.givenName": WORDS,
    "NAME.FAMILYNAME": NOTHING | WORDS,
    "emails": value(USER.attribute("emails")),
    'emails[type eq "work"].value': WORDS,
    'emails[type eq "home" and value eq "x"].primary': st.booleans(),
    "phoneNumbers": value(USER.attribute("phoneNumbers")),
    ENTERPRISE: st.fixed_dictionaries({}, optional={"department": WORDS, "manager": WORDS}),
    f"{ENTERPRISE}:manager": WORDS | st.fixed_dictionaries({"value": WORDS}),
    f"{ENTERPRISE}:manager.value": WORDS,
}
REMOVABLE = [*PATHS, 'emails[type eq "work"]', "emails.primary", "addresses"]


def _writes(path: str) -> st.SearchStrategy:
    values = PATHS[path]
    explicit = st.builds(Operation, st.sampled_from(["add", "replace"]), st.just(path), values)
    whole = st.fixed_dictionaries({path: values})
    return explicit | st.builds(Operation, st.sampled_from(["add", "replace"]), st.none(), whole)


writes = st.sampled_from(sorted(PATHS)).flatmap(_writes)
removals = st.builds(Operation, st.just("remove"), st.sampled_from(REMOVABLE))
operations = writes | removals

_LITERALS = (
    JSON_TEXT | st.booleans() | st.none() | st.integers() | st.floats(allow_nan=False, width=32)
).filter(lambda literal: literal not in (float("inf"), float("-inf")))
_PATHS = st.sampled_from(
    [
        "userName",
        "name.familyName",
        "emails",
        "emails.type",
        "made_up-1",
        f"{ENTERPRISE}:department",
        f"{ENTERPRISE}:manager.$ref",
        ENTERPRISE,
    ]
)
_OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])


def _larger(terms: st.SearchStrategy) -> st.SearchStrategy:
    several = st.lists(terms, min_size=2, max_size=3).map(tuple)
    return (
        st.builds(filters.Not, terms)
        | st.builds(filters.And, several)
        | st.builds(filters.Or, several)
        | st.builds(filters.ValuePath, _PATHS, terms)
    )


trees = st.recursive(
    st.builds(filters.Present, _PATHS)
    | st.builds(filters.Comparison, _PATHS, _OPERATORS, _LITERALS),
    _larger,
    max_leaves=8,
)
"""Filters of any shape."""

_ADDRESSES = st.sampled_from(["ada@example.com", "ADA@example.com", "b@example.com"])
_EQUALITY = st.sampled_from(["eq", "ne"])
_KNOWN = (
    st.builds(filters.Comparison, st.just("userName"), _OPERATORS, WORDS)
    | st.builds(filters.Comparison, st.just("title"), _EQUALITY, WORDS | st.none())
    | st.builds(filters.Comparison, st.just("active"), _EQUALITY, st.booleans())
    | st.builds(
        filters.Comparison, st.sampled_from(["emails.value", "emails"]), _OPERATORS, _ADDRESSES
    )
    | st.builds(filters.Present, st.sampled_from(["title", "emails", "name", "name.givenName"]))
    | st.builds(
        filters.ValuePath,
        st.just("emails"),
        st.builds(filters.Comparison, st.just("value"), _OPERATORS, _ADDRESSES)
        | st.builds(
            filters.Comparison, st.just("type"), _EQUALITY, st.sampled_from(["work", "home"])
        ),
    )
)
user_filters = st.recursive(
    _KNOWN,
    lambda terms: (
        st.builds(filters.Not, terms)
        | st.builds(filters.And, st.tuples(terms, terms))
        | st.builds(filters.Or, st.tuples(terms, terms))
    ),
    max_leaves=4,
)
"""Filters that fit a User."""
