"""Verify: type an e-mail address; see the user, the roles, why, and the way of the last change."""

from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.portal import usecases
from services.portal.clients import Services
from services.portal.domain import charts, guides, words
from services.portal.http import render
from services.portal.http.session import organization_of
from services.portal.usecases import verification
from services.portal.usecases.setup import Setups
from services.portal.usecases.verification import Verified
from shared import db

_TEXT_CHARS = 320


@dataclass(frozen=True, slots=True)
class Verify:
    """The handler."""

    database: db.Database
    services: Services
    setups: Setups

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [web.get("/portal/{org}/verify", self.verify)]

    async def verify(self, request: web.Request) -> web.Response:
        """Show the user whose e-mail or user name was typed, or who it may have meant."""
        organization = organization_of(request)
        mark = await render.mark(request, self.database, self.services)
        name = request.query.get("q", "").replace("\x00", "").strip()[:_TEXT_CHARS]
        found = await verification.search(self.database, self.services, organization, name)
        verified = found.verified
        is_missing = bool(name) and not verified and not found.candidates
        setup = await self.setups.newest(organization, datetime.now(UTC)) if is_missing else None
        context = {
            "q": name,
            "search": found,
            "verified": verified,
            "reasons": _reasons(verified) if verified else [],
            "spans": charts.spans(verified.journey) if verified else [],
            "setup": setup,
            "guide": guides.of(setup.directory.provider) if setup else None,
            "mark": mark,
            "rebuild": await usecases.rebuild(self.database),
        }
        return await render.of_organization(request, self.services, "verify.html", context)


def _reasons(verified: Verified) -> list[str]:
    provider = verified.directory.provider
    return [words.reason_in_words(role, provider) for role in verified.user.roles]
