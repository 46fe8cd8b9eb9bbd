"""RFC 9865: pages by cursor, rows K of the checklist."""

import re
from typing import Any

import pytest

from tests.integration.ingest.client import Answer, Client, connect
from tests.integration.ingest.rfc.world import get, named, people, refusal


async def _walk(client: Client, path: str, **query: Any) -> list[Answer]:
    pages = [await get(client, path, cursor="", **query)]
    while following := pages[-1].body.get("nextCursor"):
        pages.append(await get(client, path, cursor=following, **query))
        assert len(pages) < 20
    return pages


async def test_k1_an_empty_cursor_is_the_first_page_also_in_a_body(client: Client) -> None:
    await people(client)

    by_query = await client.scim("GET", "/Users?cursor&count=2&sortBy=userName")
    by_body = await client.scim(
        "POST", "/Users/.search", {"cursor": "", "count": 2, "sortBy": "userName"}
    )

    assert named(by_query) == named(by_body) == ["ada", "Bob"]
    following = {"cursor": by_query.body["nextCursor"], "count": 2, "sortBy": "userName"}
    assert named(await client.scim("POST", "/Users/.search", following)) == ["cy_x", "dee"]


@pytest.mark.parametrize("path", ["/Users", "/"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
async def test_k2_k3_every_page_but_the_last_names_the_next(
    client: Client, path: str, count: int
) -> None:
    await people(client)

    pages = await _walk(client, path, count=count)

    assert sorted(name for page in pages for name in named(page)) == ["Bob", "ada", "cy_x", "dee"]
    for page in pages:
        assert len(page.body["Resources"]) <= count
        assert page.body["totalResults"] == 4
        assert page.body["itemsPerPage"] == len(page.body["Resources"])
        assert re.fullmatch(r"[A-Za-z0-9._~-]*", page.body.get("nextCursor", ""))
    assert ["nextCursor" in page.body for page in pages] == [True] * (len(pages) - 1) + [False]


async def test_k2_an_empty_result_is_the_last_page(client: Client) -> None:
    answer = await get(client, "/Users", cursor="")

    assert (answer.body["totalResults"], answer.body["Resources"]) == (0, [])
    assert "nextCursor" not in answer.body


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("path", ["userName", "title", "emails", "meta.created", "active", "id"])
async def test_k2_the_order_of_pages_is_that_of_the_whole(
    client: Client, path: str, order: str
) -> None:
    await people(client)

    whole = named(await get(client, "/Users", sortBy=path, sortOrder=order))
    pages = await _walk(client, "/Users", sortBy=path, sortOrder=order, count=1)

    assert [name for page in pages for name in named(page)] == whole


async def test_k2_who_comes_or_goes_meanwhile_moves_nobody_else(client: Client) -> None:
    ids = await people(client)
    query = {"sortBy": "userName", "count": 2}
    first = await get(client, "/Users", cursor="", **query)

    await client.scim("DELETE", f"/Users/{ids['ada']}")
    await client.scim("DELETE", f"/Users/{ids['Bob']}")
    await client.user("aaron")

    second = await get(client, "/Users", cursor=first.body["nextCursor"], **query)
    assert (named(first), named(second)) == (["ada", "Bob"], ["cy_x", "dee"])


@pytest.mark.parametrize(
    ("changed", "scim_type"),
    [
        ({"filter": "title pr"}, "invalidCursor"),
        ({"filter": None}, "invalidCursor"),
        ({"sortBy": "displayName"}, "invalidCursor"),
        ({"sortOrder": "descending"}, "invalidCursor"),
        ({"count": 2}, "invalidCount"),
        ({"count": None}, "invalidCount"),
    ],
)
async def test_k4_a_changed_search_is_refused(
    client: Client, changed: dict[str, Any], scim_type: str
) -> None:
    await people(client)
    query = {"filter": "userName pr", "sortBy": "userName", "count": 1}
    cursor = (await get(client, "/Users", cursor="", **query)).body["nextCursor"]

    again = {key: each for key, each in (query | changed).items() if each is not None}

    assert refusal(await get(client, "/Users", cursor=cursor, **again)) == (400, scim_type)


@pytest.mark.parametrize("count", [0, -1])
async def test_k5_a_page_of_nothing_has_no_cursor(client: Client, count: int) -> None:
    assert refusal(await get(client, "/Users", cursor="", count=count)) == (400, "invalidCount")


async def test_k5_a_cursor_and_an_index_exclude_each_other(client: Client) -> None:
    answer = await get(client, "/Users", cursor="", startIndex=3)

    assert refusal(answer) == (400, "invalidCursor")


async def test_k6_without_a_paging_parameter_pages_go_by_index(client: Client) -> None:
    await people(client)

    answer = await get(client, "/Users")

    assert answer.body["startIndex"] == 1
    assert "nextCursor" not in answer.body


async def test_k7_what_is_announced_is_what_happens(client: Client) -> None:
    for number in range(201):
        await client.user(f"user{number}")
    config = (await get(client, "/ServiceProviderConfig")).body
    announced = config["pagination"]

    untold = await get(client, "/Users", cursor="")
    most = await get(client, "/Users", cursor="", count=announced["maxPageSize"] + 50)

    assert announced["cursor"] is announced["index"] is True
    assert announced["defaultPaginationMethod"] == "index"
    assert announced["cursorTimeout"] > 0
    assert len(untold.body["Resources"]) == announced["defaultPageSize"]
    assert len(most.body["Resources"]) == announced["maxPageSize"] == 200
    assert config["filter"]["maxResults"] == 200
    assert config["sort"] == {"supported": True}


async def test_k8_a_foreign_cursor_and_a_tampered_one_look_the_same(client: Client) -> None:
    await people(client)
    other = await connect(client.session, client.url, "Initech")
    await people(other)
    cursor = (await get(client, "/Users", cursor="", count=1)).body["nextCursor"]
    last = "B" if cursor[-1] == "A" else "A"

    answers = [
        await get(other, "/Users", cursor=cursor, count=1),
        await get(client, "/Groups", cursor=cursor, count=1),
        await get(client, "/", cursor=cursor, count=1),
        await get(client, "/Users", cursor=cursor[:-1] + last, count=1),
        await get(client, "/Users", cursor=cursor[:40], count=1),
        await get(client, "/Users", cursor="é$%", count=1),
        await get(client, "/Users", cursor="A" * 5000, count=1),
    ]

    assert {refusal(answer) for answer in answers} == {(400, "invalidCursor")}
    assert len({answer.body["detail"] for answer in answers}) == 1
    stolen = await client.scim("GET", f"/Users?cursor={cursor}&count=1", Authorization="Bearer x")
    assert stolen.status == 401
