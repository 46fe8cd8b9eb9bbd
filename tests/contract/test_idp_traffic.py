"""Recorded provider traffic, played byte for byte against the running ingest."""

import asyncio
import http.client
import json
from dataclasses import dataclass
from string import Template
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest

from shared.contracts.management import Provider
from tests.support.recorded import FILES, is_part
from tests.support.world import World

PROVIDERS = sorted({name.partition("/")[0] for name in FILES})


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: Any


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_a_provider_sends_is_answered_as_recorded(world: World, provider: str) -> None:
    directory = await world.directory(provider=connected_as(provider))
    scenario = {name: file for name, file in FILES.items() if name.startswith(f"{provider}/")}

    differences = await asyncio.to_thread(play, scenario, directory.endpoint, directory.token)

    assert differences == {}


def connected_as(folder: str) -> str:
    """Return the provider that an administrator chooses for the traffic of a folder."""
    name = folder.partition("-")[0]
    return name if name in get_args(Provider) else "generic"


def play(scenario: dict[str, Any], endpoint: str, token: str) -> dict[str, Reply]:
    """Play files in order; return what was answered differently, by file."""
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(address.netloc, timeout=30)
    known, differences = {"token": token}, {}
    for name, file in scenario.items():
        reply = send(connection, address.path, fill(file["request"], known))
        if not fits(fill(file["answer"], known), reply):
            differences[name] = reply
        known |= {word: reply.body[key] for word, key in file.get("learn", {}).items()}
    connection.close()
    return differences


def fits(expected: dict[str, Any], reply: Reply) -> bool:
    """Whether an answer has the parts it must have, and none of the names it must not."""
    return (
        reply.status == expected["status"]
        and expected.get("headers", {}).items() <= reply.headers.items()
        and ("body" not in expected or is_part(expected["body"], reply.body))
        and not set(expected.get("missing", [])) & set(reply.body or {})
    )


def fill(part: Any, known: dict[str, str]) -> Any:
    """Put the words learned before in place of `${…}`."""
    return json.loads(Template(json.dumps(part)).safe_substitute(known))


def send(connection: http.client.HTTPConnection, base: str, request: Any) -> Reply:
    connection.putrequest(request["method"], base + request["path"], skip_accept_encoding=True)
    for name, value in request["headers"].items():
        connection.putheader(name, value)
    body = written(request)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    raw = response.read()
    headers = {name: value.partition(";")[0] for name, value in response.getheaders()}
    return Reply(response.status, headers, json.loads(raw) if raw else None)


def written(request: Any) -> bytes | None:
    """Return the bytes of a body, compact as providers send it; None if there is none."""
    if "body" in request:
        return json.dumps(request["body"], separators=(",", ":")).encode()
    return request["text"].encode() if "text" in request else None
