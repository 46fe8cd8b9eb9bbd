"""Sessions and forms: who is here, and whether a form is really theirs."""

import hmac
from datetime import UTC, datetime
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from services.portal import usecases
from services.portal.domain import MissingError, Session
from services.portal.usecases import Vault
from shared import db
from shared import web as edge
from shared.contracts.ids import OrganizationId

SESSION = web.RequestKey("session", Session)
_SAFE = frozenset({"GET", "HEAD"})


class SignInError(Exception):
    """There is no session, or it has ended."""


class ForgedFormError(Exception):
    """A form came from elsewhere, or without this session's token."""


class Cookies:
    """The session cookie: `__Host-` and Secure where the portal is reached by https."""

    def __init__(self, base_url: str) -> None:
        self.is_secure = base_url.startswith("https:")
        self.name = "__Host-session" if self.is_secure else "session"

    def read(self, request: web.Request) -> str | None:
        """Return the secret of the session, if the browser sent one."""
        return request.cookies.get(self.name)

    def set(self, response: web.StreamResponse, value: str) -> None:
        """Give the browser a session."""
        response.set_cookie(
            self.name, value, httponly=True, samesite="Lax", secure=self.is_secure, path="/"
        )

    def clear(self, response: web.StreamResponse) -> None:
        """Take the session from the browser."""
        response.del_cookie(
            self.name, httponly=True, samesite="Lax", secure=self.is_secure, path="/"
        )


def signed_in(database: db.Database, vault: Vault, cookies: Cookies, base_url: str) -> Middleware:
    """Return the middleware of all pages behind the sign-in: session, organization, forms."""

    @web.middleware
    async def check(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
        if _is_open(request):
            return await handler(request)
        secret = cookies.read(request)
        session = secret and await usecases.find_session(database, vault, secret, datetime.now(UTC))
        if not session:
            raise SignInError
        organization = request.match_info.get("org")
        if organization is not None and not session.may_see(organization):
            raise MissingError
        if request.method not in _SAFE:
            await _check_form(request, session, base_url)
        request[SESSION] = session
        return await handler(request)

    return check


def _is_open(request: web.Request) -> bool:
    return request.path.startswith(("/link/", "/static/", "/v1/")) or request.path in {
        "/livez",
        "/readyz",
        "/metrics",
    }


async def _check_form(request: web.Request, session: Session, base_url: str) -> None:
    check_origin(request, base_url)
    given = str((await request.post()).get("csrf", ""))
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise ForgedFormError


def check_origin(request: web.Request, base_url: str) -> None:
    """Refuse a form that another site made the browser send. Raises ForgedFormError."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        raise ForgedFormError
    origin = request.headers.get("Origin")
    own = {urlsplit(base_url).netloc, request.host}
    if origin is not None and urlsplit(origin).netloc not in own:
        raise ForgedFormError


def operator_only(request: web.Request) -> None:
    """Refuse administrators. Raises MissingError, which tells them nothing."""
    if request[SESSION].organization is not None:
        raise MissingError


def organization_of(request: web.Request) -> OrganizationId:
    """Return the organization of the path; the middleware checked that the session may see it."""
    return OrganizationId(request.match_info["org"])
