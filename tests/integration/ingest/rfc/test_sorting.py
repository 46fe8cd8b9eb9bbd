"""Section 6 of the checklist: the order of a list."""

import pytest

from tests.integration.ingest.client import Client
from tests.integration.ingest.rfc.world import ENTERPRISE, USER, get, named, people, refusal

MISSING = "~"


async def _order(client: Client, path: str, order: str, known: set[str], **more: str) -> list[str]:
    """Return the names in order; those that lack the value as one mark each."""
    answer = await get(client, "/Users", sortBy=path, sortOrder=order, **more)
    return [each if each in known else MISSING for each in named(answer)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("userName", ["ada", "Bob", "cy_x", "dee"]),
        ("USERNAME", ["ada", "Bob", "cy_x", "dee"]),
        (f"{USER}:userName", ["ada", "Bob", "cy_x", "dee"]),
        ("name.familyName", ["ada", "Bob", MISSING, MISSING]),
        (f"{USER}:name.familyName", ["ada", "Bob", MISSING, MISSING]),
        (f"{ENTERPRISE}:department", ["ada", "Bob", MISSING, MISSING]),
        (f"{ENTERPRISE}:manager.value", ["ada", MISSING, MISSING, MISSING]),
        ("displayName", ["ada", "Bob", "cy_x", MISSING]),
        ("meta.created", ["ada", "Bob", "cy_x", "dee"]),
    ],
)
async def test_q1_sorts_by_any_path_and_ascending_unless_told(
    client: Client, path: str, expected: list[str]
) -> None:
    await people(client)
    known = set(expected)

    ascending = await _order(client, path, "ascending", known)
    untold = [each if each in known else MISSING for each in
              named(await get(client, "/Users", sortBy=path))]  # fmt: skip

    assert ascending == untold == expected
    assert await _order(client, path, "Descending", known) == expected[::-1]


async def test_q1_the_order_of_groups_and_of_a_filtered_list(client: Client) -> None:
    ids = await people(client)
    for name, members in {"beta": ["dee"], "Alpha": [], "gamma": ["ada"]}.items():
        await client.group(name, *(ids[each] for each in members))

    by_name = await get(client, "/Groups", sortBy="displayName")
    by_member = await get(client, "/Groups", sortBy="members.display", filter="members pr")

    assert named(by_name) == ["Alpha", "beta", "gamma"]
    assert named(by_member) == ["gamma", "beta"]


async def test_q2_of_several_values_the_primary_counts_else_the_first(client: Client) -> None:
    await people(client)
    known = {"ada", "Bob", "cy_x"}

    # ada's primary is Ada@Globex.test, though her first is at home; cy_x's first is a@z.test.
    assert await _order(client, "emails", "ascending", known) == ["cy_x", "ada", "Bob", MISSING]
    assert await _order(client, "emails.value", "descending", known) == [
        MISSING,
        "Bob",
        "ada",
        "cy_x",
    ]
    assert await _order(client, "emails.type", "ascending", {"ada", "Bob"}) in (
        ["ada", "Bob", MISSING, MISSING],
        ["Bob", "ada", MISSING, MISSING],
    )


async def test_q2_the_primary_counts_wherever_it_stands(client: Client) -> None:
    home, work = {"value": "a@x", "type": "home"}, {"value": "b@x", "type": "work", "primary": True}
    await client.user("ada", emails=[home, work])
    await client.user("bob", emails=[{"value": "c@x", "type": "other"}])

    found = await get(client, "/Users", sortBy="emails.type")

    assert named(found) == ["bob", "ada"]


async def test_q2_missing_values_come_last_ascending(client: Client) -> None:
    await people(client)

    order = await _order(client, "title", "ascending", {"ada", "Bob", "dee"})

    assert order[-1] == MISSING
    assert order[2] == "dee"


async def test_q2_missing_values_come_first_descending(client: Client) -> None:
    await people(client)

    order = await _order(client, "title", "descending", {"ada", "Bob", "dee"})

    assert order[:2] == [MISSING, "dee"]


async def test_q2_case_decides_where_the_attribute_is_case_exact_and_only_there(
    client: Client,
) -> None:
    for name, number in {"a": "b", "B": "B", "c": "É", "D": "e"}.items():
        await client.user(name, externalId=number, nickName=number)

    assert named(await get(client, "/Users", sortBy="externalId")) == ["B", "a", "D", "c"]
    assert named(await get(client, "/Users", sortBy="nickName", filter='userName ne "a"')) == [
        "B",
        "D",
        "c",
    ]


async def test_q6_equal_values_keep_one_order_over_pages(client: Client) -> None:
    for number in range(7):
        await client.user(f"user{number}", title="Same")

    paged = [
        name
        for first in (1, 3, 5, 7)
        for name in named(await get(client, "/Users", sortBy="title", startIndex=first, count=2))
    ]

    assert paged == named(await get(client, "/Users", sortBy="title"))
    assert len(set(paged)) == 7


@pytest.mark.parametrize(
    ("query", "scim_type"),
    [
        ({"sortBy": "nothing"}, "invalidPath"),
        ({"sortBy": "name.nothing"}, "invalidPath"),
        ({"sortBy": "department"}, "invalidPath"),
        ({"sortBy": "userName; drop table users"}, "invalidPath"),
        ({"sortBy": 'emails[type eq "work"].value'}, "invalidPath"),
        ({"sortBy": "name"}, "invalidValue"),
        ({"sortBy": "password"}, "invalidValue"),
        ({"sortBy": "x509Certificates"}, "invalidValue"),
        ({"sortBy": "meta.location"}, "invalidValue"),
        ({"sortBy": "userName", "sortOrder": "upwards"}, "invalidValue"),
    ],
)
async def test_q1_what_has_no_order_is_refused_never_ignored(
    client: Client, query: dict[str, str], scim_type: str
) -> None:
    assert refusal(await get(client, "/Users", **query)) == (400, scim_type)
