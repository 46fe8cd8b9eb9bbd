"""The place of a request in a trace: its own span where tracing is on, else what it was sent."""

from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from shared.contracts import traceparent
from shared.contracts.ids import is_id

if TYPE_CHECKING:
    from shared.tracing.otel import Spans

TRACEPARENT = web.RequestKey("traceparent", str)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})
_FAULT = 500


def of(request: web.Request) -> str | None:
    """Return the `traceparent` of what follows from a request."""
    return request.get(TRACEPARENT) or _sent(request)


def _sent(request: web.Request) -> str | None:
    return traceparent.parsed(request.headers.get("traceparent"))


def observed(spans: "Spans") -> Middleware:
    """Return the outermost middleware where tracing is on: a span for each request."""

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = _route(request)
        if route in _PROBES:
            return await handler(request)
        # A client may make up methods; names are few.
        method = request.method if request.method in _METHODS else "_OTHER"
        facts = {"http.request.method": method, "http.route": route, **_directory(request)}
        span = spans.start(f"{method} {route}", "SERVER", facts, parent=_sent(request))
        request[TRACEPARENT] = span.traceparent
        status = _FAULT
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as answer:
            status = answer.status
            raise
        else:
            return response
        finally:
            span.end({"http.response.status_code": status}, failed=status >= _FAULT)

    return observe


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unmatched"


def _directory(request: web.Request) -> dict[str, str]:
    """Return the directory in the address, unless somebody made up another text for it."""
    found = request.match_info.get("directory", "")
    return {"rollcall.directory_id": found} if is_id(found) else {}
