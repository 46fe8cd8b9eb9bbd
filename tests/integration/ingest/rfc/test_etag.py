"""Entity tags (checklist section 8, RFC 7644 §3.14)."""

import asyncio

import pytest

from tests.integration.ingest.client import Client
from tests.integration.ingest.rfc.scim import replacing


async def test_e1_every_answer_about_one_resource_carries_its_version(client: Client) -> None:
    made = await client.scim("POST", "/Users", {"userName": "ada"})
    path = f"/Users/{made.body['id']}"
    read = await client.scim("GET", path)
    put = await client.scim("PUT", path, {"userName": "ada", "title": "Lead"})
    patched = await client.scim("PATCH", path, replacing(title="Boss"))

    tags = [each.headers["ETag"] for each in (made, read, put, patched)]

    assert tags == ['W/"1"', 'W/"1"', 'W/"2"', 'W/"3"']
    assert [each.body["meta"]["version"] for each in (made, read, put, patched)] == tags


async def test_e1_lists_carry_the_versions_too(client: Client) -> None:
    ada = await client.user("ada")
    await client.scim("PATCH", f"/Users/{ada}", replacing(title="Boss"))

    [listed] = (await client.scim("GET", "/Users")).body["Resources"]

    assert listed["meta"]["version"] == 'W/"2"'


async def test_e1_a_patch_of_a_group_says_its_version_without_a_body(client: Client) -> None:
    group = await client.group("Admins")

    answer = await client.patch_members("add", group, await client.user("ada"))

    assert (answer.status, answer.headers["ETag"]) == (204, 'W/"2"')
    read = await client.scim("GET", f"/Groups/{group}")
    assert read.body["meta"]["version"] == 'W/"2"'


@pytest.mark.parametrize(
    "tag", ['W/"1"', '"1"', "*", '"7", W/"1"', '"7" , "1",', 'w/"1"'], ids=lambda tag: tag
)
async def test_e2_a_write_passes_with_the_tag_of_the_stored_version(
    client: Client, tag: str
) -> None:
    ada = await client.user("ada")

    answer = await client.scim("PATCH", f"/Users/{ada}", replacing(title="x"), **{"If-Match": tag})

    assert (answer.status, answer.headers["ETag"]) == (200, 'W/"2"')


@pytest.mark.parametrize("tag", ['W/"2"', '"0", "3"', '"01"', '""'])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_e2_a_write_with_another_tag_is_412_and_changes_nothing(
    client: Client, method: str, tag: str
) -> None:
    ada = await client.user("ada")
    body = {"PUT": {"userName": "x"}, "PATCH": replacing(userName="x")}.get(method)

    answer = await client.scim(method, f"/Users/{ada}", body, **{"If-Match": tag})

    assert (answer.status, answer.body["status"]) == (412, "412")
    read = (await client.scim("GET", f"/Users/{ada}")).body
    assert (read["userName"], read["meta"]["version"]) == ("ada", 'W/"1"')


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_e2_groups_have_conditions_too(client: Client, method: str) -> None:
    group = await client.group("Admins")
    body = {"PUT": {"displayName": "x"}, "PATCH": replacing(displayName="x")}.get(method)
    path = f"/Groups/{group}"

    lost = await client.scim(method, path, body, **{"If-Match": '"9"'})
    passed = await client.scim(method, path, body, **{"If-Match": '"1"'})

    assert (lost.status, passed.status // 100) == (412, 2)


async def test_e2_a_condition_on_what_does_not_exist_is_404(client: Client) -> None:
    path = "/Users/00000000-0000-4000-8000-000000000000"

    answer = await client.scim("DELETE", path, **{"If-Match": "*"})

    assert answer.status == 404


@pytest.mark.parametrize("tag", ["1", "W/1", '"1', '"1" "2"', "", " , ", '"1",*'])
async def test_e2_a_malformed_condition_is_400(client: Client, tag: str) -> None:
    ada = await client.user("ada")

    answer = await client.scim("DELETE", f"/Users/{ada}", **{"If-Match": tag})

    assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
    assert "If-Match" in answer.body["detail"]


async def test_e2_if_none_match_with_any_tag_refuses_to_overwrite(client: Client) -> None:
    ada = await client.user("ada")

    answer = await client.scim("PUT", f"/Users/{ada}", {"userName": "x"}, **{"If-None-Match": "*"})

    assert answer.status == 412


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', "*", '"5", "1"'])
@pytest.mark.parametrize("kind", ["Users", "Groups"])
async def test_e3_a_client_that_has_the_version_gets_304_without_a_body(
    client: Client, kind: str, tag: str
) -> None:
    key = await client.user("ada") if kind == "Users" else await client.group("Admins")

    answer = await client.scim("GET", f"/{kind}/{key}", **{"If-None-Match": tag})

    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, None, 'W/"1"')


async def test_e3_a_client_with_an_older_version_gets_the_new_one(client: Client) -> None:
    ada = await client.user("ada")
    await client.scim("PATCH", f"/Users/{ada}", replacing(title="Boss"))

    answer = await client.scim("GET", f"/Users/{ada}", **{"If-None-Match": 'W/"1"'})

    assert (answer.status, answer.body["title"]) == (200, "Boss")


async def test_e3_a_get_with_if_match_of_another_version_is_412(client: Client) -> None:
    ada = await client.user("ada")

    assert (await client.scim("GET", f"/Users/{ada}", **{"If-Match": '"2"'})).status == 412


async def test_e4_of_two_writers_with_one_tag_one_wins(client: Client) -> None:
    ada = await client.user("ada")

    for version in range(1, 11):
        answers = await asyncio.gather(
            *(
                client.scim(
                    "PUT",
                    f"/Users/{ada}",
                    {"userName": "ada", "title": f"{version} {writer}"},
                    **{"If-Match": f'W/"{version}"'},
                )
                for writer in "ab"
            )
        )
        winner = next(each for each in answers if each.status == 200)

        assert sorted(each.status for each in answers) == [200, 412]
        assert (await client.scim("GET", f"/Users/{ada}")).body["title"] == winner.body["title"]


async def test_e4_of_sixteen_writers_of_one_version_one_wins_and_the_careless_all_pass(
    client: Client,
) -> None:
    ada = await client.user("ada")

    async def write(writer: int) -> int:
        condition = {"If-Match": 'W/"1"'} if writer % 2 else {}
        body = replacing(**{f"urn:x:custom{writer}": "x", "title": str(writer)})
        return (await client.scim("PATCH", f"/Users/{ada}", body, **condition)).status

    statuses = await asyncio.gather(*map(write, range(16)))

    careless, careful = statuses[0::2], statuses[1::2]
    assert careless == [200] * 8
    assert careful.count(200) <= 1
    assert careful.count(200) + careful.count(412) == 8
    version = (await client.scim("GET", f"/Users/{ada}")).headers["ETag"]
    assert version == f'W/"{1 + statuses.count(200)}"'
