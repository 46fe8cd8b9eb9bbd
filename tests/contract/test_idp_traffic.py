"""Recorded provider traffic, played byte for byte against the running ingest."""

import asyncio
import http.client
import json
from string import Template
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.recorded import FILES, is_part
from tests.support.world import World

PROVIDERS = sorted({name.partition("/")[0] for name in FILES})


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_a_provider_sends_is_answered_as_recorded(world: World, provider: str) -> None:
    directory = await world.directory()
    scenario = {name: file for name, file in FILES.items() if name.startswith(f"{provider}/")}

    differences = await asyncio.to_thread(play, scenario, directory.endpoint, directory.token)

    assert differences == {}


def play(scenario: dict[str, Any], endpoint: str, token: str) -> dict[str, Any]:
    """Play files in order; return what was answered differently, by file."""
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(address.netloc, timeout=30)
    known, differences = {"token": token}, {}
    for name, file in scenario.items():
        status, body = send(connection, address.path, fill(file["request"], known))
        expected = fill(file["answer"], known)
        if status != expected["status"] or not fits(expected, body):
            differences[name] = (status, body)
        known |= {word: body[key] for word, key in file.get("learn", {}).items()}
    connection.close()
    return differences


def fits(expected: dict[str, Any], body: Any) -> bool:
    """Whether an answer has the parts it must have, and none of the names it must not."""
    unwanted = set(expected.get("missing", [])) & set(body or {})
    return not unwanted and ("body" not in expected or is_part(expected["body"], body))


def fill(part: Any, known: dict[str, str]) -> Any:
    """Put the words learned before in place of `${…}`."""
    return json.loads(Template(json.dumps(part)).safe_substitute(known))


def send(connection: http.client.HTTPConnection, base: str, request: Any) -> tuple[int, Any]:
    connection.putrequest(request["method"], base + request["path"], skip_accept_encoding=True)
    for name, value in request["headers"].items():
        connection.putheader(name, value)
    body = None
    if "body" in request:
        body = json.dumps(request["body"], separators=(",", ":")).encode()
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    raw = response.read()
    return response.status, json.loads(raw) if raw else None
