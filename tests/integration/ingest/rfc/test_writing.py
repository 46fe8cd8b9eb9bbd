"""Create, read, replace and delete (checklist section 4, RFC 7644 §3.3 to §3.6)."""

import asyncio
from typing import Any

import pytest

from tests.integration.ingest.client import Client, connect
from tests.integration.ingest.rfc.scim import ENTERPRISE, NOBODY, op, patch, replacing


async def test_r1_a_created_resource_is_answered_as_stored_and_found_at_its_location(
    client: Client,
) -> None:
    made = await client.scim(
        "POST", "/Users", {"userName": "ada", "title": "Lead", "emails": {"value": "a@x.test"}}
    )

    assert made.status == 201
    assert made.headers["Location"] == made.body["meta"]["location"]
    path = made.headers["Location"].removeprefix(f"{client.url}/scim/v2/{client.directory}")
    assert (await client.scim("GET", path)).body == made.body
    assert made.body["emails"] == [{"value": "a@x.test"}]


@pytest.mark.parametrize("key", [NOBODY, "1", "not-an-id", "..%2f..", "%00", "bulkId:x"])
@pytest.mark.parametrize("kind", ["Users", "Groups"])
async def test_r3_an_unknown_id_is_404_with_an_error_body(
    client: Client, kind: str, key: str
) -> None:
    answer = await client.scim("GET", f"/{kind}/{key}")

    assert (answer.status, answer.body["status"]) == (404, "404")
    assert answer.body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


async def test_r3_an_id_of_another_directory_or_type_is_404(client: Client) -> None:
    other = await connect(client.session, client.url, "Initech")
    ada, group = await other.user("ada"), await other.group("Admins")

    for path in (f"/Users/{ada}", f"/Groups/{group}"):
        assert (await client.scim("GET", path)).status == 404
        assert (await client.scim("DELETE", path)).status == 404
    assert (await other.scim("GET", f"/Groups/{ada}")).status == 404
    assert (await other.scim("GET", f"/Users/{ada}")).status == 200


async def test_r4_put_unassigns_what_it_leaves_out(client: Client) -> None:
    ada = await client.user(
        "ada",
        title="Lead",
        externalId="1187",
        emails=[{"value": "ada@x.test"}],
        name={"givenName": "Ada", "familyName": "Kovac"},
        **{ENTERPRISE: {"department": "R&D"}},
    )

    answer = await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", "nickName": "Addie"})

    assert answer.status == 200
    gone = {"title", "externalId", "emails", ENTERPRISE} & answer.body.keys()
    assert gone == set()
    assert (answer.body["nickName"], answer.body["active"]) == ("Addie", True)
    assert (await client.scim("GET", f"/Users/{ada}")).body == answer.body


async def test_r4_put_of_a_group_without_members_empties_it(client: Client) -> None:
    group = await client.group("Admins", await client.user("ada"))

    answer = await client.scim("PUT", f"/Groups/{group}", {"displayName": "Owners"})

    assert (answer.status, answer.body["displayName"]) == (200, "Owners")
    assert "members" not in answer.body


@pytest.mark.parametrize(
    ("kind", "body"), [("Users", {"userName": "ada"}), ("Groups", {"displayName": "Admins"})]
)
async def test_r5_put_never_creates(client: Client, kind: str, body: Any) -> None:
    assert (await client.scim("PUT", f"/{kind}/{NOBODY}", body)).status == 404

    assert (await client.scim("GET", f"/{kind}")).body["totalResults"] == 0


async def test_r7_a_put_without_a_password_changes_nothing(client: Client) -> None:
    ada = await client.user("ada", password="t0p secret of a test")
    before = (await client.scim("GET", f"/Users/{ada}")).body

    answer = await client.scim("PUT", f"/Users/{ada}", {"userName": "ada"})

    assert answer.body == before


@pytest.mark.parametrize("kind", ["Users", "Groups"])
async def test_r8_what_was_deleted_is_404_for_every_method(client: Client, kind: str) -> None:
    body = {"Users": {"userName": "ada"}, "Groups": {"displayName": "Admins"}}[kind]
    key = (await client.scim("POST", f"/{kind}", body)).body["id"]

    deleted = await client.scim("DELETE", f"/{kind}/{key}")

    assert (deleted.status, deleted.body) == (204, None)
    for method, sent in (
        ("GET", None),
        ("PUT", body),
        ("PATCH", replacing(externalId="7")),
        ("DELETE", None),
    ):
        answer = await client.scim(method, f"/{kind}/{key}", sent)
        assert (answer.status, answer.body["status"]) == (404, "404"), method


async def test_r9_a_deleted_user_is_in_no_list_count_or_group_and_its_name_is_free(
    client: Client,
) -> None:
    ada, bob = await client.user("ada"), await client.user("bob")
    group = await client.group("Admins", ada, bob)

    await client.scim("DELETE", f"/Users/{ada}")

    listed = (await client.scim("GET", "/Users")).body
    assert (listed["totalResults"], [each["id"] for each in listed["Resources"]]) == (1, [bob])
    assert await client.members(group) == {bob}
    found = await client.scim("GET", f"/Groups?filter=members.value+eq+%22{ada}%22&")
    assert found.body["totalResults"] == 0
    assert (await client.patch_members("add", group, ada)).status == 400
    assert await client.user("ADA") not in {ada, bob}


async def test_r9_a_deleted_group_is_in_no_list_and_in_no_user(client: Client) -> None:
    ada = await client.user("ada")
    group = await client.group("Admins", ada)

    await client.scim("DELETE", f"/Groups/{group}")

    assert (await client.scim("GET", "/Groups")).body["totalResults"] == 0
    assert "groups" not in (await client.scim("GET", f"/Users/{ada}")).body
    assert await client.group("admins") != group


async def test_r10_an_effective_write_moves_version_and_time_and_a_repeated_one_neither(
    client: Client,
) -> None:
    ada = await client.user("ada")
    group = await client.group("Admins", ada)
    writes = [
        ("PUT", f"/Users/{ada}", {"userName": "ada", "title": "Lead"}),
        ("PATCH", f"/Users/{ada}", replacing(nickName="Addie")),
        ("PATCH", f"/Users/{ada}", patch(op("remove", "nickName"))),
        ("PUT", f"/Groups/{group}", {"displayName": "Owners", "members": [{"value": ada}]}),
        ("PATCH", f"/Groups/{group}", patch(op("remove", "members", value=[{"value": ada}]))),
        ("PATCH", f"/Groups/{group}", patch(op("add", "members", value=[{"value": ada}]))),
    ]

    for method, path, body in writes:
        first = (await client.scim("GET", path)).body["meta"]
        await client.scim(method, path, body)
        second = (await client.scim("GET", path)).body["meta"]
        await client.scim(method, path, body)
        third = (await client.scim("GET", path)).body["meta"]

        assert int(second["version"][3:-1]) == int(first["version"][3:-1]) + 1, (method, path)
        assert second["lastModified"] > first["lastModified"]
        assert second["created"] == first["created"]
        assert third == second, (method, path)


async def test_r10_sixteen_writers_of_one_group_lose_nobody(client: Client) -> None:
    users = [await client.user(f"user{each}") for each in range(16)]
    group = await client.group("Admins")

    answers = await asyncio.gather(*(client.patch_members("add", group, user) for user in users))

    assert {each.status for each in answers} == {204}
    assert await client.members(group) == set(users)
    assert (await client.scim("GET", f"/Groups/{group}")).headers["ETag"] == 'W/"17"'


async def test_r10_sixteen_writers_of_one_user_lose_no_change(client: Client) -> None:
    ada = await client.user("ada")
    emails = [f"ada{each}@x.test" for each in range(16)]

    answers = await asyncio.gather(
        *(
            client.scim("PATCH", f"/Users/{ada}", patch(op("add", "emails", value={"value": each})))
            for each in emails
        )
    )

    assert {each.status for each in answers} == {200}
    read = await client.scim("GET", f"/Users/{ada}")
    assert {each["value"] for each in read.body["emails"]} == set(emails)
    assert read.headers["ETag"] == 'W/"17"'
