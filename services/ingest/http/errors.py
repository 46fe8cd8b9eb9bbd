"""Exception → SCIM error: the one table that knows HTTP status and scimType (RFC 7644 §3.12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson
import structlog
from aiohttp import web

from services.ingest.http import admission, media
from services.ingest.http.auth import BASE
from services.ingest.scim import errors, limits, messages
from services.ingest.scim.schema import Document
from shared import db, listening, telemetry
from shared import web as edge
from shared.outbox import MAX_EVENT_BYTES, EventTooLargeError

_log = structlog.get_logger(__name__)
_MAX_SHOWN = 100

STATUSES: Mapping[type[errors.ScimError], tuple[int, str | None]] = {
    errors.InvalidFilter: (400, "invalidFilter"),
    errors.TooMany: (400, "tooMany"),
    errors.Uniqueness: (409, "uniqueness"),
    errors.Mutability: (400, "mutability"),
    errors.InvalidSyntax: (400, "invalidSyntax"),
    errors.InvalidPath: (400, "invalidPath"),
    errors.NoTarget: (400, "noTarget"),
    errors.InvalidValue: (400, "invalidValue"),
    errors.InvalidVersion: (400, "invalidVers"),
    errors.Sensitive: (403, "sensitive"),
    errors.InvalidCursor: (400, "invalidCursor"),
    errors.ExpiredCursor: (400, "expiredCursor"),
    errors.InvalidCount: (400, "invalidCount"),
    errors.Unauthorized: (401, None),
    errors.Forbidden: (403, None),
    errors.UnfilteredDiscovery: (403, None),
    errors.NotFound: (404, None),
    errors.UnknownEndpoint: (404, None),
    errors.MethodNotAllowed: (405, None),
    errors.PreconditionFailed: (412, None),
    errors.PayloadTooLarge: (413, None),
    errors.TooManyOperations: (413, None),
    errors.Unresolved: (409, None),
    errors.UnsupportedMediaType: (415, None),
    errors.Unsupported: (501, None),
    errors.RequestTimeout: (408, None),
    errors.TooManyRequests: (429, None),
    errors.TryLater: (503, None),
    errors.Busy: (503, None),
    errors.Behind: (503, None),
    errors.Full: (503, None),
    errors.Paused: (503, None),
}
# A resource travels in one event, on a change together with its old values.
_AN_EVENT = f"a resource may be: its event exceeds {MAX_EVENT_BYTES} bytes"
_UNAVAILABLE = "The directory is busy at the moment. Send the request again in a few seconds."
_LATE = "The request took too long and was cut off. Send it again in a few seconds."
_FULL_S = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as it is answered."""

    status: int
    scim_type: str | None
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def message(self) -> Document:
        """The Error message."""
        return messages.error(self.status, self.scim_type, self.detail)


@web.middleware
async def explain(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
    """Answer every error of a SCIM request as SCIM JSON; no stack trace, no foreign data."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _response(request, _refused(_translated(request, error)))
    except Exception as error:  # noqa: BLE001  # the edge: no error leaves as a stack trace
        if known := refusal(error):
            return _response(request, known)
        _log.exception("scim.request_failed", request_id=request[edge.REQUEST_ID])
        detail = f"Something went wrong here. Quote {request[edge.REQUEST_ID]} when you report it."
        return _response(request, Refusal(500, None, detail))


def _translated(request: web.Request, error: web.HTTPException) -> errors.ScimError:
    match error:
        case web.HTTPMethodNotAllowed():
            return errors.MethodNotAllowed(request.method, tuple(sorted(error.allowed_methods)))
        case web.HTTPRequestEntityTooLarge():
            return errors.PayloadTooLarge(f"{limits.MAX_BODY_BYTES} bytes")
        case web.HTTPRequestTimeout():
            return errors.RequestTimeout(round(listening.RECEIVE_WITHIN_S))
        case web.HTTPNotFound():
            below = request.path.removeprefix("/scim/v2/").partition("/")[2]
            return errors.UnknownEndpoint(f"/{below}"[:_MAX_SHOWN])
        case _:
            raise error


def refusal(error: Exception) -> Refusal | None:
    """Return how an error is answered, None for one that nobody foresaw."""
    if isinstance(error, errors.ScimError):
        return _refused(error)
    if isinstance(error, EventTooLargeError):
        return _refused(errors.PayloadTooLarge(_AN_EVENT))
    if db.is_full(error):
        telemetry.REFUSED.labels("disk_full").inc()
        return _refused(errors.Full(admission.jittered(_FULL_S)))
    if db.is_transient(error):
        return Refusal(503, None, _UNAVAILABLE, {"Retry-After": "2"})
    return None


def _refused(error: errors.ScimError) -> Refusal:
    status, scim_type = STATUSES[type(error)]
    return Refusal(status, scim_type, error.detail, _headers(error))


def _headers(error: errors.ScimError) -> Mapping[str, str]:
    match error:
        case errors.Unauthorized():
            return {"WWW-Authenticate": 'Bearer realm="SCIM"'}
        case errors.MethodNotAllowed(allowed=allowed):
            return {"Allow": ", ".join(allowed)}
        case errors.TryLater(retry_after_s=seconds):
            return {"Retry-After": str(seconds)}
        case _:
            return {}


def overdue(request: web.Request) -> web.Response:
    """Return the answer to a request that took too long, in the form of its API."""
    if request.path.startswith(BASE):
        return _response(request, Refusal(503, None, _LATE, {"Retry-After": "5"}))
    return edge.overdue(request)


def refused(status: int, detail: str) -> web.Response:
    """Return the answer to what no handler could be asked about."""
    scim_type = "invalidSyntax" if status == HTTPStatus.BAD_REQUEST else None
    return _written(Refusal(status, scim_type, detail), media.SCIM)


def _response(request: web.Request, known: Refusal) -> web.Response:
    return _written(known, media.chosen(request))


def _written(known: Refusal, content_type: str) -> web.Response:
    return web.Response(
        status=known.status,
        body=orjson.dumps(known.message),
        content_type=content_type,
        headers=known.headers,
    )
