"""What the service says it can do: rows X1 to X4 of the checklist (RFC 7644 §4)."""

import pytest

from tests.integration.ingest.client import Client

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0"
LISTS = ("/ResourceTypes", "/Schemas")
CHARACTERISTICS = {
    "name", "type", "multiValued", "description", "required", "caseExact", "mutability",
    "returned", "uniqueness",
}  # fmt: skip


async def test_x1_the_configuration_has_every_feature_it_must_name(client: Client) -> None:
    answer = await client.scim("GET", "/ServiceProviderConfig")

    body = answer.body
    assert answer.status == 200
    assert body["schemas"] == [f"{CORE}:ServiceProviderConfig"]
    for feature in ("patch", "bulk", "filter", "changePassword", "sort", "etag"):
        assert isinstance(body[feature]["supported"], bool), feature
    assert {"maxOperations", "maxPayloadSize"} <= body["bulk"].keys()
    assert body["filter"]["maxResults"] > 0
    [scheme] = body["authenticationSchemes"]
    assert {"type", "name", "description"} <= scheme.keys()
    assert body["meta"]["location"].endswith("/ServiceProviderConfig")


async def test_x1_the_configuration_is_true(client: Client) -> None:
    body = (await client.scim("GET", "/ServiceProviderConfig")).body
    ada = await client.user("ada", title="Lead")

    patched = await client.scim(
        "PATCH", f"/Users/{ada}", {"Operations": [{"op": "remove", "path": "title"}]}
    )
    found = await client.scim("GET", "/Users?filter=userName+eq+%22ada%22")
    one = await client.scim("GET", f"/Users/{ada}")
    bulk = await client.scim("POST", "/Bulk", {"Operations": []})

    assert body["patch"]["supported"] == (patched.status == 200)
    assert body["filter"]["supported"] == (found.body["totalResults"] == 1)
    assert body["etag"]["supported"] == ("version" in one.body["meta"])
    assert body["bulk"]["supported"] == (bulk.status not in {404, 501})


async def test_x2_resource_types_name_endpoint_schema_and_extensions(client: Client) -> None:
    listed = {
        each["id"]: each for each in (await client.scim("GET", "/ResourceTypes")).body["Resources"]
    }

    assert {"User", "Group"} <= listed.keys()
    for name in ("User", "Group"):
        one = listed[name]
        assert one["schemas"] == [f"{CORE}:ResourceType"]
        assert (one["name"], one["endpoint"]) == (name, f"/{name}s")
        assert one["schema"] == f"{CORE}:{name}"
        assert (await client.scim("GET", f"/ResourceTypes/{name}")).body == one
        assert (await client.scim("GET", one["endpoint"])).status == 200
    assert listed["User"]["schemaExtensions"] == [{"schema": ENTERPRISE, "required": False}]


async def test_x3_every_served_schema_has_every_characteristic(client: Client) -> None:
    types = (await client.scim("GET", "/ResourceTypes")).body["Resources"]
    served = {each["schema"] for each in types} | {
        extension["schema"] for each in types for extension in each.get("schemaExtensions", [])
    }

    listed = {each["id"]: each for each in (await client.scim("GET", "/Schemas")).body["Resources"]}

    assert served <= listed.keys()
    for urn, schema in listed.items():
        assert (await client.scim("GET", f"/Schemas/{urn}")).body == schema
        assert schema["meta"]["location"].endswith(f"/Schemas/{urn}")
        described = [
            part for each in schema["attributes"] for part in (each, *each.get("subAttributes", []))
        ]
        assert described
        assert all(part.keys() >= CHARACTERISTICS for part in described)


@pytest.mark.parametrize("path", LISTS)
async def test_x4_lists_are_list_responses_and_ignore_parameters(client: Client, path: str) -> None:
    plain = (await client.scim("GET", path)).body

    asked = await client.scim(
        "GET", f"{path}?sortBy=name&sortOrder=descending&startIndex=2&count=1&attributes=name"
    )

    assert plain["schemas"] == [LIST]
    assert plain["totalResults"] == plain["itemsPerPage"] == len(plain["Resources"])
    assert asked.body == plain


@pytest.mark.parametrize("path", LISTS)
async def test_x4_an_unknown_id_is_not_found(client: Client, path: str) -> None:
    answer = await client.scim("GET", f"{path}/urn:nobody:knows:it")

    assert (answer.status, answer.body["status"]) == (404, "404")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/ServiceProviderConfig", *LISTS, "/ResourceTypes/User", f"/Schemas/{CORE}:User"]
)
async def test_x4_discovery_cannot_be_written(client: Client, path: str, method: str) -> None:
    answer = await client.scim(method, path, {})

    assert (answer.status, answer.body["status"]) == (405, "405")
    assert answer.headers["Allow"]
