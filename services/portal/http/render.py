"""Templates, security headers, and error pages in the portal's own design."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp_jinja2
import jinja2
import structlog
from aiohttp import web
from markupsafe import Markup, escape

from services.portal.clients import Services
from services.portal.domain import words
from services.portal.domain.errors import DelayedError, GoneError, MissingError, RefusedError
from services.portal.http.session import (
    SESSION,
    ForgedFormError,
    SignInError,
    StaleFormError,
    is_surely_ours,
    organization_of,
)
from services.portal.usecases import live
from shared import db
from shared import web as edge

_log = structlog.get_logger(__name__)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)
_ERRORS: Mapping[type[Exception], tuple[int, str, str]] = {
    SignInError: (
        401,
        "Please sign in",
        "Your session ended. Open your sign-in link again, or ask whoever sent it for a new one.",
    ),
    GoneError: (
        410,
        "This link does not work any more",
        "It was used, expired or taken back, or set-up is done. Ask whoever sent it for a new one.",
    ),
    ForgedFormError: (
        403,
        "That form was not accepted",
        "It did not come from a page of this portal. Nothing was changed.",
    ),
    StaleFormError: (
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
_EMPHASIS = re.compile(r"\*([^*]+)\*")
SCHEMES = ("light", "dark")
SCHEME_COOKIE = "scheme"
_KEPT_FIELDS = 2000


@dataclass(frozen=True, slots=True)
class Look:
    """What the application chose: its name, accent and logo; where pages may be embedded."""

    name: str = "Rollcall"
    has_theme: bool = False
    logo: str = "/static/mark.svg"
    has_sign_in: bool = False
    embed_origins: Sequence[str] = ()


_LOOK = web.AppKey("look", Look)


def setup(app: web.Application, look: Look) -> None:
    """Give the application its templates."""
    app[_LOOK] = look
    environment = aiohttp_jinja2.setup(
        app, loader=jinja2.PackageLoader("services.portal"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters |= {
        "ago": lambda moment: words.ago(moment, datetime.now(UTC)),
        "stamp": lambda moment: f"{_day(moment)}, {moment.astimezone(UTC):%H:%M} UTC",
        "exact": lambda moment: f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "iso": lambda moment: moment.astimezone(UTC).isoformat(timespec="milliseconds"),
        "clock": lambda moment: f"{moment.astimezone(UTC):%H:%M:%S}",
        "instant": lambda moment: f"{moment.astimezone(UTC):%H:%M:%S.%f}"[:-3],
        "hour": lambda moment: f"{moment.astimezone(UTC):%H:%M}",
        "day": lambda day: f"{day:%A}, {day.day} {day:%B %Y}",
        "date": _day,
        "number": lambda number: f"{number:,}",
        "span": span,
        "seconds": lambda seconds: span(timedelta(seconds=seconds)),
        "marked": marked,
        "sentence": words.sentence,
        "called": words.called,
        "event": words.event_in_words,
        "told": words.told_in_words,
        "previewed": words.preview_in_words,
    }
    environment.globals |= {"providers": words.PROVIDERS, "look": look}


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).day} {moment.astimezone(UTC):%b %Y}"


def marked(text: str) -> Markup:
    """Return text as HTML: `*…*` is emphasised, what stands in backquotes is code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part)
        if place % 2
        else Markup(_EMPHASIS.sub(r"<em>\1</em>", str(escape(part))))  # noqa: S704  # escaped before
        for place, part in enumerate(parts)
    )


def span(time: timedelta) -> str:
    """Say how long something took."""
    seconds = time.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004  # a minute
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min"


def page(
    request: web.Request, template: str, values: Mapping[str, Any], status: int = 200
) -> web.Response:
    """Return a page; it knows the session's form token and where it is."""
    session = request.get(SESSION)
    scheme = request.cookies.get(SCHEME_COOKIE, "")
    context = {
        "csrf": session.csrf if session else "",
        "is_operator": session is not None and session.organization is None,
        "is_signed_in": session is not None,
        "path": request.path,
        "here": request.path_qs,
        "scheme": scheme if scheme in SCHEMES else "",
        "organization": None,
        "mark": None,
        "is_old": False,
        "rebuild": None,
        **values,
    }
    response = aiohttp_jinja2.render_template(template, request, context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


async def of_organization(
    request: web.Request,
    services: Services,
    template: str,
    values: Mapping[str, Any],
    status: int = 200,
) -> web.Response:
    """Return a page of the organization in the path."""
    organization = organization_of(request)
    name = await services.organization_name(organization)
    return page(
        request, template, {"organization": {"id": organization, "name": name}, **values}, status
    )


async def mark(request: web.Request, database: db.Database, services: Services) -> str:
    """Return the mark that a page is made at; taken first, so that nothing is missed."""
    organization = organization_of(request)
    return (await live.marks(database, services, [organization], datetime.now(UTC)))[organization]


@web.middleware
async def protect(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
    """Add the security headers; answer errors as pages."""
    response = await _handled(request, handler)
    if not response.prepared:
        origins = request.config_dict[_LOOK].embed_origins
        policy = _POLICY.format(ancestors=" ".join(["'self'", *origins]) if origins else "'none'")
        response.headers.update({**_HEADERS, "Content-Security-Policy": policy})
    return response


async def _handled(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _http_error(request, error)
    except (SignInError, StaleFormError) as error:
        return await _session_over(request, error)
    except tuple(_ERRORS) as error:
        return _error(request, *_ERRORS[type(error)])
    except RefusedError as error:
        return _error(request, error.status, "That was refused", str(error))
    except Exception as error:  # noqa: BLE001  # the edge: no error leaves as a stack trace
        return _failed(request, error)


def _failed(request: web.Request, error: Exception) -> web.Response:
    """Answer what nobody expected: no error leaves as a stack trace."""
    if db.is_transient(error):
        return _error(request, *_ERRORS[DelayedError])
    _log.exception("portal.request_failed", request_id=request[edge.REQUEST_ID])
    said = f"Nothing was changed. If it happens again, quote {request[edge.REQUEST_ID]}."
    return _error(request, 500, "Something went wrong", said)


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    if isinstance(error, web.HTTPRedirection):
        return web.Response(status=error.status, headers={"Location": error.headers["Location"]})
    if isinstance(error, web.HTTPNotFound):
        return _error(request, *_ERRORS[MissingError])
    return _error(request, error.status, error.reason, "Go back and try another way.")


async def _session_over(request: web.Request, error: Exception) -> web.Response:
    """Say that the session ended, and keep what was typed in a form of ours, to be sent again."""
    if request.method != "POST" or not is_surely_ours(request):
        return _error(request, *_ERRORS[type(error)])
    kept = [
        (name, value)
        for name, value in (await request.post()).items()
        if name != "csrf" and isinstance(value, str)
    ]
    values = {"kept": kept[:_KEPT_FIELDS], "action": request.path_qs}
    return page(request, "session_over.html", values, _ERRORS[type(error)][0])


def _error(request: web.Request, status: int, title: str, said: str) -> web.Response:
    return page(request, "error.html", {"title": title, "words": said}, status)
