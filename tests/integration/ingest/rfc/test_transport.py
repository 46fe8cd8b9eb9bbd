"""Section 1 of the rows: media types, access, methods, and who sees what."""

import asyncio
import os
import tempfile
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from deploy.local import ports
from tests.integration.ingest.client import Client, connect
from tests.support.raw_http import exchange, request
from tests.support.service import Service

SCIM = "application/scim+json"


async def raw(client: Client, method: str, path: str, body: bytes = b"", **headers: str):
    sent = request(
        method,
        f"/scim/v2/{client.directory}{path}",
        body,
        **{"Authorization": f"Bearer {client.token}"} | headers,
    )
    [answer] = await exchange(client.url, sent)
    return answer


async def test_t1_bodies_are_json_in_utf8(client: Client) -> None:
    body = '{"userName": "zoë", "title": "Škoda 🚗"}'.encode()

    answer = await raw(client, "POST", "/Users", body, Content_Type=SCIM)

    assert answer.status == 201
    assert answer.headers["content-type"].partition(";")[0] == SCIM
    assert '"title":"Škoda 🚗"' in answer.body.decode("utf-8")


@pytest.mark.parametrize("accept", [{}, {"Accept": SCIM}, {"Accept": "*/*"}])
async def test_t2_who_names_no_other_type_gets_scim_json(
    client: Client, accept: dict[str, str]
) -> None:
    answer = await raw(client, "GET", "/Users", **accept)

    assert answer.headers["content-type"].partition(";")[0] == SCIM


@pytest.mark.parametrize(
    "sent", ["application/json", "application/json; charset=utf-8", f'{SCIM}; charset="UTF-8"']
)
async def test_t3_plain_json_is_understood(client: Client, sent: str) -> None:
    answer = await raw(client, "POST", "/Users", b'{"userName": "ada"}', Content_Type=sent)

    assert answer.status == 201


@pytest.mark.parametrize("accept", ["application/json", "application/json; charset=utf-8"])
async def test_t3_who_accepts_plain_json_alone_gets_it(client: Client, accept: str) -> None:
    answer = await raw(client, "GET", "/Users", Accept=accept)

    assert answer.headers["content-type"].partition(";")[0] == "application/json"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"ada"', b"null", b"{'userName': 'ada'}"])
async def test_t4_what_is_no_json_object_is_invalid_syntax(client: Client, body: bytes) -> None:
    for method, path in (("POST", "/Users"), ("POST", "/Groups")):
        answer = await client.scim(method, path, body)

        assert (answer.status, answer.body["scimType"]) == (400, "invalidSyntax")


@pytest.mark.parametrize("path", ["/Users", "/Groups", "/Schemas", "/ServiceProviderConfig", "/X"])
async def test_t5_without_a_good_token_nothing_opens(client: Client, path: str) -> None:
    for token in ("", "Bearer", "Bearer wrong", f"Basic {client.token[:-1]}"):
        answer = await client.scim("GET", path, Authorization=token)

        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("version", ["v1", "v1.1", "v3", "V2"])
async def test_t6_another_version_is_refused_as_such(client: Client, version: str) -> None:
    other = f"/scim/{version}/{client.directory}/Users"

    [answer] = await exchange(client.url, request("GET", other))

    assert answer.status == 400
    assert answer.json["scimType"] == "invalidVers"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/Users", {"GET", "POST"}),
        ("/Groups", {"GET", "POST"}),
        ("/Users/{id}", {"GET", "PUT", "PATCH", "DELETE"}),
        ("/Groups/{id}", {"GET", "PUT", "PATCH", "DELETE"}),
        ("/Schemas", {"GET"}),
        ("/ResourceTypes", {"GET"}),
        ("/ServiceProviderConfig", {"GET"}),
    ],
)
async def test_t7_each_endpoint_takes_its_methods_and_no_others(
    client: Client, path: str, allowed: set[str]
) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "MKCOL"} - allowed:
        answer = await client.scim(method, path.format(id=client.directory), {})

        assert answer.status == 405
        assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == allowed


async def test_t8_nothing_of_one_directory_is_seen_or_changed_from_another(client: Client) -> None:
    other = await connect(client.session, client.url, "Initech")
    ada = await client.user("ada", externalId="7")
    admins = await client.group("Admins", ada)
    body = {"userName": "eve", "displayName": "eve"}

    for method, path in (
        (method, path)
        for method in ("GET", "PUT", "PATCH", "DELETE")
        for path in (f"/Users/{ada}", f"/Groups/{admins}")
    ):
        patch = {"Operations": [{"op": "replace", "path": "displayName", "value": "eve"}]}
        answer = await other.scim(method, path, patch if method == "PATCH" else body)
        assert answer.status == 404

    for text in ('userName eq "ada"', 'externalId eq "7"', f'id eq "{ada}"'):
        found = await other.scim("GET", f"/Users?filter={quote(text)}")
        assert found.body["totalResults"] == 0
    assert (await other.scim("GET", "/Groups")).body["totalResults"] == 0
    foreign = await other.scim(
        "POST", "/Groups", {"displayName": "Admins", "members": [{"value": ada}]}
    )
    assert (foreign.status, foreign.body["scimType"]) == (400, "invalidValue")
    assert await other.user("ada") != ada
    assert (await client.scim("GET", f"/Users/{ada}")).body["userName"] == "ada"


async def test_t8_the_token_of_another_directory_opens_nothing(client: Client) -> None:
    other = await connect(client.session, client.url, "Initech")

    answer = await client.scim("GET", "/Users", Authorization=f"Bearer {other.token}")

    assert answer.status == 401


async def test_t9_the_log_of_a_request_holds_no_personal_data(service: Service) -> None:
    lookup = 'emails.value eq "mira@globex.test"'
    port = ports.choose()
    changed = {"ROLLCALL_INGEST_PORT": str(port), "ROLLCALL_LOG_LEVEL": "INFO"}
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log:
        own = Service("ingest", {**os.environ, **service.environment, **changed}, url, log=log)
        async with own.running(), ClientSession() as session:
            client = await connect(session, url, "Secretive")
            await client.user("mira.kovac", emails=[{"value": "mira@globex.test"}])
            await client.scim("GET", f"/Users?filter={quote(lookup)}")
            await client.scim("POST", "/Users", {"userName": "mira.kovac"})
            await client.scim("GET", "/Users/mira.kovac")
            await exchange(url, b"GET /mira.kovac HTTP/9\r\n\r\n")
            await exchange(url, b"mira.kovac\r\n\r\n")
        log.seek(0)
        written = await asyncio.to_thread(log.read)

    assert b"http.request_answered" in written
    for secret in (b"mira", b"kovac", b"globex", client.token.encode(), b"Traceback"):
        assert secret not in written
