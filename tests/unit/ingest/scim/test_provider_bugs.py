"""Bugs that other servers shipped, as far as the engine decides them: each row stays fixed."""

import pytest

from services.ingest.scim import filter as filters
from services.ingest.scim import normalize, patch, projection
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import InvalidFilter
from services.ingest.scim.patch import MemberEdits

NIGHT_SHIFT = {"displayName": "Night shift"}


def members_after(*steps: dict) -> MemberEdits:
    """Play a PATCH body as it comes over the wire."""
    return patch.apply_to_group(
        GROUP, NIGHT_SHIFT, normalize.operations({"Operations": list(steps)})
    ).members


def test_removing_one_member_does_not_empty_the_group() -> None:
    step = {"op": "remove", "path": "members", "value": [{"value": "u1"}]}

    assert members_after(step) == MemberEdits(removed=frozenset({"u1"}))


def test_a_remove_with_a_value_is_not_an_unknown_field() -> None:
    step = {"value": [{"$ref": None, "value": "u1"}], "op": "Remove", "path": "members"}

    assert members_after(step).removed == {"u1"}


def test_a_filtered_remove_does_something() -> None:
    assert members_after({"op": "remove", "path": 'members[value eq "u1"]'}).removed == {"u1"}


def test_an_add_does_not_replace_the_list() -> None:
    step = {"op": "add", "path": "members", "value": [{"value": "u1"}]}

    assert members_after(step).cleared is False


def test_adding_a_member_twice_is_adding_it_once() -> None:
    step = {"op": "add", "path": "members", "value": [{"value": "u1"}, {"value": "u1"}]}

    assert members_after(step, step).added == ("u1",)


def test_an_empty_group_can_be_pushed() -> None:
    assert members_after({"op": "replace", "path": "members", "value": []}) == MemberEdits(True)


def test_a_group_can_be_patched_without_a_path() -> None:
    step = {"op": "replace", "value": {"members": [{"value": "u1", "display": "Ada"}]}}

    assert members_after(step) == MemberEdits(cleared=True, added=("u1",))


def test_members_need_no_display_and_bodies_no_schemas() -> None:
    assert normalize.group(GROUP, {"displayName": "Night shift", "members": [{"value": "u1"}]}) == (
        NIGHT_SHIFT,
        ("u1",),
    )


def test_deprovisioning_by_text_deactivates() -> None:
    body = {"userName": "ada", "active": "False"}
    steps = normalize.operations(
        {"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    )

    assert normalize.resource(USER, body)["active"] is False
    assert patch.apply(USER, {"userName": "ada", "active": True}, steps)["active"] is False


def test_an_id_that_the_client_sends_is_not_honoured() -> None:
    assert "id" not in normalize.resource(USER, {"id": "someone-else", "userName": "ada"})


def test_a_user_name_keeps_its_case_and_is_found_in_any() -> None:
    document = normalize.resource(USER, {"userName": "Ada@Example.COM"})

    assert document["userName"] == "Ada@Example.COM"
    assert filters.matches(filters.parse('userName eq "ada@example.com"'), document, USER)


def test_an_inactive_user_is_found() -> None:
    document = normalize.resource(USER, {"userName": "ada", "active": False})

    assert filters.matches(filters.parse('userName eq "ada"'), document, USER)


@pytest.mark.parametrize("text", ['nickname2 eq "x"', 'userName like "x"', "userName"])
def test_a_filter_that_is_not_understood_is_an_error_and_no_empty_list(text: str) -> None:
    with pytest.raises(InvalidFilter):
        filters.resolve(filters.parse(text), USER)


def test_the_reply_to_onelogin_has_a_name_even_if_none_was_sent() -> None:
    document = projection.for_onelogin(USER, normalize.resource(USER, {"userName": "ada"}))

    assert projection.project(USER, document, None, None)["name"] == {
        "givenName": "",
        "familyName": "",
    }
