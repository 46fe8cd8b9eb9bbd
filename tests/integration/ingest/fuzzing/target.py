"""The running ingest as the fuzzer sees it: one request in, what is wrong with the answer out."""

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis.strategies import SearchStrategy

from tests.integration.ingest import oracle

EXAMPLES = 40
PATIENCE_S = 0.5
"""A request whose body never comes is waited for; that is no fault."""


@dataclass(slots=True)
class Target:
    """A directory with a user and a group, and its state after the last request."""

    url: str
    directory: str
    token: str
    user: str
    group: str
    state: bytes = b""

    def faults(self, template: bytes) -> list[str]:
        """Send a request; return what is wrong with its answer, or with what it left behind."""
        before = self.state or self._stored()
        answer = self._send(self._filled(template))
        self.state = self._stored()
        if answer is None:
            return []
        status, kind, body = answer
        found = _answer_faults(template, status, kind, body)
        if status >= 400 and self.state != before:
            found.append(f"{status}, and yet the directory changed")
        return found

    def _filled(self, template: bytes) -> bytes:
        for name, value in (
            (b"@DIRECTORY@", self.directory), (b"@TOKEN@", self.token),
            (b"@USER@", self.user), (b"@GROUP@", self.group),
        ):  # fmt: skip
            template = template.replace(name, value.encode())
        head, _, body = template.partition(b"\r\n\r\n")
        return head.replace(b"@LENGTH@", str(len(body)).encode()) + b"\r\n\r\n" + body

    def _send(self, sent: bytes) -> tuple[int, str, bytes] | None:
        """Return status, type and body; None where no answer came, or none that is HTTP."""
        address = urlsplit(self.url)
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
            connection.sendall(sent)
            connection.settimeout(PATIENCE_S if b"@LENGTH@" in sent else 10)
            response = http.client.HTTPResponse(connection, method=sent[:4].decode("latin-1"))
            try:
                response.begin()
                return response.status, response.headers.get("Content-Type", ""), response.read()
            except (TimeoutError, ConnectionError, http.client.HTTPException):
                return None

    def _stored(self) -> bytes:
        """Return all users and groups, without what follows from them."""
        return b"".join(
            self._get(f"/{endpoint}?count=200&excludedAttributes={derived}")
            for endpoint, derived in (("Users", "groups"), ("Groups", "nothing"))
        )

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}"}
        connection.request("GET", f"/scim/v2/{self.directory}{path}", headers=headers)
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        assert answer.status == 200, read
        return read


def _answer_faults(template: bytes, status: int, kind: str, body: bytes) -> list[str]:
    method = template.partition(b" ")[0].decode("latin-1")
    if status >= 500 and status != 501:
        return [f"the status is {status}: {body[:500]!r}"]
    if "scim+json" not in kind and not template.partition(b" ")[2].startswith(b"/scim/v2/@DIR"):
        return []  # beyond SCIM other forms hold
    if method == "HEAD":
        return []
    return oracle.doubts(method, status, _decoded(body))


def _decoded(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except json.JSONDecodeError:
        return body.decode("latin-1")


def attack(
    target: Target, requests: SearchStrategy[bytes], seed: int, examples: int = EXAMPLES
) -> None:
    """Send examples of a strategy; the first that is answered wrongly is made small and shown."""

    @seeded(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(requests)
    def check(sent: bytes) -> None:
        found = target.faults(sent)
        assert not found, f"{found}\nmake fuzz REPLAY={ascii(sent)!r}   # seed {seed}"

    check()
