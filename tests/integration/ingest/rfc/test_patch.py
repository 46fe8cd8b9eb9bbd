"""PATCH (checklist section 7, RFC 7644 §3.5.2), over HTTP; the engine has its own tests."""

from typing import Any

import pytest

from tests.integration.ingest.client import Answer, Client
from tests.integration.ingest.rfc.scim import ENTERPRISE, NOBODY, op, patch

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
WORK = {"value": "ada@x.test", "type": "work", "primary": True}
HOME = {"value": "ada@home.test", "type": "home"}
ADA = {
    "userName": "ada",
    "title": "Lead",
    "name": {"givenName": "Ada", "familyName": "Kovac"},
    "emails": [WORK, HOME],
    ENTERPRISE: {"department": "R&D", "manager": {"value": "m1"}},
}


async def made(client: Client) -> str:
    return str((await client.scim("POST", "/Users", ADA)).body["id"])


async def send(client: Client, user: str, *operations: Any) -> Answer:
    return await client.scim("PATCH", f"/Users/{user}", patch(*operations))


async def applied(client: Client, *operations: Any) -> dict[str, Any]:
    """Return Ada as she is stored after the operations, which must pass."""
    user = await made(client)
    answer = await send(client, user, *operations)
    assert answer.status == 200, answer.body
    read: dict[str, Any] = (await client.scim("GET", f"/Users/{user}")).body
    assert read == answer.body
    return read


async def refused(client: Client, *operations: Any) -> tuple[int, str | None]:
    """Return status and scimType of operations that must leave everything as it was."""
    user = await made(client)
    before = await client.scim("GET", f"/Users/{user}")
    answer = await send(client, user, *operations)
    assert (await client.scim("GET", f"/Users/{user}")).body == before.body
    return answer.status, answer.body.get("scimType")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Operations": []},
        {"Operations": {}},
        {"Operations": ["add"]},
        {"Operations": [{"path": "title", "value": "x"}]},
        {"Operations": [{"op": "move", "path": "title", "value": "x"}]},
        {"Operations": [{"op": "add", "path": "title"}]},
        {"Operations": [{"op": "add", "path": 7, "value": "x"}]},
        [],
    ],
)
async def test_h1_a_body_without_good_operations_is_refused(client: Client, body: Any) -> None:
    user = await made(client)

    answer = await client.scim("PATCH", f"/Users/{user}", body or b"[]")

    assert (answer.status, answer.body["scimType"]) == (400, "invalidSyntax")


@pytest.mark.parametrize("name", ["replace", "Replace", "REPLACE", "Add"])
async def test_h1_operations_are_read_in_any_case(client: Client, name: str) -> None:
    assert (await applied(client, op(name, "title", value="Boss")))["title"] == "Boss"


async def test_h2_operations_apply_in_order(client: Client) -> None:
    after = await applied(
        client,
        op("replace", "title", value="1"),
        op("remove", "title"),
        op("add", "nickName", value="2"),
        op("replace", "nickName", value="3"),
    )

    assert "title" not in after
    assert after["nickName"] == "3"


async def test_h2_one_that_fails_leaves_everything_unchanged(client: Client) -> None:
    answer = await refused(
        client, op("replace", "title", value="1"), op("replace", "nonsense.x", value="2")
    )

    assert answer == (400, "invalidPath")


async def test_h2_a_group_is_unchanged_too_with_its_members(client: Client) -> None:
    ada = await client.user("ada")
    group = await client.group("Admins", ada)

    answer = await client.scim(
        "PATCH",
        f"/Groups/{group}",
        patch(
            op("remove", "members", value=[{"value": ada}]),
            op("replace", "displayName", value="Owners"),
            op("add", "members", value=[{"value": NOBODY}]),
        ),
    )

    assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
    read = (await client.scim("GET", f"/Groups/{group}")).body
    assert (read["displayName"], read["meta"]["version"]) == ("Admins", 'W/"1"')
    assert await client.members(group) == {ada}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("title", "x", lambda user: user["title"]),
        (f"{USER}:title", "x", lambda user: user["title"]),
        ("name.givenName", "x", lambda user: user["name"]["givenName"]),
        (f"{USER}:name.givenName", "x", lambda user: user["name"]["givenName"]),
        ('emails[type eq "home"].value', "x", lambda user: user["emails"][1]["value"]),
        (f'{USER}:emails[type eq "home"].value', "x", lambda user: user["emails"][1]["value"]),
        ('emails[type eq "home"]', {"value": "x"}, lambda user: user["emails"][1]["value"]),
        (f"{ENTERPRISE}:department", "x", lambda user: user[ENTERPRISE]["department"]),
        (f"{ENTERPRISE}:manager.value", "x", lambda user: user[ENTERPRISE]["manager"]["value"]),
        (ENTERPRISE, {"department": "x"}, lambda user: user[ENTERPRISE]["department"]),
    ],
)
async def test_h3_every_form_of_path_leads_to_its_value(
    client: Client, path: str, value: Any, found: Any
) -> None:
    assert found(await applied(client, op("replace", path, value=value))) == "x"


@pytest.mark.parametrize(
    "path",
    ["nonsense", "name.nonsense", "title.x", "emails[", 'emails[type eq "work"', "name[x]", "a b",
     f"{ENTERPRISE}:nonsense", "urn:x:y:z", 'emails[type eq "work"].nonsense', "."],
)  # fmt: skip
@pytest.mark.parametrize("name", ["add", "replace", "remove"])
async def test_h4_a_path_that_leads_nowhere_is_refused(
    client: Client, name: str, path: str
) -> None:
    assert await refused(client, op(name, path, value="x")) == (400, "invalidPath")


@pytest.mark.parametrize("path", ["emails[]", 'emails[type zz "work"]', "emails[type eq]"])
async def test_h4_a_bad_filter_in_a_path_is_refused(client: Client, path: str) -> None:
    status, scim_type = await refused(client, op("replace", path, value="x"))

    assert status == 400
    assert scim_type in {"invalidPath", "invalidFilter"}


async def test_h5_a_user_is_answered_and_a_group_only_when_asked_for(client: Client) -> None:
    ada = await client.user("bea")
    group = await client.group("Admins", ada)
    body = patch(op("replace", "displayName", value="Owners"))

    user = await client.scim("PATCH", f"/Users/{ada}", body)
    silent = await client.scim("PATCH", f"/Groups/{group}", body)
    asked = await client.scim("PATCH", f"/Groups/{group}?attributes=displayName&", body)
    whole = await client.scim("PATCH", f"/Groups/{group}?attributes=displayName,members&", body)

    assert (user.status, user.body["displayName"]) == (200, "Owners")
    assert (silent.status, silent.body) == (204, None)
    assert (asked.status, asked.body["displayName"]) == (200, "Owners")
    assert "members" not in asked.body
    assert [each["value"] for each in whole.body["members"]] == [ada]


async def test_h6_add_without_a_path_merges_attribute_by_attribute(client: Client) -> None:
    after = await applied(
        client,
        op(
            "add",
            value={"nickName": "A", "name": {"middleName": "M"}, "emails": [{"value": "n@x"}]},
        ),
    )

    assert (after["nickName"], after["title"]) == ("A", "Lead")
    assert after["name"] == {"givenName": "Ada", "familyName": "Kovac", "middleName": "M"}
    assert [each["value"] for each in after["emails"]] == ["ada@x.test", "ada@home.test", "n@x"]


@pytest.mark.parametrize("value", [{"value": "n@x"}, [{"value": "n@x"}]])
async def test_h7_add_appends_an_object_or_a_list(client: Client, value: Any) -> None:
    after = await applied(client, op("add", "emails", value=value))

    assert [each["value"] for each in after["emails"]] == ["ada@x.test", "ada@home.test", "n@x"]


@pytest.mark.parametrize(
    "operation",
    [
        op("add", "emails", value=[WORK]),
        op("add", "title", value="Lead"),
        op("add", value={"title": "Lead", "emails": [HOME]}),
        op("replace", "name.givenName", value="Ada"),
    ],
)
async def test_h7_what_is_there_already_changes_nothing(client: Client, operation: Any) -> None:
    after = await applied(client, operation)

    assert after["meta"]["version"] == 'W/"1"'
    assert after["meta"]["lastModified"] == after["meta"]["created"]


async def test_h8_add_replaces_a_single_value_and_creates_absent_parents(client: Client) -> None:
    after = await applied(
        client,
        op("add", "title", value="Boss"),
        op("add", "name", value={"honorificPrefix": "Dr."}),
        op("remove", ENTERPRISE),
        op("add", f"{ENTERPRISE}:manager.value", value="m2"),
    )

    assert after["title"] == "Boss"
    assert after["name"]["honorificPrefix"] == "Dr."
    assert after["name"]["givenName"] == "Ada"
    assert after[ENTERPRISE] == {"manager": {"value": "m2"}}


@pytest.mark.parametrize("value", [{}, {"value": {"title": "Lead"}}])
async def test_h9_remove_without_a_path_has_no_target(client: Client, value: Any) -> None:
    assert await refused(client, op("remove", **value)) == (400, "noTarget")


async def test_h10_remove_takes_attributes_parts_elements_and_parts_of_elements(
    client: Client,
) -> None:
    after = await applied(
        client,
        op("remove", "title"),
        op("remove", "name.givenName"),
        op("remove", 'emails[type eq "home"]'),
        op("remove", 'emails[type eq "work"].primary'),
        op("remove", f"{ENTERPRISE}:department"),
    )

    assert "title" not in after
    assert after["name"]["familyName"] == "Kovac"
    assert not after["name"].get("givenName")
    assert after["emails"] == [{"value": "ada@x.test", "type": "work"}]
    assert after[ENTERPRISE] == {"manager": {"value": "m1"}}


async def test_h10_a_list_that_became_empty_is_unassigned(client: Client) -> None:
    after = await applied(client, op("remove", "emails[value pr]"))

    assert "emails" not in after


async def test_h11_removing_what_is_absent_changes_nothing(client: Client) -> None:
    after = await applied(
        client,
        op("remove", "nickName"),
        op("remove", "addresses"),
        op("remove", 'emails[type eq "other"]'),
    )

    assert after["meta"]["version"] == 'W/"1"'


async def test_h11_removing_who_is_no_member_changes_nothing(client: Client) -> None:
    group = await client.group("Admins")

    answer = await client.patch_members("remove", group, NOBODY, await client.user("ada"))

    assert (answer.status, answer.headers["ETag"]) == (204, 'W/"1"')


async def test_h12_replace_without_a_path_replaces_each_attribute(client: Client) -> None:
    after = await applied(
        client, op("replace", value={"title": "Boss", "emails": [HOME], "nickName": "A"})
    )

    assert (after["title"], after["nickName"]) == ("Boss", "A")
    assert after["emails"] == [HOME]
    assert after["name"]["givenName"] == "Ada"


async def test_h13_replace_exchanges_the_list_the_elements_or_their_parts(
    client: Client,
) -> None:
    whole = await applied(client, op("replace", "emails", value=[HOME]))
    await client.scim("DELETE", f"/Users/{whole['id']}")
    parts = await applied(
        client,
        op("replace", 'emails[type eq "work"]', value={"value": "new@x", "type": "work"}),
        op("replace", 'emails[type eq "home"].value', value="home@x"),
    )

    assert whole["emails"] == [HOME]
    assert parts["emails"] == [
        {"value": "new@x", "type": "work"},
        {"value": "home@x", "type": "home"},
    ]


async def test_h14_replacing_elements_that_are_not_there_has_no_target(client: Client) -> None:
    operation = op("replace", 'emails[type eq "other"]', value={"value": "x"})

    assert await refused(client, operation) == (400, "noTarget")


@pytest.mark.parametrize("name", ["Add", "Replace"])
async def test_h15_entra_creates_an_element_by_its_type(client: Client, name: str) -> None:
    path = 'phoneNumbers[type eq "work"].value'

    after = await applied(client, op(name, path, value="+49 7"))

    assert after["phoneNumbers"] == [{"type": "work", "value": "+49 7"}]


async def test_h16_many_members_come_and_go_in_one_operation(client: Client) -> None:
    users = [await client.user(f"user{each}") for each in range(6)]
    group = await client.group("Admins", *users[:3])

    await client.patch_members("Add", group, *users[3:])
    await client.patch_members("Remove", group, *users[:2])

    assert await client.members(group) == set(users[2:])


async def test_h17_keys_of_a_value_without_path_may_be_paths(client: Client) -> None:
    after = await applied(
        client,
        op(
            "replace",
            value={
                "name.givenName": "Bea",
                f"{ENTERPRISE}:department": "Ops",
                'emails[type eq "work"].value': "bea@x.test",
            },
        ),
    )

    assert after["name"]["givenName"] == "Bea"
    assert after[ENTERPRISE] == {"department": "Ops", "manager": {"value": "m1"}}
    assert after["emails"][0]["value"] == "bea@x.test"


@pytest.mark.parametrize("path", ["id", "meta.created", "groups", "schemas"])
async def test_h19_what_a_client_cannot_set_is_refused(client: Client, path: str) -> None:
    assert await refused(client, op("replace", path, value="x")) == (400, "mutability")


@pytest.mark.parametrize(
    ("path", "value"),
    [("active", "maybe"), ("title", {"x": 1}), ("name", "Ada"), ("title", ["x"])],
)
async def test_h19_a_value_of_the_wrong_type_is_refused(
    client: Client, path: str, value: Any
) -> None:
    assert await refused(client, op("replace", path, value=value)) == (400, "invalidValue")


async def test_h19_the_own_id_in_a_value_is_harmless(client: Client) -> None:
    user = await made(client)

    answer = await send(client, user, op("replace", value={"id": user, "title": "Boss"}))

    assert (answer.status, answer.body["id"], answer.body["title"]) == (200, user, "Boss")


async def test_h20_a_new_primary_takes_it_from_the_old_one(client: Client) -> None:
    after = await applied(client, op("replace", 'emails[type eq "home"].primary', value="True"))

    assert [bool(each.get("primary")) for each in after["emails"]] == [False, True]


async def test_h21_unknown_members_are_refused_by_name_and_duplicates_are_one(
    client: Client,
) -> None:
    ada = await client.user("ada")
    group = await client.group("Admins")

    unknown = await client.patch_members("add", group, ada, NOBODY)
    twice = await client.patch_members("add", group, ada, ada)

    assert (unknown.status, unknown.body["scimType"]) == (400, "invalidValue")
    assert NOBODY in unknown.body["detail"]
    assert twice.status == 204
    read = (await client.scim("GET", f"/Groups/{group}")).body
    assert [each["value"] for each in read["members"]] == [ada]
