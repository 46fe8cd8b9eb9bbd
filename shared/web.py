"""HTTP with aiohttp: one log line a request, API keys, problem bodies (RFC 9457), typed bodies."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware
from pydantic import BaseModel, ValidationError

from shared import telemetry
from shared.contracts import decoding
from shared.contracts.ids import ordered_id
from shared.contracts.management import Problem
from shared.keys import Caller, Keys
from shared.tracing.requests import TRACEPARENT

_log = structlog.get_logger(__name__)
_HANDLER_TIMEOUT_S = 25.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUSY = "The service is busy; try again in a few seconds."
_NOT_PLAIN_JSON = (
    "The body is not declared as plain JSON in UTF-8; send it with Content-Type application/json "
    "and without Content-Encoding."
)
_NOT_FRAMED = "The chunks of the body are not framed as HTTP says; send it again with its length."
_HOLDS_NUL = "holds the character U+0000, which is not kept; leave it out."
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = TypeVar("Body", bound=BaseModel)
REQUEST_ID = web.RequestKey("request_id", str)
CALLER = web.RequestKey("caller", Caller)
"""Who holds the API key that opened `/v1`."""
MAX_BODY_BYTES = web.AppKey("max_body_bytes", int)
"""How large a body may be; without it, what aiohttp takes."""


def overdue(_request: web.Request) -> web.Response:
    """Return the answer to a request that took too long."""
    return problem(503, _BUSY, headers={"Retry-After": "2"})


def observed(
    service: str,
    late: Callable[[web.Request], web.StreamResponse] = overdue,
    endless: Container[str] = (),
) -> Middleware:
    """Return the outermost middleware: request id, deadline, one canonical log line, metrics.

    `late` makes the answer to what took longer than the deadline, 25 s; the routes `endless` have
    none, since they go on until somebody leaves.
    """

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.monotonic()
        # Sorts by time, so that a log of requests needs no other order.
        request[REQUEST_ID] = ordered_id(time.time_ns(), secrets.randbits(62))
        status = 500
        try:
            is_endless = _route(request) in endless
            answer = handler(request) if is_endless else _in_time(request, handler, late)
            response = await answer
            response.headers.setdefault("X-Request-Id", request[REQUEST_ID])
            status = response.status
        except web.HTTPException as answer:
            status = answer.status
            raise
        else:
            return response
        finally:
            _record(service, request, status, time.monotonic() - started)

    return observe


async def _in_time(
    request: web.Request, handler: Handler, late: Callable[[web.Request], web.StreamResponse]
) -> web.StreamResponse:
    try:
        async with asyncio.timeout(_HANDLER_TIMEOUT_S) as deadline:
            return await handler(request)
    except TimeoutError:
        # An answer that has begun cannot become another one.
        if not deadline.expired() or request.writer.output_size:
            raise
    telemetry.REFUSED.labels("deadline").inc()
    return late(request)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unmatched"


def _record(service: str, request: web.Request, status: int, seconds: float) -> None:
    route = _route(request)
    if route in {"/livez", "/readyz", "/metrics"}:
        return
    # A client may make up methods; each would be a series of its own for ever.
    method = request.method if request.method in _METHODS else "other"
    telemetry.REQUESTS.labels(service, route, method, status).observe(seconds)
    _log.info(
        "http.request_answered",
        request_id=request[REQUEST_ID],
        method=method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 1),
        **_more(request),
    )


def _more(request: web.Request) -> dict[str, str]:
    """Return what only some requests have: an API key, spans."""
    more = {}
    if CALLER in request:
        more["key_id"] = request[CALLER].name
    if TRACEPARENT in request:
        more["traceparent"] = request[TRACEPARENT]
    return more


def problems(
    statuses: Mapping[type[Exception], int],
    is_transient: Callable[[BaseException], bool] = lambda error: isinstance(error, TimeoutError),
) -> Middleware:
    """Return a middleware that answers errors as problem+json; the table says the status.

    `extensions` of an error become members of the problem (RFC 9457, 3.2). What is transient
    (`db.is_transient`) is 503: the same call may succeed in a moment.
    """

    @web.middleware
    async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:  # noqa: PLR2004  # a redirect is no problem
                raise
            return problem(error.status, _reason(error), headers=_kept(error))
        except ValidationError as error:
            return problem(400, describe(error))
        except tuple(statuses) as error:
            status = next(code for kind, code in statuses.items() if isinstance(error, kind))
            return problem(status, str(error), extensions=getattr(error, "extensions", None))
        except Exception as error:  # noqa: BLE001  # the edge: no error leaves as a stack trace
            if is_transient(error):
                return problem(503, _BUSY, headers={"Retry-After": "2"})
            _log.exception("http.request_failed", request_id=request[REQUEST_ID])
            return problem(500, f"Something went wrong; quote {request[REQUEST_ID]}.")

    return explain


def _kept(error: web.HTTPException) -> dict[str, str]:
    return {name: error.headers[name] for name in ("Allow", "WWW-Authenticate")
            if name in error.headers}  # fmt: skip


def _reason(error: web.HTTPException) -> str:
    """Say what is wrong, and what to do."""
    match error:
        case web.HTTPMethodNotAllowed():
            return f"Use a method that is served here: {', '.join(sorted(error.allowed_methods))}."
        case web.HTTPRequestTimeout():
            return "The request did not arrive in time; send it again at once and without pauses."
    default = f"{error.status}: {error.reason}"
    if error.text and error.text != default:
        return error.text
    if isinstance(error, web.HTTPNotFound):
        return "There is nothing at this address; GET /v1/openapi.json lists what there is."
    return f"{error.reason}."


def problem(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    extensions: Mapping[str, object] | None = None,
) -> web.Response:
    """Return an error response."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return web.Response(
        status=status,
        body=orjson.dumps({**body.model_dump(by_alias=True), **(extensions or {})}),
        content_type="application/problem+json",
        headers=headers,
    )


def describe(error: ValidationError) -> str:
    """Say in words which fields are wrong, without repeating their values."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    )


@web.middleware
async def legible(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse an address that names what Postgres cannot store."""
    if "%00" in request.raw_path:
        named = (name for name, value in request.query.items() if "\0" in value)
        return problem(400, f"{next(named, 'address')}: it {_HOLDS_NUL}")
    return await handler(request)


def api_key(keys: Keys) -> Middleware:
    """Return a middleware that lets through who holds an API key, and notes who it is."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = keys.caller(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if caller is None:
            return problem(
                401,
                "Send the API key as `Authorization: Bearer …`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        request[CALLER] = caller
        return await handler(request)

    return check


async def body(request: web.Request, model: type[Body]) -> Body:
    """Return the typed body.

    Raises HTTPUnsupportedMediaType, HTTPRequestEntityTooLarge, HTTPBadRequest and
    pydantic.ValidationError.
    """
    if not _is_plain_json(request):
        raise web.HTTPUnsupportedMediaType(text=_NOT_PLAIN_JSON)
    raw = await _read(request)
    try:
        document = decoding.json(raw)
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest(text=f"The body is not JSON: {error.msg}.") from error
    if rb"\u0000" in raw and (place := _nul_in(document)):
        raise web.HTTPBadRequest(text=f"{place.lstrip('.')}: it {_HOLDS_NUL}")
    return model.model_validate(document)


def _nul_in(document: Any) -> str | None:
    """Return the place of a text that Postgres cannot store, as `describe` names places."""
    left: list[tuple[str, Any]] = [("", document)]
    while left:
        place, value = left.pop()
        match value:
            case str() if "\0" in value:
                return place or "body"
            case list():
                left += [(f"{place}.{number}", each) for number, each in enumerate(value)]
            case dict():
                left += [(place, name) for name in value]
                left += [(f"{place}.{name}", each) for name, each in value.items()]
    return None


def _is_plain_json(request: web.Request) -> bool:
    """Whether the headers say JSON in UTF-8, uncompressed; who says nothing means that."""
    kind = request.headers.get("Content-Type", "application/json").lower()
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    charset = (request.charset or "utf-8").lower()
    return "json" in kind and charset in {"utf-8", "utf8"} and encoding == "identity"


async def _read(request: web.Request) -> bytes:
    # aiohttp heeds the limit of the outermost application alone.
    most = request.config_dict.get(MAX_BODY_BYTES, request.client_max_size)
    try:
        return await request.clone(client_max_size=most).read()
    except web.HTTPRequestEntityTooLarge as error:
        text = f"The body is larger than {most:,} bytes; send less at once."
        raise web.HTTPRequestEntityTooLarge(most, text=text) from error
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise web.HTTPBadRequest(text=_NOT_FRAMED) from error


def query(request: web.Request, model: type[Body]) -> Body:
    """Return the typed query; what the model does not know is ignored. Raises ValidationError."""
    return model.model_validate(dict(request.query))


def answer(value: BaseModel, status: int = 200) -> web.Response:
    """Return a value as JSON."""
    return web.Response(
        status=status,
        body=value.model_dump_json(by_alias=True).encode(),
        content_type="application/json",
    )


def answers(values: list[BaseModel]) -> web.Response:
    """Return values as `{"items": […]}`."""
    items = [value.model_dump(mode="json", by_alias=True) for value in values]
    return web.Response(body=orjson.dumps({"items": items}), content_type="application/json")
