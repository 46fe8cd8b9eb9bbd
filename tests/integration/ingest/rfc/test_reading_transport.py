"""Section 1 of the checklist on the reading side: media types, methods, tenants."""

import pytest

from tests.integration.ingest.client import Client, connect
from tests.integration.ingest.rfc.world import get, named, people, refusal


@pytest.mark.parametrize(
    "accept", ["application/scim+json", "*/*", "application/scim+json;charset=utf-8"]
)
async def test_t1_t2_answers_are_scim_json_in_utf8(client: Client, accept: str) -> None:
    await people(client)

    answer = await client.scim("GET", "/Users", Accept=accept)

    assert answer.headers["Content-Type"].startswith("application/scim+json")
    assert "Kovač" in str(answer.body)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
async def test_t3_plain_json_is_accepted_too(client: Client, kind: str) -> None:
    headers = {"Content-Type": kind, "Accept": kind}

    answer = await client.scim("POST", "/Users/.search", {"count": 1}, **headers)

    assert answer.status == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"", b"null"])
async def test_t4_a_malformed_search_is_invalid_syntax(client: Client, body: bytes) -> None:
    answer = await client.scim("POST", "/Users/.search", body or b" ")

    assert refusal(answer) == (400, "invalidSyntax")


async def test_t5_without_a_token_a_search_opens_nothing(client: Client) -> None:
    for method, path in (("GET", "/"), ("POST", "/.search"), ("POST", "/Groups/.search")):
        answer = await client.scim(method, path, b"{}", Authorization="Bearer nope")

        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/Users", "/Groups", "/.search", "/", "/Schemas"])
async def test_t7_an_unsupported_method_is_405(client: Client, path: str) -> None:
    answer = await client.scim("PUT", path, b"{}")

    assert refusal(answer)[0] == 405


async def test_t8_nothing_of_another_directory_is_found(client: Client) -> None:
    other = await connect(client.session, client.url, "Initech")
    ids = await people(other)
    await other.group("Admins", ids["ada"])

    for path in ("/", "/Users", "/Groups"):
        assert (await get(client, path)).body["totalResults"] == 0
    for text in ('emails eq "ada@globex.test"', 'displayName eq "ada kovač"', "active eq true"):
        assert named(await get(client, "/Users", filter=text)) == []
    assert named(await get(client, "/Groups", filter=f'members eq "{ids["ada"]}"')) == []


async def test_t9_a_search_by_body_keeps_personal_data_out_of_the_url(client: Client) -> None:
    await people(client)

    answer = await client.scim("POST", "/Users/.search", {"filter": 'emails sw "ada@globex"'})

    assert named(answer) == ["ada"]
