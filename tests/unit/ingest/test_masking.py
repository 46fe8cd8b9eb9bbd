"""What is kept of a request says what was wrong with it, and nothing about a person."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain import masking

MARK = "ma-rk@ed "
KEPT_ID = "6e54ac52-1f9b-4d2c-8d0c-8c4a37e3aab1"
secrets = st.text(max_size=30).map(lambda tail: f"{MARK}{tail}")
names = st.sampled_from(
    ["userName", "displayName", "emails", "value", "password", "name", "id", "externalId", "$ref",
     "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "Operations", "path", "type",
     "schemas", "op", "members", "method", "clientSecret"]
)  # fmt: skip
leaves = st.one_of(secrets, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False))
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=12) | st.dictionaries(st.one_of(names, secrets), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(documents)
def test_no_value_of_a_person_survives_in_a_document(document: Any) -> None:
    assert MARK.strip() not in json.dumps(masking.document(document), ensure_ascii=False)


@given(secrets, st.sampled_from(["userName eq {}", "emails[value co {}]", "{}", "not ({} pr)"]))
def test_no_value_of_a_person_survives_in_a_filter(secret: str, shape: str) -> None:
    for value in (secret, json.dumps(secret)):
        text = shape.format(value)
        for shown in (
            masking.filter_text(text),
            masking.path(text),
            masking.path(f"members[{text}"),
        ):
            assert MARK.strip() not in shown


@given(st.text(max_size=200))
def test_any_text_can_be_masked(text: str) -> None:
    for mask in (masking.filter_text, masking.path, masking.query, masking.url_path, masking.text):
        assert len(mask(text)) <= 4 * len(text) + 20


@given(documents, secrets)
def test_no_value_of_a_person_survives_in_the_answers_detail(document: Any, secret: str) -> None:
    answer = f"The value of userName cannot be accepted: {secret[:100]} is taken, 409."
    sent = {"userName": secret, "more": document}

    assert MARK.strip() not in masking.detail(answer, sent, "/Users")


def test_a_detail_keeps_its_own_words() -> None:
    detail = "There is no User with the id ada@globex.test. Look it up with a filter."

    shown = masking.detail(detail, {"op": "add", "type": "work"}, "/Users/ada%40globex.test")

    assert shown == "There is no User with the id a…t (15). Look it up with a filter."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("magdalena kovac", "m…c (15)"),
        (" Kovac-Reyes", "␠…s (12)"),
        ("Kovac\x00", "K…� (6)"),
        ("Ada", "… (3)"),
        ("", ""),
        ("  ", "(2 blank)"),
    ],
)
def test_a_masked_text_shows_its_ends_and_its_length(value: str, shown: str) -> None:
    assert masking.text(value) == shown


def test_the_shape_of_a_patch_stays() -> None:
    operations = [
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ada@globex.test"},
        {"op": "replace", "path": 'emails[value eq "ada@globex.test"].type', "value": "home"},
        {"op": "replace", "path": "password", "value": {"value": "hunter"}},
        {"op": "Add", "value": {"name.givenName": "Adalind", "active": "False"}},
        {"op": "add", "path": "members", "value": [{"value": KEPT_ID}]},
    ]

    shown = masking.document({"Operations": operations})["Operations"]

    assert shown == [
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "a…t (15)"},
        {"op": "replace", "path": 'emails[value eq "a…t (15)"].type', "value": "home"},
        {"op": "replace", "path": "password", "value": "(hidden)"},
        {"op": "Add", "value": {"name.givenName": "A…d (7)", "active": "False"}},
        {"op": "add", "path": "members", "value": [{"value": KEPT_ID}]},
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('userName eq "ada@globex.test"', 'userName eq "a…t (15)"'),
        ("externalId eq jdoe1234", "externalId eq j…4 (8)"),
        ("nope eq 1", "nope eq … (1)"),
        ('emails[type eq "work"].value eq "a@b.test"', 'emails[type eq "work"].value eq "a…t (8)"'),
        ("active eq true and not (title pr)", "active eq true and not (title pr)"),
        ('userName eq "never closed', 'userName eq "n…d (12)"'),
        (f'members.value eq "{KEPT_ID}"', f'members.value eq "{KEPT_ID}"'),
    ],
)
def test_a_filter_keeps_its_names_and_operators(text: str, shown: str) -> None:
    assert masking.filter_text(text) == shown


def test_an_address_keeps_endpoints_ids_and_known_parameters() -> None:
    lookup = "filter=userName+eq+%22ada%40globex.test%22&startIndex=1&count=100"
    query = f"{lookup}&token=abcdefgh&x=adalind&"

    assert masking.url_path(f"/Users/{KEPT_ID}") == f"/Users/{KEPT_ID}"
    assert masking.url_path("/Users/.search") == "/Users/.search"
    assert masking.url_path("/Users/ada%40globex.test") == "/Users/a…t (15)"
    assert masking.query(query) == (
        'filter=userName eq "a…t (15)"&startIndex=1&count=100&… (5)=(hidden)&… (1)=a…d (7)'
    )


def test_a_large_document_is_cut_with_a_count() -> None:
    members = [{"value": KEPT_ID} for _ in range(10_000)]
    wide = {f"attribute{number}": "magdalena kovac" for number in range(5_000)}

    shown = masking.document({"members": members, "wide": wide})

    assert shown["members"][10:] == ["… 9,990 more"]
    assert shown["wide"]["…"].endswith(" more")
    assert len(json.dumps(shown, ensure_ascii=False).encode()) <= 16 * 1024


def test_a_deep_document_is_cut() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]

    assert json.dumps(masking.document(deep), ensure_ascii=False).count("[") < 20
