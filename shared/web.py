"""HTTP with aiohttp: one log line a request, API keys, problem bodies (RFC 9457), typed bodies."""

import asyncio
import hmac
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from pydantic import BaseModel, ValidationError

from shared import telemetry
from shared.contracts.management import Problem

_log = structlog.get_logger(__name__)
_HANDLER_TIMEOUT_S = 25.0
_BUSY = "The service is busy; try again in a few seconds."
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = TypeVar("Body", bound=BaseModel)
REQUEST_ID = web.RequestKey("request_id", str)


def observed(service: str) -> Middleware:
    """Return the outermost middleware: request id, deadline, one canonical log line, metrics."""

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.monotonic()
        request[REQUEST_ID] = str(uuid.uuid4())
        status = 500
        try:
            async with asyncio.timeout(_HANDLER_TIMEOUT_S):
                response = await handler(request)
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


def _record(service: str, request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "unmatched"
    if route in {"/livez", "/readyz", "/metrics"}:
        return
    telemetry.REQUESTS.labels(service, route, request.method, status).observe(seconds)
    _log.info(
        "http.request_answered",
        request_id=request[REQUEST_ID],
        method=request.method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 1),
    )


def problems(
    statuses: Mapping[type[Exception], int],
    is_transient: Callable[[BaseException], bool] = lambda error: isinstance(error, TimeoutError),
) -> Middleware:
    """Return a middleware that answers errors as problem+json; the table says the status.

    What is transient (`db.is_transient`) is 503: the same call may succeed in a moment.
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
            return problem(status, str(error))
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
    default = f"{error.status}: {error.reason}"
    return error.text if error.text and error.text != default else f"{error.reason}."


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error response."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return web.Response(
        status=status,
        body=body.model_dump_json(by_alias=True).encode(),
        content_type="application/problem+json",
        headers=headers,
    )


def describe(error: ValidationError) -> str:
    """Say in words which fields are wrong, without repeating their values."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    )


def api_key(expected: str) -> Middleware:
    """Return a middleware that lets only the holder of the API key through."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), expected.encode()):
            return problem(
                401,
                "Send the API key as `Authorization: Bearer …`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    return check


async def body(request: web.Request, model: type[Body]) -> Body:
    """Return the typed body. Raises HTTPBadRequest and pydantic.ValidationError."""
    raw = await request.read()
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest(text=f"The body is not JSON: {error.msg}.") from error
    return model.model_validate(document)


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
