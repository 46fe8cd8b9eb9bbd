"""Declared schemas: JSON in, JSON out, and an engine that treats them as its own."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import Schema as Oracle

from services.ingest.scim import (
    adoption,
    declaration,
    discovery,
    immutable,
    normalize,
    patch,
    projection,
)
from services.ingest.scim.definitions import TYPES, USER
from services.ingest.scim.errors import InvalidValue, Mutability, ScimError
from services.ingest.scim.messages import Operation
from services.ingest.scim.schema import path_text
from shared.contracts.schemas import NewSchema
from tests.unit.ingest.scim.documents import JSON_TEXT, value
from tests.unit.ingest.scim.schemas import URN, described, extended, types

BASE = "https://rollcall.example.com/scim/v2/d1"
KEYS = st.sampled_from(["value", "type", "primary", "color", "odd"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)


def served(resource_type) -> dict:
    [found] = [each for each in discovery.schemas([resource_type], BASE) if each["id"] == URN]
    return found


@given(described)
def test_what_schemas_answers_can_be_declared_and_is_answered_again(raw: dict) -> None:
    first = served(extended(raw))

    again = served(extended(first))

    assert again == first
    assert first["meta"]["location"] == f"{BASE}/Schemas/{URN}"
    assert Oracle.model_validate(first).id == URN


@given(described)
def test_nothing_that_was_declared_is_lost(raw: dict) -> None:
    answered = served(extended(raw))

    assert answered["attributes"] == [_canonical(each) for each in raw["attributes"]]


def _canonical(attribute: dict) -> dict:
    """Return an attribute as it is answered: references and binaries compare to the letter."""
    exact = attribute["caseExact"] or attribute["type"] in {"binary", "reference"}
    parts = [_canonical(each) for each in attribute.get("subAttributes", [])]
    return attribute | {"caseExact": exact} | ({"subAttributes": parts} if parts else {})


@given(described)
def test_what_is_stored_is_read_as_it_was_declared(raw: dict) -> None:
    schema = extended(raw).extensions[-1]
    stored = json.dumps([{"resourceType": "User", "schema": discovery.described(schema)}])

    found = declaration.types(stored)

    assert found["User"].extensions == (*USER.extensions, schema)
    assert found["Group"] == TYPES["Group"]
    assert declaration.types(str(stored)) is found


@st.composite
def typed_documents(draw):
    """Draw a resource type, and what a provider might send for its declared extension."""
    resource_type = draw(types)
    extension = resource_type.attribute(URN)
    sent = {
        draw(st.sampled_from([each.name, each.name.upper()])): draw(value(each))
        for each in extension.sub_attributes
    }
    return resource_type, {"userName": "ada", URN: sent}


@given(typed_documents())
def test_normalising_twice_is_normalising_once(drawn) -> None:
    resource_type, raw = drawn
    with contextlib.suppress(InvalidValue):
        once = normalize.resource(resource_type, raw)

        assert normalize.resource(resource_type, once) == once
        assert adoption.adopted(resource_type, once) == once
        assert adoption.fitting(resource_type, once) == once


@given(typed_documents())
def test_what_leaves_is_described_and_of_its_type(drawn) -> None:
    resource_type, raw = drawn
    with contextlib.suppress(InvalidValue):
        document = normalize.resource(resource_type, raw)

        sent = projection.project(resource_type, document, None, None)

        extension = resource_type.attribute(URN)
        assert (URN in sent["schemas"]) == (URN in sent)
        for name in sent.get(URN, {}):
            assert extension.sub(name).returned in {"always", "default"}
            assert extension.sub(name).mutability not in normalize.DROPPED


@given(typed_documents())
def test_replacing_by_what_was_answered_is_never_refused(drawn) -> None:
    resource_type, raw = drawn
    with contextlib.suppress(InvalidValue):
        document = normalize.resource(resource_type, raw)

        assert immutable.kept(resource_type, document, document) == document
        for chain in resource_type.immutable:
            kept = immutable.kept(resource_type, document, {"userName": "ada"})
            assert (URN in kept) <= (URN in document), path_text(chain)


@st.composite
def odd_documents(draw):
    """Draw a resource type, a document that is older than its schema, and a change of it."""
    resource_type = draw(types)
    names = st.sampled_from([each.name for each in resource_type.attribute(URN).sub_attributes])
    stored = draw(st.dictionaries(names, JSON, max_size=3) | JSON)
    path = draw(st.sampled_from([URN, None]) | names.map(lambda name: f"{URN}:{name}"))
    change = Operation(draw(st.sampled_from(["add", "replace", "remove"])), path, draw(JSON))
    return resource_type, {"userName": "ada", "active": True, URN: stored}, change


@settings(max_examples=200)
@given(odd_documents())
def test_any_stored_value_is_served_and_changed_without_a_crash(drawn) -> None:
    resource_type, document, change = drawn

    projection.project(resource_type, document, None, None)
    projection.project(resource_type, document, frozenset({URN}), None)
    off = patch.apply(resource_type, document, [Operation("replace", "active", value=False)])
    assert off["active"] is False
    with contextlib.suppress(ScimError):
        after = patch.apply(resource_type, document, [change])
        projection.project(resource_type, after, None, None)


def declared(*attributes: dict) -> object:
    return extended({"id": URN, "name": "Any", "attributes": list(attributes)})


def test_a_misfit_stays_stored_when_something_else_changes() -> None:
    kind = declared({"name": "floor", "type": "integer"}, {"name": "color"})
    document = {"userName": "ada", "active": True, URN: {"floor": "top", "COLOR": "red"}}

    after = patch.apply(kind, document, [Operation("add", "title", "Lead")])

    assert after[URN] == {"floor": "top", "color": "red"}
    assert projection.project(kind, after, None, None)[URN] == {"color": "red"}


def test_a_part_that_is_immutable_is_kept_within_what_is_replaced() -> None:
    part = {"name": "key", "mutability": "immutable"}
    kind = declared({"name": "lock", "type": "complex", "subAttributes": [part, {"name": "x"}]})
    before = {"userName": "ada", URN: {"lock": {"key": "a", "x": "1"}}}

    kept = immutable.kept(kind, before, {"userName": "ada", URN: {"lock": {"x": "2"}}})

    assert kept[URN] == {"lock": {"key": "a", "x": "2"}}
    with pytest.raises(Mutability, match=r"lock\.key"):
        immutable.kept(kind, before, {"userName": "ada", URN: {"lock": {"key": "b"}}})


def test_an_immutable_list_may_come_in_another_order() -> None:
    kind = declared({"name": "keys", "multiValued": True, "mutability": "immutable"})
    before = {"userName": "ada", URN: {"keys": ["a", "b"]}}

    immutable.checked(kind, before, {"userName": "ada", URN: {"keys": ["b", "a"]}})
    with pytest.raises(Mutability):
        immutable.checked(kind, before, {"userName": "ada", URN: {"keys": ["b"]}})


@pytest.mark.parametrize(
    ("kind", "raw", "canonical"),
    [
        ("integer", "0042", 42), ("integer", 3.0, 3), ("integer", " -7 ", -7), ("integer", 0, 0),
        ("decimal", 2, 2.0), ("decimal", "1e3", 1000.0), ("decimal", "-0.5", -0.5),
        ("dateTime", "2026-03-01T10:30:00+01:00", "2026-03-01T09:30:00Z"),
        ("dateTime", "2026-03-01T09:30:00.250", "2026-03-01T09:30:00.250000Z"),
        ("binary", "YW\nJj", "YWJj"),
        ("binary", "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n", "YWJj"),
    ],
)  # fmt: skip
def test_a_value_becomes_what_its_type_says(kind: str, raw: object, canonical: object) -> None:
    resource_type = declared({"name": "x", "type": kind})

    document = normalize.resource(resource_type, {"userName": "ada", URN: {"x": raw}})

    assert document[URN] == {"x": canonical}
    assert type(document[URN]["x"]) is type(canonical)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"id": "URN:IETF:params:scim:schemas:core:2.0:Thing"}, "core of SCIM"),
        ({"id": "urn:ietf:params:scim:api:messages:2.0:Thing"}, "core of SCIM"),
        ({"id": "urn:scim:schemas:extension:enterprise:1.0"}, "is taken"),
        ({"name": "GROUP"}, "another schema"),
        ({"id": URN}, None),
    ],
)
def test_names_of_others_are_refused(wanted: dict, reason: str | None) -> None:
    schema = declaration.schema(
        {"id": URN, "name": "Any", "description": "", "attributes": []} | wanted
    )

    said = declaration.clash(schema, TYPES)

    assert (said is None) if reason is None else reason in said


def test_a_contract_fills_in_what_the_rfc_gives_as_defaults() -> None:
    one = NewSchema.model_validate({"id": URN, "name": "Any", "attributes": [{"name": "x"}]})

    assert one.model_dump(by_alias=True)["attributes"] == (
        {
            "name": "x", "type": "string", "multiValued": False, "description": "",
            "required": False, "caseExact": False, "mutability": "readWrite",
            "returned": "default", "uniqueness": "none",
        },
    )  # fmt: skip
