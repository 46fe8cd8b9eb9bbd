"""Each endpoint is opened by the scope that its document names, and by no other."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientResponse, test_utils, web

from shared import api
from shared import web as edge
from shared.api import Endpoint
from shared.keys import SCOPES, digest
from tests.contract.http import KEY, applications

APIS = applications()
EVERY = [
    pytest.param(name, number, id=f"{name} {endpoint.method} {endpoint.address}")
    for name, app in APIS.items()
    for number, endpoint in enumerate(app[api.ENDPOINTS])
]
SOME_ID = "0d000000-0000-4000-8000-000000000001"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """One key a scope, called as the scope, and one that opens nothing."""
    entries = [
        f'[{re.sub(":", "-", scope)}]\nsha256 = "{digest(scope)}"\nscopes = ["{scope}"]\n'
        for scope in sorted(SCOPES)
    ]
    path = tmp_path / "keys.toml"
    none = f'[nothing]\nsha256 = "{digest("nothing")}"\nscopes = []\n'
    path.write_text("".join([*entries, none]), encoding="utf-8")
    return path


@asynccontextmanager
async def serving(name: str, file: Path) -> AsyncIterator[test_utils.TestClient]:
    outer = web.Application(middlewares=[edge.observed("test")])
    outer.add_subapp("/v1", applications(str(file))[name])
    async with test_utils.TestClient(test_utils.TestServer(outer)) as client:
        yield client


async def asked(client: test_utils.TestClient, endpoint: Endpoint, key: str) -> ClientResponse:
    path = re.sub(r"\{version\}", "1", endpoint.address)
    path = re.sub(r"\{\w+\}", SOME_ID, path)
    headers = {"Authorization": f"Bearer {key}"}
    return await client.request(endpoint.method, f"/v1{path}", headers=headers, json={})


@pytest.mark.parametrize(("name", "number"), EVERY)
async def test_an_endpoint_is_opened_by_its_scope_alone(name: str, number: int, file: Path) -> None:
    endpoint = APIS[name][api.ENDPOINTS][number]
    opened = set()
    async with serving(name, file) as client:
        for scope in SCOPES:
            answer = await asked(client, endpoint, scope)
            if answer.status != 403:
                opened.add(scope)
            else:
                assert (await answer.json())["scope"] == endpoint.scope

    if endpoint.path == "/openapi.json":
        assert opened == SCOPES
    else:
        assert opened == {endpoint.scope}
        assert str(endpoint.scope).endswith("read") == (endpoint.method == "GET")


@pytest.mark.parametrize("name", sorted(APIS))
async def test_the_document_says_which_scope_an_operation_wants(name: str) -> None:
    app = APIS[name]

    told = {
        (method.upper(), path): operation["security"]
        for path, operations in app[api.DOCUMENT]["paths"].items()
        for method, operation in operations.items()
    }
    assert told == {
        (each.method, each.address): [{"apiKey": [each.scope] if each.scope else []}]
        for each in app[api.ENDPOINTS]
    }


async def test_who_lacks_a_scope_is_told_which_and_nobody_else_is_told_anything(
    file: Path,
) -> None:
    async with serving("roles", file) as client:
        lacking = await client.get("/v1/roles", headers={"Authorization": "Bearer nothing"})
        unknown = await client.get("/v1/roles", headers={"Authorization": "Bearer other"})
        problem = await lacking.json()

    assert (lacking.status, lacking.content_type) == (403, "application/problem+json")
    assert problem["scope"] == "roles:read"
    assert "The key nothing lacks the scope roles:read" in problem["detail"]
    assert unknown.status == 401


async def test_the_operators_key_opens_every_api(file: Path) -> None:
    for name in APIS:
        async with serving(name, file) as client:
            for endpoint in APIS[name][api.ENDPOINTS]:
                answer = await asked(client, endpoint, KEY)
                assert answer.status not in {401, 403}, endpoint
