"""What every `/v1` endpoint refuses alike: as a problem document that says what to do."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from io import BytesIO

import pytest
from aiohttp import ClientSession, test_utils, web
from yarl import URL

from shared import api
from shared import web as edge
from shared.api import Endpoint
from shared.contracts.management import Problem
from tests.contract.http import KEY, applications

APIS = applications()
EVERY = [
    pytest.param(name, endpoint, id=f"{name} {endpoint.method} {endpoint.address}")
    for name, app in APIS.items()
    for endpoint in app[api.ENDPOINTS]
]
WITH_BODY = [one for one in EVERY if one.values[1].takes]
ADVICE = "holds the character U+0000, which is not kept; leave it out."
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
JSON = AUTHORIZED | {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[dict[str, ClientSession]]:
    """All `/v1` applications, with nothing behind them: none of this needs a database."""
    async with AsyncExitStack() as stack:
        found = {}
        for name, app in APIS.items():
            outer = web.Application(middlewares=[edge.observed(name), edge.problems({})])
            outer.add_subapp("/v1", app)
            server = await stack.enter_async_context(test_utils.TestServer(outer))
            found[name] = await stack.enter_async_context(ClientSession(server.make_url("/")))
        yield found


async def refusal(
    session: ClientSession,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None = None,
) -> tuple[int, str]:
    """Return status and detail of an answer that is a problem document in full."""
    sent = body and BytesIO(body)
    async with session.request(
        method, URL(f"/v1{path}", encoded=True), headers=headers, data=sent
    ) as response:
        assert response.content_type == "application/problem+json"
        problem = Problem.model_validate_json(await response.read())
        assert problem.status == response.status
        return problem.status, problem.detail


def address(endpoint: Endpoint) -> str:
    return endpoint.path.replace("{version:[0-9]{1,9}}", "7").replace("{", "").replace("}", "")


@pytest.mark.parametrize(("name", "endpoint"), EVERY)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer another"}])
async def test_who_has_no_key_is_told_where_it_belongs(
    served: dict[str, ClientSession], name: str, endpoint: Endpoint, headers: dict[str, str]
) -> None:
    found = await refusal(served[name], endpoint.method, address(endpoint), headers)

    assert found == (401, "Send the API key as `Authorization: Bearer …`.")


@pytest.mark.parametrize(("name", "endpoint"), WITH_BODY)
async def test_a_body_that_is_not_json_is_refused_with_its_place(
    served: dict[str, ClientSession], name: str, endpoint: Endpoint
) -> None:
    status, detail = await refusal(
        served[name], endpoint.method, address(endpoint), JSON, b'{"a": '
    )

    assert status == 400
    assert detail.startswith("The body is not JSON: ")


@pytest.mark.parametrize(("name", "endpoint"), WITH_BODY)
async def test_a_character_that_no_database_stores_is_refused_in_a_body(
    served: dict[str, ClientSession], name: str, endpoint: Endpoint
) -> None:
    body = b'{"a": [{"b": "\\u0000"}]}'
    found = await refusal(served[name], endpoint.method, address(endpoint), JSON, body)

    assert found == (400, f"a.0.b: it {ADVICE}")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/parked?directory=%00", "directory"),
        ("/parked/a%00b/c/replay", "address"),
        ("/%00", "address"),
    ],
)
async def test_a_character_that_no_database_stores_is_refused_in_an_address(
    served: dict[str, ClientSession], path: str, place: str
) -> None:
    found = await refusal(served["roles"], "POST", path, AUTHORIZED)

    assert found == (400, f"{place}: it {ADVICE}")


@pytest.mark.parametrize("text", ["a\\\\u0000", "\\\\\\\\u0000"])
async def test_a_backslash_before_four_zeros_is_text_like_any_other(
    served: dict[str, ClientSession], text: str
) -> None:
    body = b'{"kind": "%s"}' % text.encode()
    status, detail = await refusal(served["portal"], "POST", "/links", JSON, body)

    assert (status, detail.partition(":")[0]) == (400, "kind")


@pytest.mark.parametrize(("name", "endpoint"), WITH_BODY)
async def test_a_body_of_another_kind_is_refused_with_the_kind_to_send(
    served: dict[str, ClientSession], name: str, endpoint: Endpoint
) -> None:
    headers: dict[str, str] = AUTHORIZED | {"Content-Type": "text/plain"}
    status, detail = await refusal(served[name], endpoint.method, address(endpoint), headers, b"{}")

    assert status == 415
    assert "send it with Content-Type application/json" in detail


@pytest.mark.parametrize(
    "more",
    [{"Content-Encoding": "gzip"}, {"Content-Type": "application/json; charset=utf-16"}],
)
async def test_a_body_in_another_encoding_is_refused(
    served: dict[str, ClientSession], more: dict[str, str]
) -> None:
    status, _ = await refusal(served["ingest"], "POST", "/organizations", JSON | more, b"{}")

    assert status == 415


@pytest.mark.parametrize(("name", "endpoint"), WITH_BODY)
async def test_a_body_that_is_too_large_is_refused_with_the_size_to_keep(
    served: dict[str, ClientSession], name: str, endpoint: Endpoint
) -> None:
    body = b'{"name": "' + b"x" * 3 * 1024**2 + b'"}'
    status, detail = await refusal(served[name], endpoint.method, address(endpoint), JSON, body)

    assert status == 413
    assert (
        detail
        == f"The body is larger than {APIS[name][edge.MAX_BODY_BYTES]:,} bytes; send less at once."
    )


@pytest.mark.parametrize("name", APIS)
async def test_an_address_that_is_nowhere_is_refused_with_where_to_look(
    served: dict[str, ClientSession], name: str
) -> None:
    status, detail = await refusal(served[name], "GET", "/nowhere", AUTHORIZED)

    assert (status, "GET /v1/openapi.json lists what there is" in detail) == (404, True)


@pytest.mark.parametrize("name", APIS)
async def test_a_method_that_is_not_served_is_refused_with_those_that_are(
    served: dict[str, ClientSession], name: str
) -> None:
    status, detail = await refusal(served[name], "PATCH", "/openapi.json", AUTHORIZED)

    assert (status, detail) == (405, "Use a method that is served here: GET, HEAD.")


@pytest.mark.parametrize("name", APIS)
async def test_each_service_shows_its_document(served: dict[str, ClientSession], name: str) -> None:
    async with served[name].get("/v1/openapi.json", headers=AUTHORIZED) as response:
        shown = await response.json()

    assert shown == APIS[name][api.DOCUMENT]
