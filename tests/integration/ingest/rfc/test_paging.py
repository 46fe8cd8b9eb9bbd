"""Section 6 of the checklist: pages by index, and what of a resource leaves."""

import pytest

from tests.integration.ingest.client import PATCH_OP, Client
from tests.integration.ingest.rfc.world import ENTERPRISE, USER, get, named, people, refusal


@pytest.mark.parametrize("start", ["0", "-5", "1", ""])
async def test_q3_an_index_below_one_is_one(client: Client, start: str) -> None:
    await people(client)

    answer = await get(client, "/Users", startIndex=start, count=3)

    assert (answer.body["startIndex"], answer.body["itemsPerPage"]) == (1, 3)


@pytest.mark.parametrize("count", ["0", "-1", "-2147483649"])
async def test_q4_a_count_of_none_or_less_counts_alone(client: Client, count: str) -> None:
    await people(client)

    answer = await get(client, "/Users", count=count, filter="title pr")

    assert (answer.body["totalResults"], answer.body["Resources"]) == (3, [])
    assert answer.body["itemsPerPage"] == 0


async def test_q5_q7_a_page_never_exceeds_count_or_the_most_and_says_where_it_is(
    client: Client,
) -> None:
    for number in range(205):
        await client.user(f"user{number}")

    some = (await get(client, "/Users", startIndex=3, count=2)).body
    most = (await get(client, "/Users", count=1000)).body
    untold = (await get(client, "/Users")).body

    assert [some[key] for key in ("totalResults", "startIndex", "itemsPerPage")] == [205, 3, 2]
    assert [most[key] for key in ("totalResults", "startIndex", "itemsPerPage")] == [205, 1, 200]
    assert (untold["totalResults"], len(untold["Resources"])) == (205, 100)


async def test_q6_pages_neither_skip_nor_repeat_and_end_empty(client: Client) -> None:
    await people(client)

    pages = [await get(client, "/Users", startIndex=first, count=1) for first in range(1, 6)]

    assert sorted(name for page in pages for name in named(page)) == ["Bob", "ada", "cy_x", "dee"]
    assert (pages[-1].status, pages[-1].body["Resources"]) == (200, [])
    assert {page.body["totalResults"] for page in pages} == {4}
    assert (await get(client, "/Users", startIndex=2**40)).body["totalResults"] == 4


async def test_q7_the_total_is_true_on_a_last_page_that_is_exactly_full(client: Client) -> None:
    await people(client)

    for start, count in ((1, 4), (3, 2), (4, 1), (1, 3)):
        answer = await get(client, "/Users", startIndex=start, count=count)

        assert answer.body["totalResults"] == 4


@pytest.mark.parametrize("name", ["startIndex", "count"])
async def test_q3_q4_what_is_no_number_is_refused(client: Client, name: str) -> None:
    for text in ("one", "1.5", "9" * 5000):
        assert refusal(await get(client, "/Users", **{name: text})) == (400, "invalidValue")


async def test_q8_attributes_and_excluded_attributes_select(client: Client) -> None:
    ids = await people(client)

    [named_] = (await get(client, "/Users", filter='userName eq "ada"', attributes="title")).body[
        "Resources"
    ]
    bare = (await get(client, f"/Users/{ids['ada']}", excludedAttributes="title,emails,id")).body

    assert named_.keys() == {"schemas", "id", "title"}
    assert bare.keys() >= {"schemas", "id", "userName", "name"}
    assert not bare.keys() & {"title", "emails"}
    both = await get(client, "/Users", attributes="title", excludedAttributes="emails")
    assert refusal(both) == (400, "invalidValue")
    assert both.body["detail"]


_SELECTED = {"attributes": f"{USER}:NAME.familyname, emails.VALUE,{ENTERPRISE}:department"}


async def test_q9_names_may_be_qualified_in_any_case_and_lead_to_sub_attributes(
    client: Client,
) -> None:
    await people(client)

    for path in ("/Users", "/"):
        answer = await get(client, path, filter='userName eq "ada"', **_SELECTED)

        [ada] = answer.body["Resources"]
        assert ada["name"] == {"familyName": "Kovač"}
        assert ada["emails"] == [{"value": "ada@home.test"}, {"value": "Ada@Globex.test"}]
        assert ada[ENTERPRISE] == {"department": "Engines"}
        assert "userName" not in ada


async def test_q9_post_put_patch_and_get_of_one_select_too(client: Client) -> None:
    operation = {"op": "replace", "path": "title", "value": "Chief"}
    patch = {"schemas": [PATCH_OP], "Operations": [operation]}
    made = await client.scim("POST", "/Users?attributes=userName", {"userName": "ada"})
    path = f"/Users/{made.body['id']}"

    answers = [
        made,
        await client.scim("PUT", f"{path}?attributes=USERNAME", {"userName": "ada"}),
        await client.scim("PATCH", f"{path}?attributes={USER}:userName", patch),
        await client.scim("GET", f"{path}?attributes=userName"),
    ]

    assert [answer.status for answer in answers] == [201, 200, 200, 200]
    for answer in answers:
        assert answer.body.keys() == {"schemas", "id", "userName"}


async def test_q12_excluded_members_are_not_there_and_selected_ones_are(client: Client) -> None:
    ids = await people(client)
    group = await client.group("Admins", ids["ada"])

    for path in ("/Groups", "/"):
        excluded = await get(client, path, filter="members pr", excludedAttributes="members")
        chosen = await get(client, path, filter="members pr", attributes="members.value")

        assert "members" not in excluded.body["Resources"][0]
        assert chosen.body["Resources"][0]["members"] == [{"value": ids["ada"]}]
    assert "members" not in (
        await get(client, f"/Groups/{group}", excludedAttributes="MEMBERS")
    ).body  # fmt: skip
