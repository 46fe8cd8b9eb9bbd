"""Section 5 of the checklist: lists and filters; and the discovery endpoints, which take none."""

import pytest

from tests.integration.ingest.client import Client
from tests.integration.ingest.rfc.world import (
    ENTERPRISE,
    LIST,
    USER,
    get,
    named,
    names,
    people,
    refusal,
)


async def test_f1_q7_a_list_says_what_it_is_and_counts_all_matches(client: Client) -> None:
    await people(client)

    answer = await get(client, "/Users", count=2)

    assert answer.body["schemas"] == [LIST]
    assert (answer.body["totalResults"], len(answer.body["Resources"])) == (4, 2)


async def test_f2_no_match_is_an_empty_list(client: Client) -> None:
    answer = await get(client, "/Users", filter='userName eq "nobody"')

    assert (answer.status, answer.body["totalResults"]) == (200, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName eq "BOB"', ["Bob"]),
        ('userName ne "bob"', ["ada", "cy_x", "dee"]),
        ('displayName co "0%"', ["Bob"]),
        ('displayName co "b%0"', []),
        ('userName sw "c__x"', []),
        ('userName sw "CY_"', ["cy_x"]),
        ('title ew "\\\\ BYE"', ["dee"]),
        ('title co "\\\\"', ["dee"]),
        ('title ew "lea"', []),
        ('title sw "ead"', []),
        ('displayName sw "éLODI"', ["cy_x"]),
        ('displayName eq "E\\u0301lodie"', ["cy_x"]),
    ],
)
async def test_f3_operators_on_text_take_every_character_as_it_is(
    client: Client, text: str, expected: list[str]
) -> None:
    await people(client)

    assert await names(client, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title pr", ["Bob", "ada", "dee"]),
        ("name pr", ["Bob", "ada"]),
        ("name.givenName pr", ["ada"]),
        ("emails pr", ["Bob", "ada", "cy_x"]),
        (f"{ENTERPRISE} pr", ["Bob", "ada"]),
        ("meta pr", ["Bob", "ada", "cy_x", "dee"]),
        ("groups pr", ["ada"]),
    ],
)
async def test_f5_present_is_a_value_that_says_something(
    client: Client, text: str, expected: list[str]
) -> None:
    await client.group("Admins", (await people(client))["ada"])

    assert await names(client, text) == expected


async def test_f6_order_is_that_of_the_type(client: Client) -> None:
    ids = await people(client)
    created = (await get(client, f"/Users/{ids['cy_x']}")).body["meta"]["created"]
    hour = int(created[11:13])
    elsewhere = f"{created[:11]}{(hour + 23) % 24:02}{created[13:-1]}"

    assert await names(client, 'userName lt "BZ"') == ["Bob", "ada"]
    assert await names(client, 'userName ge "cy_x"') == ["cy_x", "dee"]
    assert await names(client, 'externalId gt "00aB" and externalId le "00ab"') == ["Bob"]
    assert "cy_x" in await names(client, f'meta.created eq "{created}"')
    assert "cy_x" not in await names(client, f'meta.created gt "{created}"')
    if hour:  # an hour earlier on the same day, written in a zone that is an hour behind
        assert "cy_x" in await names(client, f'meta.created eq "{elsewhere}-01:00"')


@pytest.mark.parametrize(
    "text", ["active gt true", "active le false", 'x509Certificates.value ge "AA"']
)
async def test_f7_booleans_and_binary_have_no_order(client: Client, text: str) -> None:
    assert refusal(await get(client, "/Users", filter=text)) == (400, "invalidFilter")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName eq "dee" or userName eq "ada" and title pr', ["ada", "dee"]),
        ('(userName eq "cy_x" or userName eq "ada") and title pr', ["ada"]),
        ('not (userName eq "dee") and title pr', ["Bob", "ada"]),
        ('not (userName eq "dee" or active eq false)', ["ada", "cy_x"]),
        ('not (not (title eq "lead"))', ["Bob", "ada"]),
    ],
)
async def test_f8_grouping_before_not_before_and_before_or(
    client: Client, text: str, expected: list[str]
) -> None:
    await people(client)

    assert await names(client, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('USERNAME EQ "ada" OR UserName Eq "dee"', ["ada", "dee"]),
        ('title eq "Says \\"hi\\" \\\\ bye"', ["dee"]),
        ('displayName eq "\\u00c9lodie"', ["cy_x"]),
        ("active eq FALSE", ["Bob"]),
        ('active eq "false"', ["Bob"]),
    ],
)
async def test_f9_operators_in_any_case_and_values_as_json(
    client: Client, text: str, expected: list[str]
) -> None:
    await people(client)

    assert await names(client, text) == expected


async def test_f10_null_is_unassigned(client: Client) -> None:
    await people(client)

    assert await names(client, "title eq null") == ["cy_x"]
    assert await names(client, "title ne null") == ["Bob", "ada", "dee"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('emails[type eq "work" and value co "@globex"]', ["Bob", "ada"]),
        ('emails[type eq "home" and value co "@globex"]', []),
        ('emails[type eq "work" and value eq "ADA@globex.test"]', ["ada"]),
        ('emails[type eq "home" and value eq "ada@globex.test"]', []),
        ('emails[not (type eq "work")]', ["ada", "cy_x"]),
        ('emails[type eq "work"].value eq "bob+x@globex.test"', ["Bob"]),
        ("emails[primary eq true]", ["ada"]),
    ],
)
async def test_f11_all_terms_in_brackets_hold_for_one_element(
    client: Client, text: str, expected: list[str]
) -> None:
    await people(client)

    assert await names(client, text) == expected


async def test_f12_f13_any_element_matches_and_a_bare_name_reads_the_value(client: Client) -> None:
    await people(client)

    assert await names(client, 'emails.type eq "home"') == ["ada"]
    assert await names(client, 'emails.value eq "z@a.test"') == ["cy_x"]
    assert await names(client, 'emails co "@GLOBEX"') == ["Bob", "ada"]
    assert await names(client, 'emails eq "ada@globex.test"') == ["ada"]


async def test_f14_qualified_names_and_extensions_that_need_them(client: Client) -> None:
    await people(client)

    assert await names(client, f'{USER}:userName eq "ada"') == ["ada"]
    assert await names(client, f'{ENTERPRISE.lower()}:Department eq "sales"') == ["Bob"]
    assert await names(client, f'{ENTERPRISE}:manager.value eq "M-1"') == ["ada"]
    answer = await get(client, "/Users", filter='department eq "Sales"')
    assert refusal(answer) == (400, "invalidFilter")


async def test_f15_ids_times_schemas_and_memberships_can_be_searched(client: Client) -> None:
    ids = await people(client)
    admins = await client.group("Admins", ids["ada"], ids["Bob"])
    await client.group("Others")

    assert await names(client, f'id eq "{ids["dee"]}"') == ["dee"]
    assert await names(client, 'externalId eq "00aB"') == ["ada"]
    assert await names(client, f'schemas eq "{ENTERPRISE}"') == ["Bob", "ada"]
    assert await names(client, "active eq false") == ["Bob"]
    assert await names(client, 'name.familyName eq "kovač"') == ["ada"]
    assert len(await names(client, 'meta.lastModified gt "2020-01-01T00:00:00Z"')) == 4
    assert await names(client, f'groups.value eq "{admins}"') == ["Bob", "ada"]
    assert await names(client, 'groups.display eq "ADMINS"') == ["Bob", "ada"]
    assert await names(client, f'members.value eq "{ids["ada"]}"', "/Groups") == ["Admins"]
    assert await names(client, f'members[value eq "{ids["Bob"]}"]', "/Groups") == ["Admins"]
    assert await names(client, f'not (members eq "{ids["ada"]}")', "/Groups") == ["Others"]
    assert await names(client, 'meta.resourceType eq "Group"', "/Groups") == ["Admins", "Others"]


@pytest.mark.parametrize(
    "text",
    [
        "userName",
        "userName eq",
        'userName is "ada"',
        'userName eq "ada" and',
        "userName eq 'ada'  extra",
        "nickname eq",
        'userName eq "ada" garbage',
        "nothing pr",
        'password eq "x"',
        "meta.location pr",
        'meta.version eq "1"',
        "   ",
    ],
)
async def test_f16_what_is_no_filter_never_lists_everything(client: Client, text: str) -> None:
    await people(client)

    answer = await get(client, "/Users", filter=text)

    assert refusal(answer) == (400, "invalidFilter")


async def test_f17_a_root_search_takes_an_attribute_of_one_type_alone(client: Client) -> None:
    ids = await people(client)
    await client.group("Admins", ids["ada"])

    assert await names(client, 'userName eq "ada" or displayName eq "admins"', "/") == [
        "Admins",
        "ada",
    ]
    assert await names(client, "userName pr", "/") == ["Bob", "ada", "cy_x", "dee"]
    assert await names(client, "members pr", "/") == ["Admins"]
    assert await names(client, "not (userName pr)", "/") == ["Admins"]
    assert await names(client, 'meta.resourceType eq "User" and title pr', "") == [
        "Bob",
        "ada",
        "dee",
    ]
    assert refusal(await get(client, "/", filter="nothing pr")) == (400, "invalidFilter")
    assert refusal(await get(client, "/", filter="active gt true")) == (400, "invalidFilter")


async def test_f18_ne_and_not_hold_for_what_is_unassigned(client: Client) -> None:
    await people(client)

    assert await names(client, 'title ne "lead"') == ["cy_x", "dee"]
    assert await names(client, 'not (title eq "lead")') == ["cy_x", "dee"]
    assert await names(client, 'emails.type ne "work"') == ["cy_x", "dee"]
    assert await names(client, 'not (emails[type eq "work"])') == ["cy_x", "dee"]
    assert await names(client, f'{ENTERPRISE}:department ne "Sales"') == ["ada", "cy_x", "dee"]


async def test_f19_too_many_matches_are_paged_not_cut(client: Client) -> None:
    await people(client)

    answer = await get(client, "/Users", count=100_000)

    assert (answer.body["totalResults"], answer.body["itemsPerPage"]) == (4, 4)


@pytest.mark.parametrize(
    "text", ["(" * 21 + "title pr" + ")" * 21, f'title eq "{"x" * 4096}"', "not (" * 300]
)
async def test_f20_a_filter_is_bounded(client: Client, text: str) -> None:
    answer = await client.scim("POST", "/Users/.search", {"filter": text})

    assert refusal(answer) == (400, "invalidFilter")


_DISCOVERY = ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User"]


@pytest.mark.parametrize("path", _DISCOVERY)
async def test_f21_a_filter_on_discovery_is_forbidden(client: Client, path: str) -> None:
    assert refusal(await get(client, path, filter="id pr")) == (403, None)


@pytest.mark.parametrize("path", _DISCOVERY)
async def test_x4_discovery_ignores_order_page_and_attributes(client: Client, path: str) -> None:
    plain = await get(client, path)
    asked = await get(
        client, path, sortBy="nothing", startIndex=9, count=0, cursor="x", attributes="id",
        excludedAttributes="id",
    )  # fmt: skip

    assert (plain.status, asked.body) == (200, plain.body)


@pytest.mark.parametrize("path", _DISCOVERY)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_x4_discovery_can_only_be_read(client: Client, path: str, method: str) -> None:
    assert refusal(await client.scim(method, path, b"{}"))[0] == 405


async def test_x4_discovery_lists_are_lists_and_an_unknown_id_is_404(client: Client) -> None:
    assert (await get(client, "/Schemas")).body["schemas"] == [LIST]
    assert refusal(await get(client, "/Schemas/urn:nothing"))[0] == 404


async def test_f22_spaces_and_signs_in_the_query_and_a_slash_at_the_end(client: Client) -> None:
    await people(client)

    for query in (
        "filter=emails+eq+%22bob%2Bx%40globex.test%22",
        "filter=emails%20eq%20%22bob%2bx@globex.test%22",
        "filter=name.familyName%20eq%20%22o'neil%22",
    ):
        assert named(await client.scim("GET", f"/Users?{query}")) == ["Bob"]
        assert named(await client.scim("GET", f"/Users/?{query}")) == ["Bob"]
