"""Exception → SCIM error: the one table that knows HTTP status and scimType (RFC 7644 §3.12)."""

from collections.abc import Mapping

import orjson
import structlog
from aiohttp import web

from services.ingest.scim import errors, messages
from shared import db
from shared import web as edge
from shared.outbox import EventTooLargeError

_log = structlog.get_logger(__name__)
CONTENT_TYPE = "application/scim+json"
MAX_BODY_BYTES = 1024 * 1024

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
    errors.Unauthorized: (401, None),
    errors.Forbidden: (403, None),
    errors.NotFound: (404, None),
    errors.MethodNotAllowed: (405, None),
    errors.PreconditionFailed: (412, None),
    errors.PayloadTooLarge: (413, None),
    errors.UnsupportedMediaType: (415, None),
    errors.Unsupported: (501, None),
}
_UNAVAILABLE = "The directory is busy at the moment. Send the request again in a few seconds."


@web.middleware
async def explain(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
    """Answer every error of a SCIM request as SCIM JSON; no stack trace, no foreign data."""
    try:
        return await handler(request)
    except errors.ScimError as error:
        return _answer(error)
    except web.HTTPException as error:
        return _answer(_translated(request, error))
    except EventTooLargeError:
        return _answer(errors.PayloadTooLarge(MAX_BODY_BYTES))
    except Exception as error:  # noqa: BLE001  # the edge: no error leaves as a stack trace
        if db.is_transient(error):
            return response(503, None, _UNAVAILABLE, {"Retry-After": "2"})
        _log.exception("scim.request_failed", request_id=request[edge.REQUEST_ID])
        detail = f"Something went wrong here. Quote {request[edge.REQUEST_ID]} when you report it."
        return response(500, None, detail)


def _translated(request: web.Request, error: web.HTTPException) -> errors.ScimError:
    match error:
        case web.HTTPMethodNotAllowed():
            return errors.MethodNotAllowed(request.method, tuple(sorted(error.allowed_methods)))
        case web.HTTPRequestEntityTooLarge():
            return errors.PayloadTooLarge(MAX_BODY_BYTES)
        case web.HTTPNotFound():
            return errors.NotFound("endpoint", request.path.rpartition("/")[2][:100])
        case _:
            raise error


def _answer(error: errors.ScimError) -> web.Response:
    status, scim_type = STATUSES[type(error)]
    headers = {}
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="SCIM"'
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return response(status, scim_type, error.detail, headers)


def response(
    status: int, scim_type: str | None, detail: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an Error message."""
    return web.Response(
        status=status,
        body=orjson.dumps(messages.error(status, scim_type, detail)),
        content_type=CONTENT_TYPE,
        headers=headers,
    )
