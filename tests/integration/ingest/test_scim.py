"""SCIM over HTTP against a real Postgres: what is stored, what is refused, and in which words."""

import asyncio
import uuid
from urllib.parse import quote

import pytest

from tests.integration.ingest.client import PATCH_OP, Client, connect

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


async def test_user_names_are_unique_in_any_case_and_come_back_as_sent(client: Client) -> None:
    await client.user("Ada@Globex.test")

    twice = await client.scim("POST", "/Users", {"userName": "ADA@globex.TEST"})
    found = await client.scim("GET", "/Users?filter=userName+eq+%22ada%40GLOBEX.test%22&")

    assert (twice.status, twice.body["scimType"]) == (409, "uniqueness")
    assert [each["userName"] for each in found.body["Resources"]] == ["Ada@Globex.test"]


async def test_the_same_name_may_live_in_two_directories(client: Client) -> None:
    other = await connect(client.session, client.url, "Initech")
    ada = await client.user("ada")

    await other.user("ada")

    assert (await other.scim("GET", f"/Users/{ada}")).status == 404


async def test_a_token_opens_its_own_directory_alone(client: Client) -> None:
    other = await connect(client.session, client.url, "Initech")

    answer = await client.scim("GET", "/Users", Authorization=f"Bearer {other.token}")

    assert answer.status == 401
    assert answer.body["schemas"] == [ERROR]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer nope", "Basic YTpi", "Bearer scim_a_b"])
async def test_without_a_good_token_nothing_opens(client: Client, token: str) -> None:
    answer = await client.scim("GET", "/Nothing", Authorization=token)

    assert answer.status == 401
    assert answer.body["status"] == "401"


async def test_a_revoked_token_stops_opening_within_five_seconds(client: Client) -> None:
    key = client.token.split("_")[1]
    assert (await client.scim("GET", "/Users")).status == 200

    await client.manage("DELETE", f"/directories/{client.directory}/tokens/{key}")

    async with asyncio.timeout(6):
        while (await client.scim("GET", "/Users")).status != 401:
            await asyncio.sleep(0.1)


async def test_two_tokens_live_at_most(client: Client) -> None:
    path = f"/directories/{client.directory}/tokens"
    assert (await client.manage("POST", path, {"label": "second"})).status == 201

    third = await client.manage("POST", path, {"label": "third"})

    assert third.status == 409
    assert "revoke one" in third.body["detail"]


async def test_put_replaces_and_a_put_without_active_means_active(client: Client) -> None:
    ada = await client.user("ada", title="Lead", active=False)

    answer = await client.scim("PUT", f"/Users/{ada}?", {"userName": "ada"})

    assert answer.status == 200
    assert answer.body["active"] is True
    assert "title" not in answer.body


async def test_a_write_without_effect_moves_nothing(client: Client) -> None:
    ada = await client.user("ada", title="Lead")
    before = (await client.scim("GET", f"/Users/{ada}")).body["meta"]

    await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", "title": "Lead"})

    assert (await client.scim("GET", f"/Users/{ada}")).body["meta"] == before


async def test_posting_an_inactive_users_name_brings_the_user_back(client: Client) -> None:
    ada = await client.user("ada")
    await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", "active": False})

    again = await client.scim("POST", "/Users", {"userName": "Ada", "title": "Lead"})

    assert again.status == 201
    assert again.body["id"] == ada
    assert again.body["active"] is True
    assert again.body["title"] == "Lead"


async def test_a_deleted_user_is_gone_everywhere_and_its_name_is_free(client: Client) -> None:
    ada = await client.user("ada")
    group = await client.group("Admins", ada)

    deleted = await client.scim("DELETE", f"/Users/{ada}?")

    assert deleted.status == 204
    for method in ("GET", "PUT", "DELETE"):
        assert (await client.scim(method, f"/Users/{ada}", {"userName": "ada"})).status == 404
    assert await client.members(group) == set()
    assert await client.user("ada") != ada


@pytest.mark.parametrize(
    ("provider", "accept", "expected"),
    [
        ("onelogin", "*/*", "application/json"),
        ("onelogin", "application/scim+json", "application/scim+json"),
        ("generic", "*/*", "application/scim+json"),
        ("generic", "application/json", "application/json"),
    ],
)
@pytest.mark.parametrize("path", ["/Users", "/Nope"])
async def test_errors_have_the_media_type_of_other_answers(
    client: Client, provider: str, accept: str, expected: str, path: str
) -> None:
    theirs = await connect(client.session, client.url, provider=provider)

    answer = await theirs.scim("GET", path, Accept=accept)

    assert answer.headers["Content-Type"].partition(";")[0] == expected


@pytest.mark.parametrize("path", ["/Nope", "/Users/1/2", "//Users"])
async def test_an_unknown_path_is_named_with_the_paths_there_are(client: Client, path: str) -> None:
    answer = await client.scim("GET", path)

    assert answer.status == 404
    assert answer.body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert f"There is no endpoint {path} here." in answer.body["detail"]
    assert "/Groups" in answer.body["detail"]


async def test_removing_members_with_values_removes_just_those(client: Client) -> None:
    ada, bob = await client.user("ada"), await client.user("bob")
    group = await client.group("Admins", ada, bob)

    answer = await client.patch_members("remove", group, ada)

    assert answer.status == 204
    assert await client.members(group) == {bob}


async def test_a_user_of_whom_nobody_says_whether_it_is_active_can_be_a_member(
    client: Client,
) -> None:
    ada = await client.user("ada")
    operation = {"op": "remove", "path": "active"}
    await client.scim("PATCH", f"/Users/{ada}", {"schemas": [PATCH_OP], "Operations": [operation]})

    group = await client.group("Admins", ada)

    assert await client.members(group) == {ada}


async def test_adding_a_member_twice_is_one_member(client: Client) -> None:
    ada = await client.user("ada")
    group = await client.group("Admins")

    for _ in range(2):
        assert (await client.patch_members("add", group, ada)).status == 204

    assert await client.members(group) == {ada}


async def test_an_unknown_member_is_named_and_nothing_changes(client: Client) -> None:
    ada, stranger = await client.user("ada"), str(uuid.uuid4())
    group = await client.group("Admins")

    answer = await client.patch_members("add", group, ada, stranger)

    assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
    assert stranger in answer.body["detail"]
    assert await client.members(group) == set()


async def test_sixteen_writers_on_one_group_lose_nothing(client: Client) -> None:
    group = await client.group("Admins")
    users = [await client.user(f"user{number}") for number in range(64)]
    limit = asyncio.Semaphore(16)

    async def add(user: str) -> int:
        async with limit:
            return (await client.patch_members("add", group, user)).status

    async with asyncio.TaskGroup() as tasks:
        added = [tasks.create_task(add(user)) for user in users]

    assert {task.result() for task in added} == {204}
    assert await client.members(group) == set(users)


async def test_groups_are_listed_page_by_page_with_a_true_total(client: Client) -> None:
    names = {f"group {number}" for number in range(130)}
    for name in names:
        await client.group(name)

    first = (await client.scim("GET", "/Groups?count=100&startIndex=1&")).body
    second = (await client.scim("GET", "/Groups?count=100&startIndex=101&")).body

    assert (first["totalResults"], first["itemsPerPage"], second["itemsPerPage"]) == (130, 100, 30)
    listed = [each["displayName"] for each in first["Resources"] + second["Resources"]]
    assert sorted(listed) == sorted(names)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "scim_type", "word"),
    [
        ("POST", "/Users", b"{", 400, "invalidSyntax", "not JSON"),
        ("POST", "/Users", b"[]", 400, "invalidSyntax", "JSON object"),
        ("POST", "/Users", b'{"userName": "a\\u0000b"}', 400, "invalidValue", "NUL"),
        ("POST", "/Users", b'{"userName": "\\ud800"}', 400, "invalidSyntax", "JSON"),
        ("POST", "/Users", b'{"name": {}}', 400, "invalidValue", "userName"),
        ("POST", "/Users", b'{"userName": 7, "emails": 1e400}', 400, None, ""),
        ("POST", "/Groups", b"{}", 400, "invalidValue", "displayName"),
        ("GET", "/Users?filter=nope+eq+1", None, 400, "invalidFilter", "nope"),
        ("GET", "/Users?filter=userName+xx+1", None, 400, "invalidFilter", ""),
        ("GET", "/Users?startIndex=one", None, 400, "invalidValue", "whole number"),
        ("GET", "/Users/not-an-id", None, 404, None, "not-an-id"),
        ("GET", "/Nothing", None, 404, None, "Nothing"),
        ("PATCH", "/Users", b"{}", 405, None, "PATCH"),
        ("PATCH", f"/Users/{uuid.UUID(int=1)}", b"{}", 400, "invalidSyntax", "Operations"),
    ],
)
async def test_what_cannot_be_done_is_said_in_scim(  # a table of cases
    client: Client,
    method: str,
    path: str,
    body: bytes | None,
    status: int,
    scim_type: str | None,
    word: str,
) -> None:
    answer = await client.scim(method, path, body)

    assert (answer.status, answer.body["status"]) == (status, str(status))
    assert answer.body["schemas"] == [ERROR]
    assert scim_type in {None, answer.body.get("scimType")}
    assert word in answer.body["detail"]
    assert (await client.scim("GET", "/Users")).body["totalResults"] == 0


async def test_a_body_over_one_mebibyte_is_refused(client: Client) -> None:
    body = b'{"userName": "ada", "title": "%s"}' % (b"x" * 1024 * 1024)

    assert (await client.scim("POST", "/Users", body)).status == 413


async def test_a_body_that_is_not_declared_as_json_is_refused(client: Client) -> None:
    headers = {"Content-Type": "text/plain"}

    assert (await client.scim("POST", "/Users", b"{}", **headers)).status == 415


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName sw "A"', {"ada"}),
        ('emails.value eq "ada@globex.test"', {"ada"}),
        ('emails[type eq "work" and value co "bob"]', {"bob"}),
        ("not (active eq true)", {"bob"}),
        ('title ne "Lead"', {"bob", "cy"}),
        ("title pr", {"ada"}),
        ('userName eq "ada" or userName eq "cy"', {"ada", "cy"}),
        ('urn:ietf:params:scim:schemas:core:2.0:User:name.familyName eq "kovac"', {"ada"}),
        ('userName co "%"', set()),
        ('meta.created gt "2020-01-01T00:00:00Z"', {"ada", "bob", "cy"}),
    ],
)
async def test_filters_select_in_postgres(client: Client, text: str, expected: set[str]) -> None:
    email = {"type": "work", "primary": True}
    ada = {"title": "Lead", "name": {"familyName": "Kovac"}}
    await client.user("ada", **ada, emails=[{"value": "ada@globex.test", **email}])
    await client.user("bob", active=False, emails=[{"value": "bob@globex.test", **email}])
    await client.user("cy")

    body = (await client.scim("GET", f"/Users?filter={quote(text)}")).body

    assert {each["userName"] for each in body["Resources"]} == expected
    assert body["totalResults"] == len(expected)


async def test_users_name_their_groups_and_groups_their_members(client: Client) -> None:
    ada = await client.user("ada")
    group = await client.group("Admins", ada)

    user = (await client.scim("GET", f"/Users/{ada}")).body
    found = (await client.scim("GET", f"/Groups?filter=members.value+eq+%22{ada}%22")).body
    bare = (await client.scim("GET", f"/Groups/{group}?excludedAttributes=members")).body

    assert [each["display"] for each in user["groups"]] == ["Admins"]
    assert [each["id"] for each in found["Resources"]] == [group]
    assert "members" not in bare
