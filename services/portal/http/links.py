"""Signing in by link: the API that makes links, and the page that exchanges one for a session."""

from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.portal import usecases
from services.portal.domain import RefusedError
from services.portal.http import render, session
from services.portal.http.session import Cookies
from services.portal.usecases import Vault
from shared import db
from shared import web as edge
from shared.contracts.management import Link, NewLink


@dataclass(frozen=True, slots=True)
class Links:
    """The handlers around sign-in links."""

    database: db.Database
    vault: Vault
    cookies: Cookies
    base_url: str

    async def create(self, request: web.Request) -> web.Response:
        """Answer 201 with a new link, told this once."""
        wanted = await edge.body(request, NewLink)
        value, expires = await usecases.create_link(
            self.database, self.vault, wanted, datetime.now(UTC)
        )
        response = edge.answer(Link(url=f"{self.base_url}/link/{value}", expires_at=expires), 201)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def show(self, request: web.Request) -> web.Response:
        """Show one button: a mail scanner that merely looks must not use the link up."""
        await usecases.check_link(
            self.database, self.vault, request.match_info["token"], datetime.now(UTC)
        )
        return render.page(request, "sign_in.html", {})

    async def exchange(self, request: web.Request) -> web.Response:
        """Sign in, and go on to an address that does not hold the link."""
        session.check_origin(request, self.base_url)
        secret = await usecases.sign_in(
            self.database, self.vault, request.match_info["token"], datetime.now(UTC)
        )
        response = web.Response(status=303, headers={"Location": "/"})
        self.cookies.set(response, secret)
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the session."""
        secret = self.cookies.read(request)
        if secret:
            await usecases.sign_out(self.database, self.vault, secret)
        response = render.page(
            request, "error.html", {"title": "Signed out", "words": "You may close this page.",
                                    "is_signed_in": False}
        )  # fmt: skip
        self.cookies.clear(response)
        return response


def api(links: Links, api_key: str) -> web.Application:
    """Return the application below `/v1`."""
    problems = edge.problems({RefusedError: 422}, db.is_transient)
    app = web.Application(middlewares=[problems, edge.api_key(api_key)])
    app.add_routes([web.post("/links", links.create)])
    return app
