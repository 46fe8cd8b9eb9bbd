"""POST of .search (RFC 7644 §3.4.3): row Q10 of the checklist."""

from typing import Any

import pytest

from tests.integration.ingest.client import Client
from tests.integration.ingest.rfc.world import ENTERPRISE, SEARCH, get, named, people, refusal

SEARCHES: list[dict[str, Any]] = [
    {},
    {"filter": 'title pr and not (userName eq "dee")'},
    {"sortBy": "userName", "sortOrder": "descending", "startIndex": 2, "count": 2},
    {"count": 0},
    {"attributes": ["userName", "emails.value"], "sortBy": "emails.value"},
    {"excludedAttributes": ["emails", "members", f"{ENTERPRISE}:department"]},
]


@pytest.mark.parametrize("wanted", SEARCHES)
@pytest.mark.parametrize("path", ["/Users", "/"])
async def test_q10_a_search_by_body_answers_as_a_get(
    client: Client, path: str, wanted: dict[str, Any]
) -> None:
    await client.group("Admins", (await people(client))["ada"])
    query = {
        key: ",".join(each) if isinstance(each, list) else each for key, each in wanted.items()
    }

    by_query = await get(client, path, **query)
    search = f"{path.rstrip('/')}/.search"
    by_body = await client.scim("POST", search, {"schemas": [SEARCH], **wanted})

    assert (by_body.status, by_body.body) == (200, by_query.body)
    assert by_body.headers["Content-Type"] == by_query.headers["Content-Type"]


async def test_q10_groups_can_be_searched_by_body(client: Client) -> None:
    ids = await people(client)
    await client.group("Admins", ids["ada"])
    await client.group("Others")

    answer = await client.scim(
        "POST", "/Groups/.search", {"filter": f'members eq "{ids["ada"]}"', "COUNT": 1}
    )

    assert named(answer) == ["Admins"]
    assert answer.body["totalResults"] == 1


async def test_q10_the_root_lists_both_types_in_one_order_with_one_total(client: Client) -> None:
    ids = await people(client)
    await client.group("Admins", ids["ada"])
    await client.group("Blue")
    wanted = {"sortBy": "displayName", "count": 2, "attributes": ["displayName", "userName"]}

    pages = [
        await client.scim("POST", "/.search", {**wanted, "startIndex": first})
        for first in (1, 3, 5, 7)
    ]

    shown = [each["displayName"] for page in pages for each in page.body["Resources"]
             if "displayName" in each]  # fmt: skip
    assert shown == ["Ada Kovač", "Admins", "Blue", "Bob 100%", "Élodie"]
    assert [len(page.body["Resources"]) for page in pages] == [2, 2, 2, 0]
    assert {page.body["totalResults"] for page in pages} == {6}


@pytest.mark.parametrize(
    "wanted",
    [
        {"filter": 7},
        {"sortBy": ["userName"]},
        {"sortOrder": "up"},
        {"startIndex": True},
        {"count": 1.5},
        {"count": {}},
        {"attributes": {"userName": 1}},
        {"attributes": [1]},
        {"cursor": 3},
        {"attributes": ["userName"], "excludedAttributes": ["emails"]},
    ],
)
async def test_q10_a_value_of_the_wrong_type_is_refused(
    client: Client, wanted: dict[str, Any]
) -> None:
    answer = await client.scim("POST", "/Users/.search", wanted)

    assert refusal(answer) == (400, "invalidValue")


async def test_q10_null_is_absent(client: Client) -> None:
    await people(client)
    names = ("filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes")

    answer = await client.scim("POST", "/.search", dict.fromkeys(names))

    assert answer.body["totalResults"] == 4
