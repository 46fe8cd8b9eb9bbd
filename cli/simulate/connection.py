"""One keep-alive connection on which every byte of a request is ours."""

import http.client
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cli.output import CommandError
from cli.simulate.onelogin import Reply, Request

_TIMEOUT_S = 30
_ATTEMPTS = 5
_LATER = {429, 503}
_WAITS = 20
_MOST_REFUSALS_KEPT = 50


@dataclass(slots=True)
class Connection:
    """Sends requests one after the other, and keeps count of them."""

    endpoint: str
    token: str
    sent: Counter[str] = field(default_factory=Counter)
    refused: list[dict[str, Any]] = field(default_factory=list)
    refusals: int = 0
    _http: http.client.HTTPConnection | None = None

    def send(self, request: Request) -> Reply:
        """Send a request and return the reply, again after a while where it is asked to wait.

        Raises CommandError when nobody answers.
        """
        for _ in range(_WAITS):
            reply, wait_s = self._answer(request)
            if reply.status not in _LATER:
                break
            time.sleep(wait_s)
        self._count(request, reply)
        return reply

    def _answer(self, request: Request) -> tuple[Reply, float]:
        """Return the reply and how long to wait; connect anew where the connection broke."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._exchange(request)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if attempt == _ATTEMPTS:
                    raise CommandError(
                        f"{self.endpoint} does not answer ({error}); is the address right?"
                    ) from error
                time.sleep(0.2 * 2**attempt)
        raise AssertionError

    def _exchange(self, request: Request) -> tuple[Reply, float]:
        address = urlsplit(self.endpoint)
        if self._http is None:
            kind = {"https": http.client.HTTPSConnection, "http": http.client.HTTPConnection}
            self._http = kind[address.scheme](address.netloc, timeout=_TIMEOUT_S)
        # Accept-Encoding is the one header that http.client would add by itself beside Host.
        target = address.path.rstrip("/") + request.target
        self._http.putrequest(request.method, target, skip_accept_encoding=True)
        self._http.putheader("Authorization", f"Bearer {self.token}")
        if request.body is not None:
            self._http.putheader("Content-Type", "application/json")
            self._http.putheader("Content-Length", str(len(request.body)))
        self._http.endheaders(request.body)
        response = self._http.getresponse()
        wait_s = response.getheader("Retry-After", "")
        reply = Reply(response.status, _decoded(response.read()))
        return reply, float(wait_s) if wait_s.isdigit() else 1.0

    def _count(self, request: Request, reply: Reply) -> None:
        self.sent[request.kind] += 1
        if reply.is_refusal:
            self.refusals += 1
            if len(self.refused) < _MOST_REFUSALS_KEPT:
                detail = reply.body.get("detail", "")
                self.refused.append(
                    {"request": request.kind, "status": reply.status, "detail": detail}
                )

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._http is not None:
            self._http.close()
            self._http = None


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body) if body else {}
    except ValueError:
        return {"detail": "the answer is not JSON"}
    return document if isinstance(document, dict) else {}
