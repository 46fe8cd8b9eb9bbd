"""Sign-in of operators by OpenID Connect: a page with one button, the way there, the way back."""

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from aiohttp import web

from services.portal.domain.oidc import VALID_FOR_S, SignInFailedError
from services.portal.http import render
from services.portal.http.session import Doorkeeper
from services.portal.usecases.signing_in import SignIns

_log = structlog.get_logger(__name__)
PATH = "/sign-in"
BEGIN, CALLBACK = f"{PATH}/begin", f"{PATH}/callback"
_NO_STORE = {"Cache-Control": "no-store"}
_WORDS = {
    "no_operator": "You are known there, and not as an operator of Rollcall.",
    "late": "That took longer than ten minutes. Try again.",
}
_OTHERWISE = "The provider did not vouch for you, or the answer was not to this browser. Try again."
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class SignIn:
    """The handlers; without a provider there is nothing here."""

    doorkeeper: Doorkeeper
    sign_ins: SignIns | None

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get(PATH, self.show),
            # No form: its policy would let no answer send the browser to another site.
            web.get(BEGIN, self.begin),
            web.get(CALLBACK, self.end),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show one button."""
        self._provided()
        return render.page(request, "operator.html", {"problem": None})

    async def begin(self, _request: web.Request) -> web.Response:
        """Send the browser to the provider, with what it must bring back."""
        sign_ins = self._provided()
        address, kept = await sign_ins.begin(datetime.now(UTC))
        response = web.Response(status=303, headers={"Location": address, **_NO_STORE})
        self._keep(response, kept, VALID_FOR_S)
        return response

    async def end(self, request: web.Request) -> web.Response:
        """Sign in who comes back, and go on to an address without the code."""
        sign_ins = self._provided()
        kept = request.cookies.get(self._cookie, "")
        try:
            secret = await sign_ins.end(request.query, kept, datetime.now(UTC))
        except SignInFailedError as error:
            _log.warning("portal.sign_in_refused", reason=error.reason)
            values = {"problem": _WORDS.get(error.reason, _OTHERWISE)}
            response = render.page(request, "operator.html", values, _FORBIDDEN)
            self._keep(response, "", 0)
            return response
        response = web.Response(status=303, headers={"Location": "/", **_NO_STORE})
        self._keep(response, "", 0)
        self.doorkeeper.cookies.set(response, secret)
        return response

    def _provided(self) -> SignIns:
        if self.sign_ins is None:
            raise web.HTTPNotFound
        return self.sign_ins

    @property
    def _cookie(self) -> str:
        return "__Host-sign-in" if self.doorkeeper.cookies.is_secure else "sign-in"

    def _keep(self, response: web.StreamResponse, value: str, seconds: int) -> None:
        # Lax: it comes along when the provider sends the browser back, and with no form of others.
        response.set_cookie(
            self._cookie,
            value,
            max_age=seconds,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self.doorkeeper.cookies.is_secure,
        )
