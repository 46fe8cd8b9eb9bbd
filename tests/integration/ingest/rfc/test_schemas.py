"""Extension schemas of a directory: declared, served, filtered, changed, removed."""

import asyncio
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.ingest.client import PATCH_OP, Answer, Client, connect
from tests.support.waiting import eventually

BADGE = "urn:acme:params:scim:schemas:extension:badge:2.0:User"
TEAM = "urn:ietf:params:scim:schemas:extension:acme:2.0:Group"
CORE = "urn:ietf:params:scim:schemas:core:2.0"


def attribute(name: str, kind: str = "string", /, **characteristics: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "description": f"The {name}."} | characteristics


SCHEMA = {
    "id": BADGE,
    "name": "Badge",
    "description": "What the doors know.",
    "attributes": [
        attribute("color", canonicalValues=["red", "blue"]),
        attribute("number", "integer", mutability="immutable"),
        attribute("height", "decimal"),
        attribute("issued", "dateTime"),
        attribute("valid", "boolean"),
        attribute("photo", "binary"),
        attribute("page", "reference", referenceTypes=["external"]),
        attribute("zones", multiValued=True),
        attribute("holder", returned="always"),
        attribute("notes", returned="request"),
        attribute("hidden", returned="never"),
        attribute("pin", mutability="writeOnly", returned="never"),
        attribute("printed", "dateTime", mutability="readOnly"),
        attribute(
            "doors",
            "complex",
            multiValued=True,
            subAttributes=[
                attribute("value", required=True),
                attribute("floor", "integer"),
                attribute("type"),
            ],
        ),
        attribute(
            "case",
            "complex",
            subAttributes=[attribute("shade"), attribute("weight", "decimal")],
        ),
    ],
}
STRICT = {"id": BADGE, "name": "Badge", "attributes": [attribute("color", required=True),
                                                       attribute("floor", "integer")]}  # fmt: skip


async def declare(client: Client, schema: dict[str, Any], **changes: Any) -> Answer:
    wanted = schema | changes
    path = f"/directories/{client.directory}/schemas/{quote(wanted['id'], safe='')}"
    return await client.manage("PUT", path, wanted)


async def remove(client: Client, urn: str, query: str = "") -> Answer:
    return await client.manage("DELETE", f"/directories/{client.directory}/schemas/{urn}{query}")


async def until_served(client: Client, urn: str) -> None:
    """Wait until a declaration is effective: 5 s, since tokens are remembered so long."""

    async def is_served() -> bool:
        return (await client.scim("GET", f"/Schemas/{urn}")).status == 200

    await eventually(is_served, within_s=6)


async def found(client: Client, text: str, path: str = "/Users") -> set[str]:
    answer = await client.scim("GET", f"{path}?filter={quote(text)}")
    assert answer.status == 200, answer
    return {each.get("userName") or each["displayName"] for each in answer.body["Resources"]}


async def patch(client: Client, user: str, *operations: dict[str, Any]) -> Answer:
    body = {"schemas": [PATCH_OP], "Operations": list(operations)}
    return await client.scim("PATCH", f"/Users/{user}", body)


async def test_x3_what_schemas_answers_can_be_declared_and_is_answered_again(
    client: Client,
) -> None:
    made = await declare(client, SCHEMA)
    served = (await client.scim("GET", f"/Schemas/{BADGE}")).body

    again = await client.manage("PUT", f"/directories/{client.directory}/schemas/{BADGE}", served)

    assert (made.status, again.status) == (201, 200)
    assert made.body == again.body
    assert made.body["resourceType"] == "User"
    assert (await client.scim("GET", f"/Schemas/{BADGE}")).body == served
    assert served["schemas"] == [f"{CORE}:Schema"]
    sent = {each["name"]: each for each in SCHEMA["attributes"]}
    for each in served["attributes"]:
        assert (
            each.items()
            >= {
                key: value for key, value in sent[each["name"]].items() if key != "subAttributes"
            }.items()
        )
    listed = (await client.manage("GET", f"/directories/{client.directory}/schemas")).body["items"]
    assert listed == [made.body]


async def test_x2_a_declared_schema_is_named_by_its_resource_type_alone(client: Client) -> None:
    await declare(client, SCHEMA)
    await declare(client, SCHEMA, id=TEAM, name="Team")

    listed = (await client.scim("GET", "/ResourceTypes")).body["Resources"]

    extensions = {
        each["id"]: [one["schema"] for one in each["schemaExtensions"]] for each in listed
    }
    assert extensions["User"][1:] == [BADGE]
    assert extensions["Group"] == [TEAM]


async def test_x3_a_declaration_is_effective_within_five_seconds_and_so_is_its_end(
    client: Client,
) -> None:
    assert (await client.scim("GET", f"/Schemas/{BADGE}")).status == 404

    await declare(client, SCHEMA)

    await until_served(client, BADGE)
    assert (await remove(client, BADGE)).status == 204
    async with asyncio.timeout(6):
        while (await client.scim("GET", f"/Schemas/{BADGE}")).status != 404:
            await asyncio.sleep(0.1)


async def test_x3_a_directory_does_not_see_the_schemas_of_another(client: Client) -> None:
    other = await connect(client.session, client.url, "Initech")
    await declare(client, SCHEMA)

    assert (await other.scim("GET", f"/Schemas/{BADGE}")).status == 404


async def test_d1_values_come_in_as_providers_write_them_and_leave_by_their_type(
    client: Client,
) -> None:
    await declare(client, SCHEMA)
    sent = {
        "COLOR": "green", "number": "0042", "height": "1.5", "valid": "True", "photo": "YQ==",
        "issued": "2026-03-01T10:30:00+01:00", "zones": ["a", "b", "a"], "page": "https://a.test",
        "doors": {"value": "north", "floor": "3"}, "madeUp": "x",
    }  # fmt: skip

    made = await client.scim(
        "POST", "/Users", {"userName": "ada", BADGE.lower(): sent | {"color": ""}}
    )

    assert made.status == 201
    assert made.body["schemas"] == [f"{CORE}:User", BADGE]
    assert made.body[BADGE] == {
        "number": 42, "height": 1.5, "valid": True, "photo": "YQ==",
        "issued": "2026-03-01T09:30:00Z", "zones": ["a", "b"], "page": "https://a.test",
        "doors": [{"value": "north", "floor": 3}], "color": "green",
    }  # fmt: skip
    assert (await client.scim("GET", f"/Users/{made.body['id']}")).body[BADGE] == made.body[BADGE]


async def test_d1_the_urn_is_named_only_where_the_extension_is_shown(client: Client) -> None:
    await declare(client, SCHEMA)
    ada = await client.user("ada", **{BADGE: {"color": "red", "hidden": "x"}})
    bob = await client.user("bob", **{BADGE: {"hidden": "x"}})

    for user, names, shown in (
        (ada, "", True),
        (ada, "?attributes=userName", False),
        (ada, f"?excludedAttributes={BADGE}", False),
        (ada, f"?attributes={BADGE}:color", True),
        (bob, "", False),
    ):
        body = (await client.scim("GET", f"/Users/{user}{names}")).body
        assert (BADGE in body["schemas"], BADGE in body) == (shown, shown), names


@pytest.mark.parametrize(
    ("value", "named", "word"),
    [
        ({"number": 1.5}, "number", "whole number"),
        ({"number": True}, "number", "whole number"),
        ({"number": 2**63}, "number", "larger"),
        ({"number": "9" * 19}, "number", "larger"),
        ({"number": "1e3"}, "number", "whole number"),
        ({"height": "high"}, "height", "a number"),
        ({"height": "1e999"}, "height", "unusual size"),
        ({"issued": "yesterday"}, "issued", "moment"),
        ({"issued": "2026-03-01"}, "issued", "moment"),
        ({"issued": "0001-01-01T00:00:00+14:00"}, "issued", "moment"),
        ({"valid": "perhaps"}, "valid", "true or false"),
        ({"photo": "no base64!"}, "photo", "base64"),
        ({"color": {"a": "b"}}, "color", "text"),
        ({"zones": [{"a": "b"}]}, "zones", "text"),
        ({"doors": [{"floor": 1}]}, "doors.value", "required"),
        ({"doors": [{"value": "a", "floor": "top"}]}, "doors.floor", "whole number"),
        ("text", "", "an object"),
    ],
)
async def test_x3_what_does_not_fit_its_type_is_refused_by_name(
    client: Client, value: Any, named: str, word: str
) -> None:
    await declare(client, SCHEMA)
    ada = await client.user("ada")

    posted = await client.scim("POST", "/Users", {"userName": "bob", BADGE: value})
    patched = await patch(client, ada, {"op": "add", "path": BADGE, "value": value})

    for answer in (posted, patched):
        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert f"{BADGE}:{named}".rstrip(":") in answer.body["detail"]
        assert word in answer.body["detail"]


async def test_x3_returned_says_what_leaves(client: Client) -> None:
    await declare(client, SCHEMA)
    ada = await client.user(
        "ada",
        **{BADGE: {"holder": "h", "notes": "n", "hidden": "x", "pin": "1", "color": "red"}},
    )

    for query, shown in (
        ("", {"holder", "color"}),
        ("?attributes=userName", {"holder"}),
        (f"?attributes={BADGE}:notes", {"holder", "notes"}),
        (f"?attributes={BADGE}:pin,{BADGE}:hidden", {"holder"}),
        (f"?excludedAttributes={BADGE}", {"holder"}),
        (f"?excludedAttributes={BADGE}:color,{BADGE}:holder", {"holder"}),
    ):
        body = (await client.scim("GET", f"/Users/{ada}{query}")).body
        assert body[BADGE].keys() == shown, query


async def test_x3_what_is_read_only_or_write_only_is_never_stored(client: Client) -> None:
    await declare(client, SCHEMA)
    value = {"color": "red", "pin": "1234", "printed": "2026-01-01T00:00:00Z"}
    ada = await client.user("ada", **{BADGE: value})

    asked = await client.scim("GET", f"/Users/{ada}?attributes={BADGE}:printed,{BADGE}:pin")
    refused = await patch(
        client, ada, {"op": "add", "path": f"{BADGE}:printed", "value": "2026-01-01T00:00:00Z"}
    )

    assert BADGE not in asked.body
    assert (refused.status, refused.body["scimType"]) == (400, "mutability")
    assert await found(client, f"{BADGE}:printed pr") == set()


async def test_x3_what_is_immutable_is_set_once_and_kept(client: Client) -> None:
    await declare(client, SCHEMA)
    ada = await client.user("ada")
    path = f"{BADGE}:number"

    first = await patch(client, ada, {"op": "add", "path": path, "value": 7})
    same = await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", BADGE: {"number": "7"}})
    left_out = await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", "title": "Lead"})
    refused = [
        await patch(client, ada, {"op": "replace", "path": path, "value": 8}),
        await patch(client, ada, {"op": "remove", "path": path}),
        await patch(client, ada, {"op": "remove", "path": BADGE}),
        await client.scim("PUT", f"/Users/{ada}", {"userName": "ada", BADGE: {"number": 8}}),
    ]

    assert [each.status for each in (first, same, left_out)] == [200, 200, 200]
    assert left_out.body[BADGE] == {"number": 7}
    assert {(each.status, each.body["scimType"]) for each in refused} == {(400, "mutability")}
    assert (await client.scim("GET", f"/Users/{ada}")).body[BADGE] == {"number": 7}


async def test_x3_what_is_required_is_so_only_where_the_extension_is(client: Client) -> None:
    await declare(client, STRICT)
    ada = await client.user("ada", **{BADGE: {"color": "red"}})

    without = await client.scim("POST", "/Users", {"userName": "bob"})
    lacking = await client.scim("POST", "/Users", {"userName": "cy", BADGE: {"floor": 1}})
    removed = await patch(
        client, ada, {"op": "add", "path": f"{BADGE}:floor", "value": 2},
        {"op": "remove", "path": f"{BADGE}:color"},
    )  # fmt: skip

    assert without.status == 201
    for answer in (lacking, removed):
        assert (answer.status, answer.body["scimType"]) == (400, "invalidValue")
        assert f"{BADGE}:color" in answer.body["detail"]


async def test_x3_patch_reaches_each_kind_of_attribute(client: Client) -> None:
    await declare(client, SCHEMA)
    ada = await client.user("ada", **{BADGE: {"zones": ["a"], "color": "red"}})

    answer = await patch(
        client, ada,
        {"op": "replace", "path": f"{BADGE}:color", "value": "blue"},
        {"op": "add", "path": f"{BADGE}:ZONES", "value": ["b", "a"]},
        {"op": "add", "value": {f"{BADGE}:height": 2, BADGE: {"zones": ["c"]}}},
        {"op": "remove", "path": f"{BADGE}:zones", "value": ["b"]},
        {"op": "add", "path": f"{BADGE}:case.weight", "value": "0.25"},
        {"op": "replace", "path": f"{BADGE}:case", "value": {"shade": "dark"}},
{"op": "add", "path": f'{BADGE}:doors[type eq "x"]', "value": {"value": "n", "floor": "3"}},
        {"op": "add", "path": f"{BADGE}:doors", "value": [{"value": "s", "floor": 1}]},
        {"op": "replace", "path": f"{BADGE}:doors[floor lt 2].floor", "value": 10},
    )  # fmt: skip

    assert answer.status == 200, answer
    assert answer.body[BADGE] == {
        "color": "blue", "zones": ["a", "c"], "height": 2.0,
        "case": {"weight": 0.25, "shade": "dark"},
        "doors": [{"value": "n", "floor": 3, "type": "x"}, {"value": "s", "floor": 10}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{BADGE}:number eq 9", {"ada"}),
        (f'{BADGE}:number eq "9"', {"ada"}),
        (f"{BADGE}:number lt 10", {"ada"}),
        (f"{BADGE}:number gt 9.5", {"bob"}),
        (f"{BADGE}:number ge -1e3", {"ada", "bob"}),
        (f"{BADGE}:number ne 9", {"bob", "cy"}),
        (f"{BADGE}:number pr", {"ada", "bob"}),
        (f"{BADGE}:height le 1e-3", {"bob"}),
        (f"{BADGE}:height eq 1.50", {"ada"}),
        (f'{BADGE}:issued eq "2026-03-01T10:30:00+01:00"', {"ada"}),
        (f'{BADGE}:issued gt "2026-03-01T09:30:00.1Z"', {"bob"}),
        (f"{BADGE}:valid eq true", {"ada"}),
        (f'{BADGE}:zones eq "B"', {"ada"}),
        (f'{BADGE}:page eq "HTTPS://a.test"', set()),
        (f'{BADGE}:doors[value eq "n" and floor ge 3]', {"ada"}),
        (f"{BADGE}:doors.floor eq 20", {"bob"}),
        (f'{BADGE}:case.shade sw "D"', {"bob"}),
        (f"{BADGE} pr", {"ada", "bob"}),
        (f'{BADGE.upper()}:COLOR co "E" and not ({BADGE}:height gt 1)', {"bob"}),
    ],
)
async def test_f14_filters_reach_extension_attributes_by_their_urn(
    client: Client, text: str, expected: set[str]
) -> None:
    await declare(client, SCHEMA)
    ada = {
        "color": "red", "number": 9, "height": 1.5, "issued": "2026-03-01T09:30:00Z",
        "valid": True, "zones": ["a", "b"], "page": "https://a.test",
        "doors": [{"value": "n", "floor": 3}],
    }  # fmt: skip
    bob = {
        "color": "green", "number": 10, "height": 1e-300, "issued": "2026-03-01T09:30:00.100001Z",
        "doors": [{"value": "n", "floor": 2}, {"value": "s", "floor": 20}],
        "case": {"shade": "dark"},
    }  # fmt: skip
    await client.user("ada", **{BADGE: ada})
    await client.user("bob", **{BADGE: bob})
    await client.user("cy")

    assert await found(client, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "number eq 1",
        f"{BADGE}:nothing pr",
        f'{BADGE}:number eq "many"',
        f"{BADGE}:number eq true",
        f"{BADGE}:number eq {10**30}",
        f"{BADGE}:number co 1",
        f'{BADGE}:number eq "{"[" * 2000}"',
        f'{BADGE}:issued gt "0001-01-01T00:00:00+14:00"',
        f'{BADGE}:hidden eq "x"',
        f"{BADGE}:pin pr",
    ],
)
async def test_f14_a_filter_that_cannot_be_meant_is_refused(client: Client, text: str) -> None:
    await declare(client, SCHEMA)

    answer = await client.scim("GET", f"/Users?filter={quote(text)}")

    assert (answer.status, answer.body["scimType"]) == (400, "invalidFilter")


async def test_x3_groups_have_extensions_too(client: Client) -> None:
    await declare(client, SCHEMA, id=TEAM, name="Team")
    ada = await client.user("ada")
    body = {"displayName": "Admins", "members": [{"value": ada}], TEAM: {"number": "3"}}

    made = await client.scim("POST", "/Groups", body)
    changed = await client.scim(
        "PATCH",
        f"/Groups/{made.body['id']}?attributes={TEAM}",
        {"Operations": [{"op": "add", "path": f"{TEAM}:color", "value": "red"}]},
    )

    assert made.body[TEAM] == {"number": 3}
    assert changed.body[TEAM] == {"number": 3, "color": "red"}
    assert changed.body["schemas"] == [f"{CORE}:Group", TEAM]
    assert await found(client, f"{TEAM}:number eq 3", "/Groups") == {"Admins"}


async def test_d22_what_no_schema_describes_is_kept_and_served_once_it_is_declared(
    client: Client,
) -> None:
    value = {"COLOR": "red", "number": "7", "issued": "nope", "doors": ["north", {}], "other": 1}
    ada = await client.user("ada", **{BADGE.upper().replace("URN", "urn"): value})
    before = (await client.scim("GET", f"/Users/{ada}")).body

    await declare(client, SCHEMA)
    await until_served(client, BADGE)

    after = (await client.scim("GET", f"/Users/{ada}")).body
    assert before.keys() & {BADGE, BADGE.upper()} == set()
    assert after[BADGE] == {"color": "red", "number": 7, "doors": [{"value": "north"}]}
    assert after["schemas"] == [f"{CORE}:User", BADGE]
    listed = (await client.scim("GET", "/Users")).body["Resources"]
    assert listed == [after]


@pytest.mark.parametrize(
    "stored",
    [
        "text",
        7,
        ["a"],
        [{"color": "red"}],
        {"color": {"a": "b"}},
        {"number": "many", "height": [], "doors": {"floor": {}}},
        {"number": 10**18, "height": "1e5", "issued": "2026-02-30T99:00:00Z"},
        {"valid": "perhaps", "zones": [["a"]], "case": "x", "photo": {}},
        {"doors": [{"value": "n", "floor": "x"}, "s", None], "case": {"weight": "heavy"}},
    ],
)
async def test_d22_what_was_stored_before_and_does_not_fit_never_breaks_a_request(
    client: Client, stored: Any
) -> None:
    ada = await client.user("ada", **{BADGE: stored})
    await declare(client, SCHEMA)
    await until_served(client, BADGE)
    tests = [
        f"{BADGE} pr", f"{BADGE}:number gt 1", f"{BADGE}:height lt 1", f"{BADGE}:valid eq true",
        f'{BADGE}:issued gt "2020-01-01T00:00:00Z"', f'{BADGE}:zones eq "a"',
        f'{BADGE}:doors[floor gt 1 or value sw "n"]', f"{BADGE}:doors.floor eq 1",
        f'{BADGE}:case.shade eq "x"', f"{BADGE}:case.weight gt 1", f"{BADGE}:doors pr",
    ]  # fmt: skip

    read = await client.scim("GET", f"/Users/{ada}")
    asked = await client.scim("GET", f"/Users/{ada}?attributes={BADGE}:doors,{BADGE}:case.weight")
    for text in tests:
        await found(client, text)
    off = await patch(client, ada, {"op": "replace", "path": "active", "value": False})
    written = await patch(
        client, ada,
        {"op": "add", "path": f"{BADGE}:doors", "value": [{"value": "n"}]},
        {"op": "add", "path": f"{BADGE}:zones", "value": ["z"]},
        {"op": "replace", "path": f"{BADGE}:case.shade", "value": "dark"},
        {"op": "add", "path": f"{BADGE}:height", "value": 3},
    )  # fmt: skip
    replaced = await client.scim(
        "PUT", f"/Users/{ada}", {"userName": "ada", BADGE: {"color": "red"}}
    )

    assert [each.status for each in (read, asked, off, written, replaced)] == [200] * 5
    assert written.body[BADGE].items() >= {"height": 3.0, "case": {"shade": "dark"}}.items()
    assert {"value": "n"} in written.body[BADGE]["doors"]


async def test_d22_a_schema_may_require_what_stored_documents_lack(client: Client) -> None:
    ada = await client.user("ada", **{BADGE: {"floor": "3"}})
    await declare(client, STRICT)
    await until_served(client, BADGE)

    off = await patch(client, ada, {"op": "replace", "path": "active", "value": False})

    assert off.status == 200
    assert off.body[BADGE] == {"floor": 3}


async def test_x3_a_schema_with_values_is_removed_only_by_force_and_loses_none(
    client: Client,
) -> None:
    await declare(client, SCHEMA)
    ada = await client.user("ada", **{BADGE: {"color": "red"}})

    refused = await remove(client, BADGE)
    moved = await declare(client, SCHEMA, resourceType="Group")
    forced = await remove(client, BADGE.upper().replace("URN", "urn"), "?force=true")
    missing = await remove(client, BADGE)
    await eventually(lambda: gone(client), within_s=6)
    hidden = (await client.scim("GET", f"/Users/{ada}")).body
    await declare(client, SCHEMA)
    await until_served(client, BADGE)

    assert [each.status for each in (refused, moved, forced, missing)] == [409, 409, 204, 404]
    assert "1 user of this directory" in refused.body["detail"]
    assert BADGE not in hidden
    assert (await client.scim("GET", f"/Users/{ada}")).body[BADGE] == {"color": "red"}


async def gone(client: Client) -> bool:
    return (await client.scim("GET", f"/Schemas/{BADGE}")).status == 404


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"id": f"{CORE}:User"}, 409, "core of SCIM"),
        ({"id": f"{CORE}:Badge:User"}, 409, "core of SCIM"),
        ({"id": "urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User"}, 409, "taken"),
        (
            {"id": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"},
            409,
            "taken",
        ),
        ({"name": "enterpriseUser"}, 409, "taken"),
        ({"id": "urn:acme:badge"}, 400, "resourceType"),
        ({"id": "http://acme.test/badge"}, 400, "id:"),
        ({"id": "urn:acme:b adge:User"}, 400, "id:"),
        ({"name": ""}, 400, "name:"),
        ({"name": "a\x00b"}, 400, "name:"),
        ({"description": "x" * 2001}, 400, "description:"),
        ({"resourceType": "Device"}, 400, "resourceType:"),
        ({"attributes": []}, 400, "attributes:"),
        ({"attributes": [attribute("a"), attribute("A")]}, 400, "more than once"),
        ({"attributes": [attribute("1a")]}, 400, "attributes.0.name"),
        ({"attributes": [attribute("a b")]}, 400, "attributes.0.name"),
        ({"attributes": [attribute("a", "number")]}, 400, "attributes.0.type"),
        ({"attributes": [attribute("a", "complex")]}, 400, "subAttributes"),
        ({"attributes": [attribute("a", subAttributes=[attribute("b")])]}, 400, "subAttributes"),
        ({"attributes": [attribute("a", uniqueness="server")]}, 400, "uniqueness"),
        ({"attributes": [attribute("a", required=True, mutability="readOnly")]}, 400, "required"),
        ({"attributes": [attribute("a", mutability="writeOnly")]}, 400, "returned never"),
        ({"attributes": [attribute(f"a{n}") for n in range(101)]}, 400, "100 at most"),
        (
            {"attributes": [attribute("a", "complex", subAttributes=[attribute("b", "complex")])]},
            400,
            "subAttributes.0.type",
        ),
    ],
)
async def test_x3_what_cannot_be_declared_is_said(
    client: Client, changes: dict[str, Any], status: int, word: str
) -> None:
    answer = await declare(client, deepcopy(SCHEMA), **changes)

    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert word in answer.body["detail"]
    listed = await client.manage("GET", f"/directories/{client.directory}/schemas")
    assert listed.body == {"items": []}


async def test_x3_two_schemas_of_a_directory_do_not_clash(client: Client) -> None:
    await declare(client, SCHEMA)

    same_name = await declare(client, SCHEMA, id=TEAM)
    inside = await declare(client, SCHEMA, id=f"{BADGE}:color", name="x", resourceType="User")
    around = await declare(
        client, SCHEMA, id=BADGE.removesuffix(":User"), name="x", resourceType="User",
        attributes=[attribute("User")],
    )  # fmt: skip

    assert [each.status for each in (same_name, inside, around)] == [409, 409, 409]


async def test_x3_the_urn_keeps_the_case_of_its_first_declaration(client: Client) -> None:
    await declare(client, SCHEMA)

    again = await declare(client, SCHEMA, id=BADGE.replace("badge", "BADGE"), description="New.")

    assert (again.status, again.body["id"], again.body["description"]) == (200, BADGE, "New.")


async def test_x3_a_directory_declares_ten_schemas_at_most(client: Client) -> None:
    for number in range(10):
        made = await declare(client, STRICT, id=f"urn:acme:n{number}:User", name=f"n{number}")
        assert made.status == 201

    assert (await declare(client, STRICT)).status == 409
    assert (await declare(client, STRICT, id="urn:acme:n3:User", name="other")).status == 200


async def test_x3_an_unknown_directory_has_no_schemas(client: Client) -> None:
    path = "/directories/nowhere/schemas"

    for answer in (
        await client.manage("GET", path),
        await client.manage("PUT", f"{path}/{BADGE}", SCHEMA),
        await client.manage("DELETE", f"{path}/{BADGE}"),
    ):
        assert answer.status == 404
