"""Bulk (checklist section 9, RFC 7644 §3.7)."""

import itertools
import uuid
from typing import Any

import orjson
import pytest
from scim2_models import BulkResponse, Group, User

from tests.integration.ingest.client import Answer, Client
from tests.integration.ingest.rfc.scim import ENTERPRISE, NOBODY, op, patch, replacing

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def post(bulk_id: str, path: str = "/Users", **data: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "bulkId": bulk_id, "data": data}


def user(bulk_id: str, manager: str | None = None, **data: Any) -> dict[str, Any]:
    extension = {ENTERPRISE: {"manager": {"value": f"bulkId:{manager}"}}} if manager else {}
    return post(bulk_id, userName=data.pop("userName", bulk_id), **extension, **data)


def group(bulk_id: str, *members: str) -> dict[str, Any]:
    listed = [{"type": "User", "value": each} for each in members]
    return post(bulk_id, "/Groups", displayName=bulk_id, members=listed)


async def send(client: Client, *operations: Any, **fields: Any) -> Answer:
    body = {"schemas": [REQUEST], "Operations": list(operations), **fields}
    return await client.scim("POST", "/Bulk", body)


async def results(client: Client, *operations: Any, **fields: Any) -> list[dict[str, Any]]:
    answer = await send(client, *operations, **fields)
    assert answer.status == 200, answer.body
    BulkResponse[User | Group].model_validate(answer.body)
    found: list[dict[str, Any]] = answer.body["Operations"]
    return found


def statuses(found: list[dict[str, Any]]) -> list[str]:
    return [each["status"] for each in found]


async def manager_of(client: Client, user_name: str) -> str | None:
    found = await client.scim("GET", f"/Users?filter=userName+eq+%22{user_name}%22&")
    [one] = found.body["Resources"]
    manager: str | None = one.get(ENTERPRISE, {}).get("manager", {}).get("value")
    return manager


async def names(client: Client, kind: str) -> set[str]:
    listed = (await client.scim("GET", f"/{kind}")).body.get("Resources", [])
    return {each.get("userName") or each["displayName"] for each in listed}


async def test_b1_b3_each_operation_has_its_result(client: Client) -> None:
    ada, bob = await client.user("ada"), await client.user("bob")

    found = await results(
        client,
        user("cy"),
        {"method": "PUT", "path": f"/Users/{ada}", "data": {"userName": "ada", "title": "Lead"}},
        {"method": "patch", "path": f"/Users/{bob}", "data": replacing(title="Boss")},
        {"method": "DELETE", "path": f"Users/{bob}"},
    )

    base = f"{client.url}/scim/v2/{client.directory}/Users/"
    cy = found[0].pop("location")
    assert cy.startswith(base)
    assert found == [
        {"method": "POST", "bulkId": "cy", "version": 'W/"1"', "status": "201"},
        {"method": "PUT", "location": base + ada, "version": 'W/"2"', "status": "200"},
        {"method": "PATCH", "location": base + bob, "version": 'W/"2"', "status": "200"},
        {"method": "DELETE", "location": base + bob, "status": "204"},
    ]
    assert await names(client, "Users") == {"ada", "cy"}
    assert (await client.scim("GET", f"/Users/{ada}")).body["title"] == "Lead"


async def test_b1_groups_are_written_in_bulk_too(client: Client) -> None:
    ada = await client.user("ada")
    admins, owners = await client.group("Admins"), await client.group("Owners")

    found = await results(
        client,
        group("Staff", ada),
        {
            "method": "PATCH",
            "path": f"/Groups/{admins}",
            "data": patch(op("add", "members", value=[{"value": ada}])),
        },
        {"method": "DELETE", "path": f"/Groups/{owners}"},
    )

    assert statuses(found) == ["201", "200", "204"]
    assert await names(client, "Groups") == {"Admins", "Staff"}
    assert await client.members(admins) == {ada}


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"method": "GET", "path": "/Users"}, "405"),
        ({"method": "PUT", "path": "/Users", "data": {"userName": "x"}}, "405"),
        ({"method": "POST", "path": f"/Users/{NOBODY}", "bulkId": "x", "data": {}}, "405"),
        ({"method": "POST", "path": "/Users", "data": {"userName": "x"}}, "400"),
        ({"method": "POST", "path": "/Bulk", "bulkId": "x", "data": {}}, "404"),
        ({"method": "POST", "path": "/Schemas", "bulkId": "x", "data": {}}, "404"),
        ({"method": "POST", "path": "/Users", "bulkId": "x"}, "400"),
        ({"method": "PATCH", "path": f"/Users/{NOBODY}", "data": replacing(title="x")}, "404"),
        ({"path": "/Users"}, "400"),
        ("POST /Users", "400"),
    ],
)
async def test_b2_what_is_wrong_with_one_operation_is_its_own_error(
    client: Client, operation: Any, status: str
) -> None:
    answer = await send(client, operation, user("ada"))

    wrong, right = answer.body["Operations"]
    assert (wrong["status"], wrong["response"]["status"]) == (status, status)
    assert wrong["response"]["detail"]
    assert right["status"] == "201"


async def test_b2_posts_with_one_bulk_id_are_all_refused(client: Client) -> None:
    found = await results(
        client, user("a", userName="ada"), user("a", userName="bob"), group("g", "bulkId:a")
    )

    assert statuses(found) == ["400", "400", "409"]
    assert await names(client, "Users") == set()


async def test_b2_the_version_of_an_operation_is_a_condition(client: Client) -> None:
    ada = await client.user("ada")
    path = f"/Users/{ada}"

    found = await results(
        client,
        {"method": "PATCH", "path": path, "version": 'W/"7"', "data": replacing(title="x")},
        {"method": "PATCH", "path": path, "version": 'W/"1"', "data": replacing(title="y")},
        {"method": "DELETE", "path": path, "version": 'W/"1"'},
        {"method": "DELETE", "path": path, "version": "2"},
    )

    assert statuses(found) == ["412", "200", "412", "400"]
    assert (await client.scim("GET", path)).body["title"] == "y"


async def test_b3_a_failed_post_has_no_location_and_says_why(client: Client) -> None:
    await client.user("ada")

    [found] = await results(client, user("a", userName="ADA"))

    assert found.keys() == {"method", "bulkId", "status", "response"}
    assert (found["status"], found["response"]["scimType"]) == ("409", "uniqueness")


async def test_b4_members_and_paths_refer_to_what_is_made_in_the_same_request(
    client: Client,
) -> None:
    bob = await client.user("bob")

    found = await results(
        client,
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:g",
            "data": patch(op("add", "members", value=[{"value": "bulkId:c"}, {"value": bob}])),
        },
        group("g", "bulkId:a", "bulkId:b"),
        user("a"),
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:g",
            "data": patch(op("remove", 'members[value eq "bulkId:b"]')),
        },
        user("b", userName="bee"),
        user("c"),
    )

    assert statuses(found) == ["200", "201", "201", "200", "201", "201"]
    a, c = (found[place]["location"].rpartition("/")[2] for place in (2, 5))
    made = found[1]["location"].rpartition("/")[2]
    assert await client.members(made) == {a, c, bob}


async def test_b4_two_users_manage_each_other(client: Client) -> None:
    found = await results(client, user("a", "b"), user("b", "a"), user("c", "c"))

    assert statuses(found) == ["201", "201", "201"]
    a, b, c = (each["location"].rpartition("/")[2] for each in found)
    assert await manager_of(client, "a") == b
    assert await manager_of(client, "b") == a
    assert await manager_of(client, "c") == c


async def test_b4_of_a_circle_all_are_made_or_none(client: Client) -> None:
    await client.user("bee")

    found = await results(
        client, user("a", "b"), user("b", "a", userName="BEE"), group("g", "bulkId:a"), user("z")
    )

    assert statuses(found) == ["409", "409", "409", "201"]
    assert [each.get("response", {}).get("scimType") for each in found[:2]] == [None, "uniqueness"]
    assert "bulkId:b" in found[0]["response"]["detail"]
    assert await names(client, "Users") == {"bee", "z"}


async def test_b4_a_circle_leads_to_the_user_who_comes_back(client: Client) -> None:
    bob = await client.user("bob", active=False)

    found = await results(client, user("a", "b"), user("b", "a", userName="bob"))

    assert statuses(found) == ["201", "201"]
    assert found[1]["location"].endswith(bob)
    assert await manager_of(client, "a") == bob
    assert await manager_of(client, "bob") == found[0]["location"].rpartition("/")[2]


async def test_b4_what_cannot_be_resolved_is_409_for_that_operation(client: Client) -> None:
    await client.user("ada")

    found = await results(
        client,
        group("g", "bulkId:nobody"),
        user("a", userName="ada"),
        group("h", "bulkId:a"),
        {"method": "DELETE", "path": "/Users/bulkId:a"},
        user("b"),
    )

    assert statuses(found) == ["409", "409", "409", "409", "201"]
    assert await names(client, "Groups") == set()


async def test_b4_a_group_in_a_group_is_refused_for_that_operation(client: Client) -> None:
    found = await results(client, group("g", "bulkId:h"), group("h"))

    assert statuses(found) == ["400", "201"]
    assert found[0]["response"]["scimType"] == "invalidValue"


async def test_b5_after_so_many_errors_the_rest_is_not_executed(client: Client) -> None:
    await client.user("ada")
    taken, gone = user("a", userName="ada"), {"method": "DELETE", "path": f"/Users/{NOBODY}"}

    found = await results(client, user("x"), taken, user("y"), gone, user("z"), failOnErrors=2)

    assert statuses(found) == ["201", "409", "201", "404"]
    assert await names(client, "Users") == {"ada", "x", "y"}


async def test_b5_without_a_limit_errors_stop_nothing(client: Client) -> None:
    await client.user("ada")

    found = await results(
        client, *(user(f"a{each}", userName="ada") for each in range(9)), user("z")
    )

    assert statuses(found) == ["409"] * 9 + ["201"]


@pytest.mark.parametrize("limit", [0, -1, "1", True])
async def test_b5_a_limit_that_is_no_count_is_refused(client: Client, limit: Any) -> None:
    answer = await send(client, user("a"), failOnErrors=limit)

    assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
    assert await names(client, "Users") == set()


@pytest.mark.parametrize("body", [[], {}, {"Operations": []}, {"Operations": "x"}, b"{"])
async def test_b1_a_body_without_operations_is_400(client: Client, body: Any) -> None:
    answer = await client.scim("POST", "/Bulk", body or b"[]")

    assert (answer.status, answer.body["scimType"]) == (400, "invalidSyntax")


async def test_b6_the_limits_are_advertised(client: Client) -> None:
    offered = (await client.scim("GET", "/ServiceProviderConfig")).body

    assert offered["bulk"] == {
        "supported": True,
        "maxOperations": 1000,
        "maxPayloadSize": 4 * 1024 * 1024,
    }
    assert offered["etag"] == {"supported": True}


async def test_b6_more_operations_than_advertised_are_413_and_none_is_executed(
    client: Client,
) -> None:
    answer = await send(client, *(user(str(each)) for each in range(1001)))

    assert (answer.status, answer.body["status"]) == (413, "413")
    assert "1000" in answer.body["detail"]
    assert await names(client, "Users") == set()


async def test_b6_as_many_operations_as_advertised_are_executed(client: Client) -> None:
    found = await results(client, *(user(f"u{each}") for each in range(1000)))

    assert statuses(found) == ["201"] * 1000
    listed = await client.scim("GET", "/Users?count=0")
    assert listed.body["totalResults"] == 1000


async def test_b6_a_payload_up_to_the_limit_is_read_and_a_larger_one_is_413(
    client: Client,
) -> None:
    def padded(size: int) -> bytes:
        body = {"Operations": [user(str(size))], "padding": ""}
        padding = "x" * (size - len(orjson.dumps(body)))
        return orjson.dumps(body | {"padding": padding})

    limit = 4 * 1024 * 1024
    fits = await client.scim("POST", "/Bulk", padded(limit))
    large = await client.scim("POST", "/Bulk", padded(limit + 1))
    single = await client.scim("POST", "/Users", padded(1024 * 1024 + 1))

    assert statuses(fits.body["Operations"]) == ["201"]
    assert (large.status, large.body["status"]) == (413, "413")
    assert str(limit) in large.body["detail"]
    assert single.status == 413
    assert str(1024 * 1024) in single.body["detail"]


async def test_b7_a_failed_operation_leaves_nothing_behind_and_the_others_stay(
    client: Client,
) -> None:
    ada = await client.user("ada")
    half = patch(op("replace", "title", value="x"), op("replace", "nonsense.x", value="y"))

    found = await results(
        client,
        user("x"),
        {"method": "PATCH", "path": f"/Users/{ada}", "data": half},
        group("g", ada, NOBODY),
        user("y"),
    )

    assert statuses(found) == ["201", "400", "400", "201"]
    assert "title" not in (await client.scim("GET", f"/Users/{ada}")).body
    assert await names(client, "Groups") == set()
    assert await names(client, "Users") == {"ada", "x", "y"}


async def test_b7_changes_of_one_resource_keep_their_order(client: Client) -> None:
    ada, group_id = await client.user("ada"), await client.group("g")

    def members(name: str, *values: str) -> dict[str, Any]:
        listed = [{"value": each} for each in values]
        return {
            "method": "PATCH",
            "path": f"/Groups/{group_id}",
            "data": patch(op(name, "members", value=listed)),
        }

    found = await results(
        client, members("add", ada, "bulkId:b"), members("remove", ada), user("b")
    )

    assert statuses(found) == ["200", "200", "201"]
    assert await client.members(group_id) == {found[2]["location"].rpartition("/")[2]}


async def test_b7_any_order_of_the_same_operations_makes_the_same_directory(
    client: Client,
) -> None:
    for number, shuffled in enumerate(itertools.permutations("abg")):
        made = {each: str(uuid.uuid4()) for each in "abg"}
        operations = {
            "a": user("a", "b", userName=made["a"]),
            "b": user("b", userName=made["b"]),
            "g": post("g", "/Groups", displayName=made["g"], members=[{"value": "bulkId:a"}]),
        }

        found = await results(client, *(operations[each] for each in shuffled))

        ids = {each["bulkId"]: each["location"].rpartition("/")[2] for each in found}
        assert [each["bulkId"] for each in found] == list(shuffled), number
        assert statuses(found) == ["201"] * 3
        assert await manager_of(client, made["a"]) == ids["b"]
        assert await client.members(ids["g"]) == {ids["a"]}
