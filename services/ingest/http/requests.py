"""A SCIM request as typed parts: its act, its body, its query; raises SCIM errors."""

from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from services.ingest.domain.preconditions import Precondition
from services.ingest.domain.resources import Act
from services.ingest.http.auth import ACCESS
from services.ingest.scim import etag, limits, projection, search
from services.ingest.scim.errors import InvalidSyntax, PayloadTooLarge, UnsupportedMediaType
from services.ingest.scim.schema import ResourceType
from shared import web as edge
from shared.contracts import decoding
from shared.contracts.directory_events import Cause
from shared.tracing import requests as traced

PUBLIC_URL = web.AppKey("public_url", str)
# Who wants to know the body that was read puts an empty list here; clones of the request share it.
SENT = web.RequestKey("sent", list[bytes])


def act(request: web.Request) -> Act:
    """Return who changes what, where and when.

    The moment is one to the millisecond, as answers show it: a filter must find what it is told.
    """
    now = datetime.now(UTC)
    access = request[ACCESS]
    cause = Cause(kind="scim", id=request[edge.REQUEST_ID], actor=f"token:{access.key_id}")
    return Act(
        access.directory,
        access.organization,
        cause,
        now.replace(microsecond=now.microsecond // 1000 * 1000),
        traced.of(request),
        access.types,
    )


def base_url(request: web.Request) -> str:
    """Return the endpoint of the directory, as its provider reaches it."""
    return f"{request.config_dict[PUBLIC_URL]}/scim/v2/{request[ACCESS].directory}"


async def json(request: web.Request) -> Any:
    """Return the decoded body. Raises UnsupportedMediaType, InvalidSyntax, PayloadTooLarge."""
    if not _is_plain_json(request):
        raise UnsupportedMediaType
    raw = await _body(request)
    request.get(SENT, []).append(raw)
    try:
        decoded = decoding.json(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidSyntax(f"it is not JSON: {error.msg} at character {error.pos}") from error
    limits.check_shape(raw, times=request.client_max_size // limits.MAX_BODY_BYTES)
    return decoded


def _is_plain_json(request: web.Request) -> bool:
    kind = request.headers.get("Content-Type", "application/json").lower()
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    charset = (request.charset or "utf-8").lower()
    return "json" in kind and charset in {"utf-8", "utf8"} and encoding == "identity"


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise PayloadTooLarge(f"{request.client_max_size} bytes") from error
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise InvalidSyntax("its chunks are not framed as HTTP says") from error


def with_room(request: web.Request, max_bytes: int) -> web.Request:
    """Return the unread request with a body limit of its own: aiohttp has one for all routes."""
    return request.clone(client_max_size=max_bytes)


def precondition(request: web.Request) -> Precondition:
    """Return what If-Match and If-None-Match ask for (RFC 7644 §3.14). Raises InvalidValue."""
    return Precondition(only=_tags(request, "If-Match"), never=_tags(request, "If-None-Match"))


def _tags(request: web.Request, name: str) -> etag.Tags | None:
    # A list may be spread over several header lines (RFC 9110 §5.3).
    lines = request.headers.getall(name, None)
    return None if lines is None else etag.parse(name, ", ".join(lines))


def selection(request: web.Request) -> tuple[projection.Names, projection.Names]:
    """Return the names in `attributes` and `excludedAttributes` (RFC 7644 §3.9)."""
    attributes, excluded = (
        search.names(name, request.query.get(name, ""))
        for name in ("attributes", "excludedAttributes")
    )
    return attributes, excluded


def wants_related(request: web.Request, resource_type: ResourceType) -> bool:
    """Whether the answer holds what is stored apart, so that it must be read."""
    return projection.wants(resource_type, resource_type.apart, *selection(request))
