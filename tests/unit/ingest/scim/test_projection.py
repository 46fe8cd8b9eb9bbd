"""Strict out: what leaves is what RFC 7643 names, by its rules for `returned`."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from scim2_models import EnterpriseUser, Group, User

from services.ingest.scim import normalize, projection
from services.ingest.scim.definitions import GROUP, USER, USER_SCHEMA
from services.ingest.scim.errors import InvalidValue
from services.ingest.scim.schema import Attribute
from tests.unit.ingest.scim.documents import ENTERPRISE, users

META = {"resourceType": "User", "location": "https://rollcall.example.com/scim/v2/d/Users/u1"}
ADA = projection.full(
    USER,
    {
        "userName": "ada",
        "active": True,
        "user_mobile": "1",
        "name": {"givenName": "Ada", "familyName": "Byron", "odd": "x"},
        "emails": [{"value": "ada@example.com", "type": "work"}, {"value": "a@example.org"}],
        ENTERPRISE: {"department": "Engines", "manager": {"value": "m1"}},
    },
    resource_id="u1",
    meta=META,
    extra={"groups": [{"value": "g1", "display": "Admins"}]},
)
CORE = USER_SCHEMA.id


def sent(*, attributes: set[str] | None = None, excluded: set[str] | None = None) -> dict:
    chosen = frozenset(attributes) if attributes is not None else None
    return projection.project(USER, ADA, chosen, frozenset(excluded) if excluded else None)


def test_all_that_the_table_knows_leaves_and_nothing_else() -> None:
    name = {"givenName": "Ada", "familyName": "Byron"}
    known = {key: value for key, value in ADA.items() if key != "user_mobile"}

    assert sent() == known | {"name": name}


def test_events_carry_what_providers_made_up_too() -> None:
    assert ADA["user_mobile"] == "1"
    assert ADA["schemas"] == [CORE, ENTERPRISE]


def test_schemas_lists_what_is_present() -> None:
    assert sent(excluded={ENTERPRISE})["schemas"] == [CORE]


def test_chosen_attributes_come_with_what_is_always_returned() -> None:
    assert sent(attributes={"userName"}) == {"schemas": [CORE], "id": "u1", "userName": "ada"}


@pytest.mark.parametrize("name", ["NAME.givenname", f"{CORE}:name.givenName"])
def test_a_sub_attribute_is_chosen_in_any_spelling(name: str) -> None:
    assert sent(attributes={name})["name"] == {"givenName": "Ada"}


def test_a_sub_attribute_of_many_is_chosen_in_each() -> None:
    assert sent(attributes={"emails.value"})["emails"] == [
        {"value": "ada@example.com"},
        {"value": "a@example.org"},
    ]
    assert sent(attributes={"emails.type"})["emails"] == [{"type": "work"}]


def test_the_whole_and_a_part_of_it_are_the_whole() -> None:
    whole = sent(attributes={"name"})

    assert sent(attributes={"name", "name.givenName"}) == whole
    assert sent(attributes={"name.givenName", "name"}) == whole


def test_an_extension_is_chosen_whole_or_in_parts() -> None:
    assert sent(attributes={ENTERPRISE})[ENTERPRISE] == ADA[ENTERPRISE]
    assert sent(attributes={f"{ENTERPRISE}:manager.value"}) == {
        "schemas": [CORE, ENTERPRISE],
        "id": "u1",
        ENTERPRISE: {"manager": {"value": "m1"}},
    }


def test_excluded_attributes_are_left_out() -> None:
    left = sent(excluded={"emails", "name.familyName", f"{ENTERPRISE}:manager", "groups"})

    assert left["name"] == {"givenName": "Ada"}
    assert left[ENTERPRISE] == {"department": "Engines"}
    assert not {"emails", "groups"} & left.keys()


def test_what_is_always_returned_cannot_be_excluded() -> None:
    assert sent(excluded={"id", "schemas"}) == sent()


def test_unknown_names_choose_and_exclude_nothing() -> None:
    assert sent(attributes={"odd", "user_mobile"}) == {"schemas": [CORE], "id": "u1"}
    assert sent(excluded={"odd", ""}) == sent()


def test_choosing_and_excluding_at_once_is_refused() -> None:
    with pytest.raises(InvalidValue):
        sent(attributes={"userName"}, excluded={"name"})


def test_a_password_never_leaves() -> None:
    document = ADA | {"password": "hunter2"}

    for names in (None, frozenset({"password"})):
        assert "password" not in projection.project(USER, document, names, None)


def test_an_attribute_returned_on_request_needs_asking() -> None:
    badge = Attribute("badge", returned="request")
    kind = replace(USER, schema=replace(USER_SCHEMA, attributes=(*USER_SCHEMA.attributes, badge)))
    document = ADA | {"badge": "7"}

    assert "badge" not in projection.project(kind, document, None, None)
    assert projection.project(kind, document, frozenset({"badge"}), None)["badge"] == "7"


def test_onelogin_gets_a_name_with_both_parts_even_if_it_sent_none() -> None:
    bare = projection.full(USER, {"userName": "ada", "active": True}, resource_id="u1", meta=META)

    sent = projection.for_onelogin(USER, bare)

    assert "name" not in projection.project(USER, bare, None, None)
    assert projection.project(USER, sent, None, None)["name"] == {"givenName": "", "familyName": ""}
    assert "name" not in projection.project(USER, sent, frozenset({"userName"}), None)
    assert "name" not in projection.project(USER, sent, None, frozenset({"name"}))


@given(users)
def test_a_client_that_sends_our_answer_back_changes_no_answer(document: dict) -> None:
    answer = projection.project(
        USER, projection.full(USER, document, resource_id="u1", meta=META), None, None
    )

    again = projection.full(USER, normalize.resource(USER, answer), resource_id="u1", meta=META)

    assume("madeUp" not in repr(document))  # what no schema has does not leave, so it cannot return
    assert projection.project(USER, again, None, None) == answer


@given(users)
def test_projecting_leaves_its_input_alone(document: dict) -> None:
    before = repr(document)

    projection.project(USER, document, None, frozenset({"name", "emails.value"}))

    assert repr(document) == before


@pytest.mark.parametrize(
    "choice",
    [{}, {"attributes": {"userName", "emails.value"}}, {"excluded": {"name", "emails"}}],
    ids=["all", "attributes", "excluded"],
)
def test_the_oracle_reads_what_leaves(choice: dict) -> None:
    answer = sent(**choice)

    read = User[EnterpriseUser].model_validate(answer)

    assert read.id == "u1"
    assert read.user_name == answer.get("userName")


def test_the_oracle_reads_a_group() -> None:
    document = projection.full(
        GROUP,
        {"displayName": "Admins", "externalId": "g-1", "odd": 1},
        resource_id="g1",
        meta=META | {"resourceType": "Group"},
        extra={"members": [{"value": "u1", "type": "User", "display": "ada"}]},
    )

    read = Group.model_validate(projection.project(GROUP, document, None, None))

    assert read.display_name == "Admins"
    assert [each.value for each in read.members or []] == ["u1"]


def test_costly_attributes_are_read_only_when_they_will_leave() -> None:
    def wants(attributes: set[str] | None, excluded: set[str] | None) -> bool:
        chosen = frozenset(attributes) if attributes else None
        return projection.wants(GROUP, "members", chosen, frozenset(excluded or ()))

    assert wants(None, None)
    assert wants({"members.value"}, None)
    assert wants(None, {"members.display"})
    assert not wants({"displayName"}, None)
    assert not wants(None, {"Members"})
