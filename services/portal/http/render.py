"""Templates, security headers, and error pages in the portal's own design."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp_jinja2
import jinja2
import structlog
from aiohttp import web

from services.portal import domain
from services.portal.domain import DelayedError, GoneError, MissingError, RefusedError
from services.portal.http.session import SESSION, ForgedFormError, SignInError
from shared import web as edge

_log = structlog.get_logger(__name__)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ERRORS: Mapping[type[Exception], tuple[int, str, str]] = {
    SignInError: (
        401,
        "Please sign in",
        "Your session ended. Open your sign-in link again, or ask whoever sent it for a new one.",
    ),
    GoneError: (
        410,
        "This link does not work any more",
        "It was used, or it expired. Ask whoever sent it for a new one.",
    ),
    ForgedFormError: (
        403,
        "That form was not accepted",
        "It is too old. Nothing was changed: go back, reload the page, and send it again.",
    ),
    MissingError: (404, "There is nothing here", "Check the address, or go back."),
    DelayedError: (
        503,
        "Not available at the moment",
        "A part of Rollcall does not answer. Nothing was changed; try again in a minute.",
    ),
}


def setup(app: web.Application) -> None:
    """Give the application its templates."""
    environment = aiohttp_jinja2.setup(
        app, loader=jinja2.PackageLoader("services.portal"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters |= {
        "ago": lambda moment: domain.ago(moment, datetime.now(UTC)),
        "exact": lambda moment: f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "iso": lambda moment: moment.astimezone(UTC).isoformat(timespec="milliseconds"),
        "event": domain.event_in_words,
    }
    environment.globals |= {"providers": domain.PROVIDERS}


def page(
    request: web.Request, template: str, values: Mapping[str, Any], status: int = 200
) -> web.Response:
    """Return a page; it knows the session's form token and where it is."""
    session = request.get(SESSION)
    context = {
        "csrf": session.csrf if session else "",
        "is_operator": session is not None and session.organization is None,
        "is_signed_in": session is not None,
        "path": request.path,
        "organization": None,
        **values,
    }
    response = aiohttp_jinja2.render_template(template, request, context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


@web.middleware
async def protect(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
    """Add the security headers; answer errors as pages."""
    response = await _handled(request, handler)
    response.headers.update(_HEADERS)
    return response


async def _handled(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _http_error(request, error)
    except tuple(_ERRORS) as error:
        return _error(request, *_ERRORS[type(error)])
    except RefusedError as error:
        return _error(request, error.status, "That was refused", str(error))
    except Exception:  # noqa: BLE001  # the edge: no error leaves as a stack trace
        _log.exception("portal.request_failed", request_id=request[edge.REQUEST_ID])
        words = f"Nothing was changed. If it happens again, quote {request[edge.REQUEST_ID]}."
        return _error(request, 500, "Something went wrong", words)


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    if isinstance(error, web.HTTPRedirection):
        return web.Response(status=error.status, headers={"Location": error.headers["Location"]})
    if isinstance(error, web.HTTPNotFound):
        return _error(request, *_ERRORS[MissingError])
    return _error(request, error.status, error.reason, "Go back and try another way.")


def _error(request: web.Request, status: int, title: str, words: str) -> web.Response:
    return page(request, "error.html", {"title": title, "words": words}, status)
