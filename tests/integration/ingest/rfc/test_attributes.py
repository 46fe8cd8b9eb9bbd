"""Common attributes, data rules and characteristics (checklist sections 2 and 3, RFC 7643)."""

import asyncio
import base64
from collections import Counter
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.integration.ingest.client import Client, connect
from tests.integration.ingest.rfc.scim import ENTERPRISE, NOBODY, op, patch, replacing

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


async def read(client: Client, user: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.scim("GET", f"/Users/{user}")).body
    return found


async def search(client: Client, text: str) -> Any:
    return await client.scim("GET", f"/Users?filter={quote_plus(text)}&")


async def test_d1_every_message_and_resource_names_the_schemas_in_use(client: Client) -> None:
    ada = await client.user("ada", schemas=["urn:made:up"])
    bob = await client.user("bob", **{ENTERPRISE: {"department": "R&D"}})
    group = await client.group("Admins")

    assert (await read(client, ada))["schemas"] == [USER]
    assert (await read(client, bob))["schemas"] == [USER, ENTERPRISE]
    assert (await client.scim("GET", f"/Groups/{group}")).body["schemas"] == [GROUP]
    listed = await client.scim("GET", "/Users")
    assert listed.body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]


async def test_d2_the_id_is_ours_and_stays(client: Client) -> None:
    made = await client.scim("POST", "/Users", {"userName": "ada", "id": "bulkId"})
    key = made.body["id"]

    put = await client.scim("PUT", f"/Users/{key}", {"userName": "ada", "id": NOBODY})
    bare = await client.scim("GET", f"/Users/{key}?attributes=userName&")
    less = await client.scim("GET", f"/Users/{key}?excludedAttributes=id&")

    assert key not in {"bulkId", NOBODY}
    assert [each.body["id"] for each in (put, bare, less)] == [key] * 3


async def test_d3_the_external_id_is_the_clients_case_exact_and_may_repeat(
    client: Client,
) -> None:
    ada = await client.user("ada", externalId="A1")
    bob = await client.user("bob", externalId="a1")
    cy = await client.user("cy", externalId="a1")

    upper = await search(client, 'externalId eq "A1"')
    lower = await search(client, 'externalId eq "a1"')

    assert {each["id"] for each in upper.body["Resources"]} == {ada}
    assert {each["id"] for each in lower.body["Resources"]} == {bob, cy}


async def test_d4_what_a_client_says_about_meta_is_ignored(client: Client) -> None:
    lie = {"resourceType": "Group", "created": "1999-01-01T00:00:00Z", "version": 'W/"99"'}
    made = await client.scim("POST", "/Users", {"userName": "ada", "meta": lie})
    path = f"/Users/{made.body['id']}"

    put = await client.scim("PUT", path, {"userName": "ada", "meta": lie, "title": "x"})
    patched = await client.scim("PATCH", path, replacing(meta=lie, title="y"))

    for answer in (made, put, patched):
        meta = answer.body["meta"]
        assert meta.keys() == {"resourceType", "created", "lastModified", "location", "version"}
        assert meta["resourceType"] == "User"
        assert meta["created"] == made.body["meta"]["created"]
        assert meta["version"] != 'W/"99"'


async def test_d5_the_location_is_the_same_in_header_and_body(client: Client) -> None:
    made = await client.scim("POST", "/Users", {"userName": "ada"})
    path = f"/Users/{made.body['id']}"
    answers = [
        made,
        await client.scim("GET", path),
        await client.scim("PUT", path, {"userName": "ada", "title": "x"}),
        await client.scim("PATCH", path, replacing(title="y")),
    ]

    for answer in answers:
        location = answer.body["meta"]["location"]
        assert location == f"{client.url}/scim/v2/{client.directory}{path}"
        assert answer.headers["Location"] == answer.headers["Content-Location"] == location


async def test_d6_names_urns_and_operators_are_read_in_any_case(client: Client) -> None:
    made = await client.scim(
        "POST",
        "/Users",
        {"USERNAME": "ada", "Name": {"GIVENNAME": "Ada"}, ENTERPRISE.upper(): {"Department": "R"}},
    )
    key = made.body["id"]
    await client.scim("PATCH", f"/Users/{key}", patch(op("Replace", "TITLE", value="Lead")))

    found = await search(client, f'TITLE EQ "lead" AND {ENTERPRISE.upper()}:DEPARTMENT eq "r"')

    [user] = found.body["Resources"]
    assert user["name"]["givenName"] == "Ada"
    assert (user["title"], user[ENTERPRISE]) == ("Lead", {"department": "R"})


@pytest.mark.parametrize("nothing", [None, [], "", {}])
async def test_d7_null_empty_and_absent_are_the_same(client: Client, nothing: Any) -> None:
    made = await client.scim(
        "POST", "/Users", {"userName": "ada", "title": nothing, "emails": nothing}
    )
    ada = made.body["id"]
    await client.scim("PATCH", f"/Users/{ada}", replacing(title="x", emails=[{"value": "a@x"}]))

    emptied = await client.scim("PATCH", f"/Users/{ada}", replacing(title=nothing, emails=nothing))

    for answer in (made, emptied):
        assert {"title", "emails"} & answer.body.keys() == set()
    assert (await search(client, "title pr or emails pr")).body["totalResults"] == 0


@pytest.mark.parametrize(("sent", "stored"), [("True", True), ("False", False), ("false", False)])
async def test_d8_booleans_may_come_as_text_and_leave_as_booleans(
    client: Client, sent: str, stored: Any
) -> None:
    ada = await client.user("ada", active=sent, emails=[{"value": "a@x.test", "primary": sent}])
    bob = await client.user("bob")
    patched = await client.scim("PATCH", f"/Users/{bob}", replacing(active=sent))

    user = await read(client, ada)
    assert (user["active"], user["emails"][0]["primary"]) == (stored, stored)
    assert patched.body["active"] is stored


async def test_d8_what_is_no_boolean_is_refused(client: Client) -> None:
    answer = await client.scim("POST", "/Users", {"userName": "ada", "active": "maybe"})

    assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")


async def test_d9_moments_are_xsd_datetimes_and_compare_as_instants(client: Client) -> None:
    created = (await read(client, await client.user("ada")))["meta"]["created"]
    assert created.endswith("Z")
    assert "T" in created
    shifted = created.replace("Z", "+00:00")

    for text, total in (
        (f'meta.created eq "{created}"', 1),
        (f'meta.created ge "{shifted}"', 1),
        (f'meta.created lt "{created}"', 0),
        ('meta.created gt "2020-01-01T00:00:00.000001+14:00"', 1),
    ):
        assert (await search(client, text)).body["totalResults"] == total, text
    assert (await search(client, 'meta.created gt "yesterday"')).body["scimType"] == "invalidFilter"


async def test_d10_binary_and_references_come_back_as_sent(client: Client) -> None:
    plain = base64.b64encode(b"\xfb\xff\xfe certificate").decode()
    safe = base64.urlsafe_b64encode(b"\xfb\xff\xfe another").decode()
    ada = await client.user(
        "ada",
        profileUrl="../people/Ada",
        x509Certificates=[{"value": plain}, {"value": safe}],
        photos=[{"value": "https://x.test/Ada.png", "type": "photo"}],
    )

    user = await read(client, ada)

    assert [each["value"] for each in user["x509Certificates"]] == [plain, safe]
    assert user["profileUrl"] == "../people/Ada"
    assert user["photos"][0]["value"] == "https://x.test/Ada.png"
    assert (await search(client, 'profileUrl eq "../people/ada"')).body["totalResults"] == 0


async def test_d12_at_most_one_element_is_primary(client: Client) -> None:
    two = [{"value": each, "type": "work", "primary": True} for each in ("a@x.test", "b@x.test")]
    ada = await client.user("ada", emails=two)

    def primaries(user: dict[str, Any]) -> list[str]:
        return [each["value"] for each in user["emails"] if each.get("primary")]

    assert len(primaries(await read(client, ada))) == 1
    third = {"value": "c@x.test", "primary": True}
    patched = await client.scim("PATCH", f"/Users/{ada}", patch(op("add", "emails", value=third)))
    assert primaries(patched.body) == ["c@x.test"]
    moved = await client.scim(
        "PATCH",
        f"/Users/{ada}",
        patch(op("replace", 'emails[value eq "a@x.test"].primary', value=True)),
    )
    assert primaries(moved.body) == ["a@x.test"]


async def test_d13_a_pair_of_type_and_value_is_there_once_and_unknown_types_are_kept(
    client: Client,
) -> None:
    ada = await client.user(
        "ada",
        emails=[
            {"value": "a@x.test", "type": "work"},
            {"value": "a@x.test", "type": "work"},
            {"value": "a@x.test", "type": "carrier pigeon"},
        ],
    )

    emails = (await read(client, ada))["emails"]

    assert [each["type"] for each in emails] == ["work", "carrier pigeon"]


async def test_d15_names_compare_after_composition_and_case_folding(client: Client) -> None:
    await client.user("Zo\u00eb@x.test")

    twice = await client.scim("POST", "/Users", {"userName": "ZOE\u0308@x.test"})
    found = await search(client, 'userName eq "zoe\u0308@X.test"')

    assert (twice.status, twice.body["scimType"]) == (409, "uniqueness")
    assert found.body["totalResults"] == 1


@pytest.mark.parametrize("name", [None, "", "  ", [], 7.5, {}, True])
async def test_d16_a10_a_user_needs_a_user_name(client: Client, name: Any) -> None:
    ada = await client.user("ada")
    body = {"userName": name, "title": "x"}

    refused = [
        await client.scim("POST", "/Users", body),
        await client.scim("PUT", f"/Users/{ada}", body),
    ]

    if name != 7.5:  # a bare number is meant as its digits
        for answer in refused:
            assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert (await read(client, ada))["userName"] == "ada"


async def test_d17_a5_a_password_is_taken_and_never_shown_or_compared(client: Client) -> None:
    secret = "t0p secret of a test"
    made = await client.scim("POST", "/Users?attributes=password,userName&", {
        "userName": "ada", "password": secret,
    })  # fmt: skip
    path = f"/Users/{made.body['id']}"
    patched = await client.scim("PATCH", path, patch(op("replace", value={"password": secret})))
    answers = [
        made,
        patched,
        await client.scim("GET", f"{path}?attributes=password&"),
        await client.scim("GET", "/Users"),
    ]

    for answer in answers:
        assert answer.status < 300
        assert "password" not in str(answer.body)
        assert secret not in str(answer.body)
    filtered = await search(client, f'password eq "{secret}"')
    assert (filtered.status, filtered.body["scimType"]) == (400, "invalidFilter")


async def test_d18_a1_the_groups_of_a_user_follow_from_the_members(client: Client) -> None:
    ada = await client.user("ada", groups=[{"value": NOBODY}])
    group = await client.group("Admins", ada)

    put = await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", "groups": []})
    refused = await client.scim("PATCH", f"/Users/{ada}", patch(op("remove", "groups")))

    [found] = put.body["groups"]
    assert (found["value"], found["display"], found["type"]) == (group, "Admins", "direct")
    assert found["$ref"] == f"{client.url}/scim/v2/{client.directory}/Groups/{group}"
    assert (refused.status, refused.body["scimType"]) == (400, "mutability")


async def test_d19_members_name_users_and_a_group_needs_a_name(client: Client) -> None:
    ada = await client.user("ada")
    made = await client.scim(
        "POST",
        "/Groups",
        {"displayName": "Admins", "members": [{"value": ada, "$ref": "x", "display": "y"}]},
    )

    [member] = made.body["members"]
    named = await client.scim(
        "GET", f"/Groups/{made.body['id']}?attributes=members.value,members.display"
    )
    assert (member["value"], member["type"]) == (ada, "User")
    assert named.body["members"] == [{"value": ada, "display": "ada"}]
    assert member["$ref"] == f"{client.url}/scim/v2/{client.directory}/Users/{ada}"
    for body in ({}, {"displayName": ""}, {"displayName": None}):
        answer = await client.scim("POST", "/Groups", body | {"members": []})
        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")


async def test_d20_the_enterprise_extension_lives_under_its_urn(client: Client) -> None:
    values = {
        "employeeNumber": "1187",
        "costCenter": "C",
        "organization": "O",
        "division": "V",
        "department": "D",
        "manager": {"value": "m"},
    }
    ada = await client.user("ada", **{ENTERPRISE: values})

    user = await read(client, ada)

    assert user[ENTERPRISE] == values
    assert values.keys() & user.keys() == set()


@pytest.mark.parametrize("manager", [{"value": "m1"}, "m1", {"value": "m1", "displayName": "x"}])
async def test_d21_a_manager_may_come_in_several_forms(client: Client, manager: Any) -> None:
    ada = await client.user("ada", **{ENTERPRISE: {"manager": manager}})
    bob = await client.user("bob")
    path = f"{ENTERPRISE}:manager"

    patched = await client.scim("PATCH", f"/Users/{bob}", patch(op("add", path, value=manager)))

    assert (await read(client, ada))[ENTERPRISE]["manager"] == {"value": "m1"}
    assert patched.body[ENTERPRISE]["manager"] == {"value": "m1"}


async def test_d22_unknown_attributes_and_extensions_are_accepted_and_do_not_leave(
    client: Client,
) -> None:
    made = await client.scim(
        "POST", "/Users", {"userName": "ada", "user_mobile": "1", "urn:x:y": {"z": 1}}
    )

    assert made.status == 201
    assert {"user_mobile", "urn:x:y"} & made.body.keys() == set()


@pytest.mark.parametrize("address", ["ada@corp.local", "ada", "ädä@exämple.test", "a b@x"])
async def test_d23_addresses_and_numbers_are_any_text(client: Client, address: str) -> None:
    ada = await client.user(
        "ada", emails=[{"value": address}], phoneNumbers=[{"value": "ext. 7 (work)"}]
    )

    user = await read(client, ada)

    assert user["emails"] == [{"value": address}]
    assert user["phoneNumbers"] == [{"value": "ext. 7 (work)"}]


async def test_a1_what_only_we_write_is_ignored_in_post_and_put(client: Client) -> None:
    lies = {"id": NOBODY, "meta": {"version": "x"}, "groups": [{"value": NOBODY}], "schemas": []}
    made = await client.scim("POST", "/Users", {"userName": "ada"} | lies)
    path = f"/Users/{made.body['id']}"

    put = await client.scim("PUT", path, {"userName": "ada"} | lies)

    assert (made.status, put.status) == (201, 200)
    assert put.body == made.body
    assert "groups" not in made.body


@pytest.mark.parametrize(
    "path", ["id", "meta", "meta.created", "groups", "schemas", "META.version"]
)
@pytest.mark.parametrize("name", ["add", "replace", "remove"])
async def test_a1_a_patch_that_names_what_only_we_write_is_refused(
    client: Client, name: str, path: str
) -> None:
    ada = await client.user("ada")

    answer = await client.scim("PATCH", f"/Users/{ada}", patch(op(name, path, value="x")))

    assert (answer.status, answer.body["scimType"]) == (400, "mutability")
    assert (await client.scim("GET", f"/Users/{ada}")).headers["ETag"] == 'W/"1"'


async def test_a2_the_parts_of_a_member_cannot_be_changed(client: Client) -> None:
    ada, bob = await client.user("ada"), await client.user("bob")
    group = await client.group("Admins", ada)

    answer = await client.scim(
        "PATCH",
        f"/Groups/{group}",
        patch(op("replace", f'members[value eq "{ada}"].value', value=bob)),
    )

    assert (answer.status, answer.body["scimType"]) == (400, "mutability")
    assert await client.members(group) == {ada}


@pytest.mark.parametrize(
    "query", ["attributes=title&", "excludedAttributes=id,schemas,title&", "attributes=nothing&"]
)
async def test_a4_what_is_always_returned_is_there_whatever_is_asked(
    client: Client, query: str
) -> None:
    ada = await client.user("ada", title="Lead")

    answer = await client.scim("GET", f"/Users/{ada}?{query}")

    assert (answer.body["id"], answer.body["schemas"]) == (ada, [USER])
    assert answer.headers["Location"].endswith(ada)


async def test_a6_what_is_returned_by_default_is_left_out_when_excluded_or_not_selected(
    client: Client,
) -> None:
    ada = await client.user("ada", title="Lead", nickName="Addie")

    selected = await client.scim("GET", f"/Users/{ada}?attributes=title&")
    excluded = await client.scim("GET", f"/Users/{ada}?excludedAttributes=title&")

    assert selected.body.keys() == {"schemas", "id", "title"}
    assert "title" not in excluded.body
    assert excluded.body["nickName"] == "Addie"


async def test_a7_a_name_that_is_taken_is_409_in_every_write_and_changes_nothing(
    client: Client,
) -> None:
    await client.user("ada")
    bob = await client.user("bob")
    await client.group("Admins")
    owners = await client.group("Owners", bob)
    writes = [
        ("POST", "/Users", {"userName": "ADA"}),
        ("PUT", f"/Users/{bob}", {"userName": "Ada", "title": "x"}),
        ("PATCH", f"/Users/{bob}", replacing(userName="aDa", title="x")),
        ("POST", "/Groups", {"displayName": "ADMINS"}),
        ("PUT", f"/Groups/{owners}", {"displayName": "admins"}),
        (
            "PATCH",
            f"/Groups/{owners}",
            patch(op("replace", "displayName", value="aDmins"), op("remove", "members")),
        ),
    ]

    for method, path, body in writes:
        answer = await client.scim(method, path, body)
        assert (answer.status, answer.body["scimType"]) == (409, "uniqueness"), (method, path)

    user = await read(client, bob)
    assert (user["userName"], user["meta"]["version"]) == ("bob", 'W/"1"')
    assert "title" not in user
    assert await client.members(owners) == {bob}
    other = await connect(client.session, client.url, "Initech")
    assert await other.user("ada")


async def test_a7_a_user_may_keep_its_own_name_in_another_case(client: Client) -> None:
    ada = await client.user("ada")

    answer = await client.scim("PATCH", f"/Users/{ada}", replacing(userName="Ada"))

    assert (answer.status, answer.body["userName"]) == (200, "Ada")


async def test_a8_of_many_writers_of_one_name_one_wins(client: Client) -> None:
    users = [await client.user(f"user{each}") for each in range(8)]

    created, renamed = (
        await asyncio.gather(
            *(client.scim("POST", "/Users", {"userName": name}) for name in ("Ada", "ADA") * 8)
        ),
        await asyncio.gather(
            *(client.scim("PATCH", f"/Users/{each}", replacing(userName="bob")) for each in users)
        ),
    )

    assert Counter(each.status for each in created) == {201: 1, 409: 15}
    assert Counter(each.status for each in renamed) == {200: 1, 409: 7}


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ('title eq "LEAD"', 1),
        ('title gt "LEAC"', 1),
        ('externalId eq "a1"', 0),
        ('externalId eq "A1"', 1),
        ('externalId sw "a"', 0),
        ('userName sw "AD"', 1),
    ],
)
async def test_a9_case_counts_where_an_attribute_is_case_exact(
    client: Client, text: str, total: int
) -> None:
    await client.user("ada", title="Lead", externalId="A1")

    assert (await search(client, text)).body["totalResults"] == total


@pytest.mark.parametrize(
    "operation",
    [
        op("remove", "userName"),
        op("replace", "userName", value=""),
        op("replace", value={"userName": None}),
    ],
)
async def test_a10_what_is_required_cannot_be_removed(client: Client, operation: Any) -> None:
    ada = await client.user("ada")

    answer = await client.scim("PATCH", f"/Users/{ada}", patch(operation))

    assert answer.status == 400
    assert answer.body["scimType"] in {"invalidValue", "mutability"}
    assert (await read(client, ada))["userName"] == "ada"
