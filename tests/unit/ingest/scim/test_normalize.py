"""Lenient in: what providers send becomes one canonical document."""

import copy

import pytest
from hypothesis import given

from services.ingest.scim import normalize
from services.ingest.scim.definitions import GROUP, MEMBERS, USER
from services.ingest.scim.errors import InvalidSyntax, InvalidValue
from services.ingest.scim.schema import Attribute
from tests.unit.ingest.scim.documents import ENTERPRISE, raw_users

STOCK_TEMPLATE = {
    "schemas": ["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"],
    "userName": "mira.kovac@globex.example.com",
    "name": {"familyName": "Kovac", "givenName": "Mira", "formatted": "Mira Kovac"},
    "emails": {"value": "mira.kovac@globex.example.com", "type": "work", "primary": True},
    "title": "Analyst",
    "urn:scim:schemas:extension:enterprise:2.0": {
        "department": "Finance",
        "manager": {"managerId": "1187", "displayName": "Tom Reyes"},
    },
}


def user(**attributes: object) -> dict:
    return normalize.resource(USER, {"userName": "ada"} | attributes)


def test_onelogins_stock_template_is_read_whole() -> None:
    assert normalize.resource(USER, STOCK_TEMPLATE) == {
        "userName": "mira.kovac@globex.example.com",
        "name": {"familyName": "Kovac", "givenName": "Mira", "formatted": "Mira Kovac"},
        "emails": [{"value": "mira.kovac@globex.example.com", "type": "work", "primary": True}],
        "title": "Analyst",
        "active": True,
        ENTERPRISE: {"department": "Finance", "manager": {"value": "1187"}},
    }


@given(raw_users())
def test_normalising_twice_is_normalising_once(raw: dict) -> None:
    once = normalize.resource(USER, raw)

    assert normalize.resource(USER, once) == once


@given(raw_users())
def test_normalising_leaves_its_input_alone(raw: dict) -> None:
    before = copy.deepcopy(raw)

    normalize.resource(USER, raw)

    assert raw == before


def test_names_are_read_in_any_case_and_written_in_the_rfcs() -> None:
    document = normalize.resource(USER, {"USERNAME": "ada", "Name": {"FAMILYNAME": "Byron"}})

    assert document == {"userName": "ada", "name": {"familyName": "Byron"}, "active": True}


def test_values_keep_their_case_and_their_spaces() -> None:
    document = user(userName="Ada@Example.COM", name={"familyName": " Byron"})

    assert document["userName"] == "Ada@Example.COM"
    assert document["name"] == {"familyName": " Byron"}


@pytest.mark.parametrize("nothing", [None, "", " ", [], {}, [None], [{}], [""], {"value": ""}])
def test_null_blank_empty_and_absent_are_alike(nothing: object) -> None:
    assert user(emails=nothing, nickName=None) == user()


def test_an_element_with_labels_alone_is_left_out() -> None:
    document = user(phoneNumbers=[{"type": "work", "value": ""}, {"type": "home", "value": "1"}])

    assert document["phoneNumbers"] == [{"type": "home", "value": "1"}]


@pytest.mark.parametrize("text", ["True", "true", " TRUE "])
def test_true_may_be_text(text: str) -> None:
    assert user(active=text)["active"] is True


@pytest.mark.parametrize("text", ["False", "false"])
def test_false_may_be_text(text: str) -> None:
    assert user(active=text)["active"] is False


@pytest.mark.parametrize("absent", [{}, {"active": None}, {"active": ""}])
def test_a_user_without_active_is_active(absent: dict) -> None:
    assert user(**absent)["active"] is True


def test_a_group_has_no_active() -> None:
    assert normalize.resource(GROUP, {"displayName": "Admins"}) == {"displayName": "Admins"}


def test_what_only_the_server_may_set_is_dropped() -> None:
    echoed = {"id": "mine", "meta": {"version": "1"}, "schemas": ["x"], "groups": [{"value": "g"}]}

    assert user(**echoed) == user()


def test_a_password_is_never_kept() -> None:
    assert "password" not in user(password="hunter2", PASSWORD="hunter2")


def test_attributes_that_no_schema_has_are_kept() -> None:
    made_up = {"user_mobile": "+1 555", "urn:example:badge": {"colour": ["red"]}}

    assert user(**made_up) == user() | made_up


@pytest.mark.parametrize("manager", ["1187", {"value": "1187"}, {"managerId": "1187"}])
def test_a_manager_is_read_in_each_shape(manager: object) -> None:
    assert user(**{ENTERPRISE: {"manager": manager}})[ENTERPRISE] == {"manager": {"value": "1187"}}


def test_an_unset_managers_name_is_no_manager() -> None:
    unset = {"managerId": "", "displayName": " "}

    assert user(**{"urn:scim:schemas:extension:enterprise:2.0": {"manager": unset}}) == user()


def test_a_key_that_is_a_path_means_what_it_leads_to() -> None:
    core = "urn:ietf:params:scim:schemas:core:2.0:User"
    dotted = {
        "name.givenName": "Ada",
        "emails.value": "a@example.com",
        f"{core}:title": "Countess",
        f"{ENTERPRISE}:department": "Engines",
        f"{ENTERPRISE}:manager.managerId": "1187",
    }

    assert user(**dotted) == user(
        name={"givenName": "Ada"},
        emails={"value": "a@example.com"},
        title="Countess",
        **{ENTERPRISE: {"department": "Engines", "manager": {"value": "1187"}}},
    )


def test_a_key_that_is_a_path_completes_an_object_and_does_not_overrule_it() -> None:
    document = user(**{"name.givenName": "X", "name.familyName": "King"}, name={"givenName": "Ada"})

    assert document["name"] == {"givenName": "Ada", "familyName": "King"}


def test_a_dotted_key_that_leads_nowhere_is_made_up() -> None:
    assert user(**{"email.value": "a@example.com"})["email.value"] == "a@example.com"


def test_what_a_client_may_not_set_is_dropped_by_its_path_too() -> None:
    assert user(**{"meta.version": "1", "groups.value": "g1"}) == user()


@pytest.mark.parametrize("emails", ["a@example.com", ["a@example.com"], {"value": "a@example.com"}])
def test_emails_are_read_in_each_shape(emails: object) -> None:
    assert user(emails=emails)["emails"] == [{"value": "a@example.com"}]


def test_one_primary_remains() -> None:
    document = user(emails=[{"value": "a", "primary": True}, {"value": "b", "primary": "True"}])

    assert [each["primary"] for each in document["emails"]] == [True, False]


def test_the_same_value_twice_is_one_value() -> None:
    address = {"value": "a@example.com", "type": "work", "primary": True}

    assert user(emails=[address, address])["emails"] == [address]


def test_a_bare_number_is_its_digits() -> None:
    assert user(externalId=1187)["externalId"] == "1187"


@pytest.mark.parametrize("raw", [None, [], "ada", 3, True])
def test_a_body_that_is_no_object_is_refused(raw: object) -> None:
    with pytest.raises(InvalidSyntax):
        normalize.resource(USER, raw)


@pytest.mark.parametrize("kind", [USER, GROUP])
@pytest.mark.parametrize("name", [None, "", "  ", [], {}])
def test_a_resource_without_its_name_is_refused(kind, name: object) -> None:
    attribute = "userName" if kind is USER else "displayName"

    with pytest.raises(InvalidValue) as caught:
        normalize.resource(kind, {attribute: name})

    assert caught.value.attribute == attribute


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"active": "maybe"}, "active"),
        ({"active": 1}, "active"),
        ({"title": {"a": 1}}, "title"),
        ({"title": True}, "title"),
        ({"name": "Ada Byron"}, "name"),
        ({"name": {"givenName": ["Ada"]}}, "name.givenName"),
        ({"emails": [{"value": {"a": 1}}]}, "emails.value"),
        ({"emails": [["a"]]}, "emails"),
        ({ENTERPRISE: "Finance"}, ENTERPRISE),
        (
            {ENTERPRISE: {"manager": {"value": []}, "department": {"a": 1}}},
            f"{ENTERPRISE}:department",
        ),
        ({"title": "a\x00b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"made_up": {"deep": ["\x00"]}}, "made_up"),
        ({"made_up": {"\x00": 1}}, "made_up"),
        ({"externalId": "x" * 513}, "externalId"),
        ({"userName": "x" * 513}, "userName"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(attributes: dict, named: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        user(**attributes)

    assert caught.value.attribute == named


def test_a_users_attribute_is_just_made_up_in_a_group() -> None:
    group = {"displayName": "Admins", "userName": False}

    assert normalize.resource(GROUP, group) == group


def test_a_made_up_value_nested_without_end_is_refused() -> None:
    deep: object = "x"
    for _ in range(900):
        deep = [deep]

    with pytest.raises(InvalidValue):
        user(made_up=deep)


def test_every_attribute_that_a_client_may_set_can_be_read() -> None:
    def writable(attributes: tuple[Attribute, ...]) -> list[Attribute]:
        chosen = [each for each in attributes if each.mutability not in normalize.DROPPED]
        return chosen + [sub for each in chosen for sub in writable(each.sub_attributes)]

    settable = writable(USER.attributes + GROUP.attributes)

    assert {each.type for each in settable} <= {
        "string",
        "reference",
        "binary",
        "boolean",
        "complex",
    }
    assert all(each.type == "complex" for each in settable if each.multi_valued)


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        ([{"value": "u1"}, {"value": "u2"}], ("u1", "u2")),
        ({"value": "u1"}, ("u1",)),
        (["u2", "u1", "u2"], ("u2", "u1")),
        ("u1", ("u1",)),
        ([{"VALUE": "u1", "$ref": None, "display": "Ada", "odd": 1}], ("u1",)),
        ([], ()),
        (None, ()),
    ],
)
def test_members_are_read_in_each_shape(raw: object, ids: tuple[str, ...]) -> None:
    assert normalize.member_ids(raw) == ids


@pytest.mark.parametrize(
    "raw", [[{}], [{"value": ""}], [None], [7], [["u1"]], [{"display": "Ada"}]]
)
def test_a_member_without_an_id_is_refused(raw: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        normalize.member_ids(raw)

    assert caught.value.attribute.startswith(MEMBERS.name)


def test_a_groups_members_may_have_the_urn_in_front() -> None:
    body = {"displayName": "x", "urn:ietf:params:scim:schemas:core:2.0:Group:members": ["u1"]}

    assert normalize.group(GROUP, body) == ({"displayName": "x"}, ("u1",))


def test_a_group_comes_apart_into_document_and_members() -> None:
    raw = {"displayName": "Admins", "Members": [{"value": "u1"}], "externalId": "g-1"}

    document, members = normalize.group(GROUP, raw)

    assert document == {"displayName": "Admins", "externalId": "g-1"}
    assert members == ("u1",)
