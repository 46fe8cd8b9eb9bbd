"""Slow clients and too many connections, over real sockets; the times are short for the tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from deploy.local import ports
from services.ingest.http import errors, requests
from shared import listening, service
from shared import web as edge
from shared.listening import Limits
from tests.support.raw_http import exchange, request
from tests.support.waiting import eventually

LARGE = b"x" * 32 * 1024 * 1024
Serve = Callable[..., AbstractAsyncContextManager[tuple[str, service.Process]]]


async def _read(request: web.Request) -> web.Response:
    return web.json_response(await requests.json(request))


async def _large(_request: web.Request) -> web.Response:
    return web.Response(body=LARGE)


async def _slow(_request: web.Request) -> web.Response:
    await asyncio.sleep(0.5)
    return web.json_response({})


@pytest.fixture
def serve(monkeypatch) -> Serve:
    monkeypatch.setattr(listening, "RECEIVE_WITHIN_S", 0.6)
    monkeypatch.setattr(listening, "_READ_WITHIN_S", 0.6)
    monkeypatch.setattr(listening, "_LOOK_EVERY_S", 0.1)

    @asynccontextmanager
    async def running(**limits: int) -> AsyncIterator[tuple[str, service.Process]]:
        scim = web.Application(middlewares=[errors.explain])
        scim.add_routes([web.post("/read", _read), web.get("/large", _large)])
        scim.add_routes([web.get("/slow", _slow)])
        app = web.Application(middlewares=[edge.observed("test", errors.overdue)])
        app.add_subapp("/scim/v2", scim)
        app.router.add_get("/slow", _slow)
        process, port = service.Process("test"), ports.choose()
        async with process.listen(
            app, "127.0.0.1", port, {}, refused=errors.refused, limits=Limits(**limits)
        ):
            yield f"http://127.0.0.1:{port}", process

    return running


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def drip(writer: asyncio.StreamWriter, sent: bytes, every_s: float = 0.05) -> None:
    """Send byte by byte until the other side has enough."""
    for byte in sent:
        if writer.is_closing():
            return
        writer.write(bytes([byte]))
        await asyncio.sleep(every_s)


async def test_headers_that_drip_are_answered_408_and_closed(serve) -> None:
    async with (
        serve() as (url, _),
        connection(url) as (reader, writer),
        asyncio.timeout(5),
        asyncio.TaskGroup() as group,
    ):
        dripping = group.create_task(drip(writer, b"GET /scim/v2/slow HTTP/1.1\r\n" * 4))
        answer = await reader.read()
        dripping.cancel()

    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"urn:ietf:params:scim:api:messages:2.0:Error" in answer


async def test_a_body_that_drips_is_answered_408_as_scim_and_closed(serve) -> None:
    head = request("POST", "/scim/v2/read", Content_Length="1000")

    async with (
        serve() as (url, _),
        connection(url) as (reader, writer),
        asyncio.timeout(5),
        asyncio.TaskGroup() as group,
    ):
        writer.write(head)
        dripping = group.create_task(drip(writer, b" " * 400))
        answer = await reader.read()
        dripping.cancel()

    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"Connection: close" in answer
    assert b"urn:ietf:params:scim:api:messages:2.0:Error" in answer


async def test_a_body_in_many_parts_that_is_in_time_is_read(serve) -> None:
    head = request("POST", "/scim/v2/read", Content_Length="10")

    async with serve() as (url, _), connection(url) as (reader, writer), asyncio.timeout(5):
        writer.write(head)
        await drip(writer, b'{"a": 123}', every_s=0.02)
        answer = await reader.readuntil(b'{"a": 123}')
        await asyncio.sleep(0.9)
        writer.write(request("POST", "/scim/v2/read", b"[]"))
        again = await reader.readuntil(b"[]")

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert again.startswith(b"HTTP/1.1 200 "), "an idle connection is not a slow one"


async def test_a_client_that_does_not_read_is_cut_off(serve) -> None:
    async with serve() as (url, _), connection(url) as (reader, writer), asyncio.timeout(8):
        writer.transport.pause_reading()
        writer.write(request("GET", "/scim/v2/large"))
        await asyncio.sleep(1.5)
        writer.transport.resume_reading()

        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(len(LARGE))


async def test_a_client_that_reads_gets_all_of_a_large_answer(serve) -> None:
    async with serve() as (url, _):
        [answer] = await exchange(url, request("GET", "/scim/v2/large"))

    assert len(answer.body) == len(LARGE)


@pytest.mark.parametrize("limit", ["connections", "connections_of_peer"])
async def test_one_connection_too_many_is_turned_away(serve, limit) -> None:
    async with serve(**{limit: 2}) as (url, _), asyncio.timeout(8):
        async with connection(url), connection(url):
            await asyncio.sleep(0.1)
            async with connection(url) as (reader, _writer):
                answer = await reader.read()

        async def served() -> bool:
            answers = await exchange(url, request("GET", "/livez"))
            return [each.status for each in answers] == [200]

        await eventually(served)

    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"urn:ietf:params:scim:api:messages:2.0:Error" in answer


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/scim/v2/slow", "application/scim+json"), ("/slow", "application/problem+json")],
)
async def test_what_takes_too_long_is_503_in_the_form_of_its_api(
    serve, monkeypatch, path, media_type
) -> None:
    monkeypatch.setattr(edge, "_HANDLER_TIMEOUT_S", 0.1)

    async with serve() as (url, _):
        [answer] = await exchange(url, request("GET", path))

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.headers["x-request-id"]


async def test_when_stopping_what_is_in_hand_is_answered_and_said_to_be_the_last(serve) -> None:
    async with serve() as (url, process), asyncio.TaskGroup() as group:
        asked = group.create_task(exchange(url, request("GET", "/slow")))
        await asyncio.sleep(0.2)
        process.stopping.set()

    [answer] = await asked
    assert answer.status == 200
    assert answer.headers["connection"] == "close"


async def test_when_stopping_a_body_on_its_way_is_waited_for(serve) -> None:
    async with serve() as (url, process), connection(url) as (reader, writer):
        writer.write(request("POST", "/scim/v2/read", Content_Length="4") + b"[")
        await asyncio.sleep(0.1)
        process.stopping.set()
        await asyncio.sleep(0.3)
        writer.write(b"1 ]")
        answer = await asyncio.wait_for(reader.read(), 5)

    assert answer.startswith(b"HTTP/1.1 200 ")
