"""Sessions and forms: who is here, and whether a form is really theirs."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from services.portal.domain.access import Session
from services.portal.domain.errors import MissingError
from services.portal.usecases import access
from services.portal.usecases.access import Vault
from shared import db
from shared import web as edge
from shared.contracts.ids import OrganizationId

SESSION = web.RequestKey("session", Session)
REFRESH = "X-Refresh"
"""The header by which a page says that it asks by itself, and nobody acted."""
_SAFE = frozenset({"GET", "HEAD"})
_OPEN = ("/link/", "/static/", "/v1/")
_OPEN_PAGES = frozenset({
    "/livez", "/readyz", "/metrics", "/theme.css", "/logo", "/scheme", "/sign-in",
    "/sign-in/begin", "/sign-in/callback",
})  # fmt: skip


class SignInError(Exception):
    """There is no session, or it has ended."""


class ForgedFormError(Exception):
    """A form came from another site."""


class StaleFormError(Exception):
    """A form is ours, but not of this session: who sent it signed in anew meanwhile."""


class Cookies:
    """The session cookie: `__Host-` and Secure where the portal is reached by https.

    Inside the pages of another site (`embedded`) it must be sent there, and to that site alone.
    """

    def __init__(self, base_url: str, *, embedded: bool = False) -> None:
        self.is_secure = base_url.startswith("https:")
        self.name = "__Host-session" if self.is_secure else "session"
        elsewhere = embedded and self.is_secure
        self._same_site = "None; Partitioned" if elsewhere else "Lax"

    def read(self, request: web.Request) -> str | None:
        """Return the secret of the session, if the browser sent one."""
        return request.cookies.get(self.name)

    def set(self, response: web.StreamResponse, value: str) -> None:
        """Give the browser a session."""
        self._add(response, value, "")

    def clear(self, response: web.StreamResponse) -> None:
        """Take the session from the browser."""
        self._add(response, "", "; Max-Age=0")

    def _add(self, response: web.StreamResponse, value: str, more: str) -> None:
        secure = "; Secure" if self.is_secure else ""
        # By hand: the cookies of Python 3.11 know no Partitioned.
        cookie = SimpleCookie({self.name: value})[self.name].OutputString()
        text = f"{cookie}; Path=/; HttpOnly; SameSite={self._same_site}{secure}{more}"
        response.headers.add("Set-Cookie", text)


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Knows who is in."""

    database: db.Database
    vault: Vault
    cookies: Cookies
    base_url: str

    async def session(self, request: web.Request, *, is_act: bool) -> Session | None:
        """Return the session of a request, if there is one."""
        secret = self.cookies.read(request)
        if not secret:
            return None
        now = datetime.now(UTC)
        return await access.find_session(self.database, self.vault, secret, now, is_act=is_act)

    async def is_still_in(self, request: web.Request) -> bool:
        """Tell whether the session of a request that goes on is live, and may still see it."""
        found = await self.session(request, is_act=False)
        return found is not None and found.may_see(organization_of(request))


def signed_in(doorkeeper: Doorkeeper) -> Middleware:
    """Return the middleware of all pages behind the sign-in: session, organization, forms."""

    @web.middleware
    async def check(request: web.Request, handler: edge.Handler) -> web.StreamResponse:
        if _is_open(request):
            return await handler(request)
        if request.method not in _SAFE:
            check_origin(request, doorkeeper.base_url)
        is_act = REFRESH not in request.headers and not request.path.endswith("/stream")
        session = await doorkeeper.session(request, is_act=is_act)
        if not session:
            raise SignInError
        request[SESSION] = session
        organization = request.match_info.get("org")
        if organization is not None and not session.may_see(organization):
            raise MissingError
        if request.method not in _SAFE:
            await _check_form(request, session)
            await access.note_form(doorkeeper.database, session.actor, request.path)
        return await handler(request)

    return check


def _is_open(request: web.Request) -> bool:
    return request.path.startswith(_OPEN) or request.path in _OPEN_PAGES


async def _check_form(request: web.Request, session: Session) -> None:
    given = str((await request.post()).get("csrf", ""))
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise StaleFormError


def check_origin(request: web.Request, base_url: str) -> None:
    """Refuse a form that another site made the browser send. Raises ForgedFormError."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        raise ForgedFormError
    origin = request.headers.get("Origin")
    own = {urlsplit(base_url).netloc, request.host}
    if origin is not None and urlsplit(origin).netloc not in own:
        raise ForgedFormError


def is_surely_ours(request: web.Request) -> bool:
    """Tell whether the browser vouches that a form came from our own page: it passed the check."""
    return "Origin" in request.headers or "Sec-Fetch-Site" in request.headers


def operator_only(request: web.Request) -> None:
    """Refuse administrators. Raises MissingError, which tells them nothing."""
    if not is_operator(request):
        raise MissingError


def is_operator(request: web.Request) -> bool:
    """Tell whether an operator asks."""
    return request[SESSION].organization is None


def actor_of(request: web.Request) -> str:
    """Return who acts, for the audit record and for those who read it."""
    return request[SESSION].actor


def organization_of(request: web.Request) -> OrganizationId:
    """Return the organization of the path; the middleware checked that the session may see it."""
    return OrganizationId(request.match_info["org"])
