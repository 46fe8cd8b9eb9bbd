"""Bearer tokens and the page of a directory: steps, endpoint, checklist; a value is shown once."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from services.portal.clients import Services
from services.portal.domain import guides, states, tokens
from services.portal.domain.errors import MissingError, PortalError, RefusedError
from services.portal.http import render
from services.portal.http.session import organization_of
from services.portal.usecases import access
from services.portal.usecases.setup import Setups
from shared.contracts.management import Directory, IssuedToken, NewToken, Token

_EXPIRIES = {"90": "90 days", "365": "1 year", "730": "2 years", "": "Never"}
_USUAL = "365"
_LABEL_CHARS = 200
_GONE = 410
_SENT_TWICE = (
    "This form was sent twice; one token was made. If you did not see its value, revoke it and "
    "create another."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows beside what there is: a new token, or what is wrong with a field."""

    issued: IssuedToken | None = None
    problem: str | None = None
    field: str | None = None
    label: str | None = None
    expiry: str = _USUAL


_NOTHING = Shown()


@dataclass(frozen=True, slots=True)
class Tokens:
    """The handlers."""

    setups: Setups
    services: Services

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        directory = "/portal/{org}/provisioning/{dir}"
        return [
            web.get(directory, self.configure),
            web.get(f"{directory}/tokens", self.back),
            web.post(f"{directory}/tokens", self.create),
            web.get(f"{directory}/tokens/{{key}}/revoke", self.ask_to_revoke),
            web.post(f"{directory}/tokens/{{key}}/revoke", self.revoke),
        ]

    async def configure(self, request: web.Request) -> web.Response:
        """Show where a directory stands: the checklist, the steps, the endpoint, the tokens."""
        directory = await self._directory(request)
        if directory.state == "deleted":
            context = {"connection": directory}
            return await render.of_organization(
                request, self.services, "deleted.html", context, _GONE
            )
        return await self._configuration(request, directory)

    async def back(self, request: web.Request) -> web.Response:
        """Lead whoever opens the address of the form to its page."""
        directory = await self._directory(request)
        raise web.HTTPSeeOther(_address(directory))

    async def create(self, request: web.Request) -> web.Response:
        """Show a new token, in this answer and never again."""
        directory = await self._directory(request)
        form = await request.post()
        typed = Shown(
            label=str(form.get("label", "")).strip()[:_LABEL_CHARS],
            expiry=str(form.get("expiry", "")),
        )
        if problem := _problem(typed):
            return await self._configuration(request, directory, problem)
        key = str(form.get("submission", ""))
        if not await access.is_first_submission(self.setups.database, key, datetime.now(UTC)):
            return await self._configuration(request, directory, Shown(problem=_SENT_TWICE))
        try:
            issued = await self.services.issue_token(directory.id, _wanted(typed))
        except PortalError as error:
            await access.give_submission_back(self.setups.database, key)
            if not isinstance(error, RefusedError):
                raise
            return await self._configuration(request, directory, Shown(problem=str(error)))
        return await self._configuration(request, directory, Shown(issued=issued))

    async def ask_to_revoke(self, request: web.Request) -> web.Response:
        """Show what revoking a token means, and ask for its label."""
        return await self._revocation(request, {"problem": None, "typed": ""})

    async def revoke(self, request: web.Request) -> web.Response:
        """End a token whose label was typed, and show the configuration again."""
        directory = await self._directory(request)
        token = await self._token(directory, request.match_info["key"])
        typed = str((await request.post()).get("label", "")).strip()
        if typed.casefold() != token.label.strip().casefold():
            values = {"problem": f"Type the label as it is: {token.label}", "typed": typed}
            return await self._revocation(request, values, 422)
        await self.services.revoke_token(directory.id, token.id)
        raise web.HTTPSeeOther(f"{_address(directory)}#tokens")

    async def _directory(self, request: web.Request) -> Directory:
        return await self.services.directory(organization_of(request), request.match_info["dir"])

    async def _token(self, directory: Directory, key: str) -> Token:
        """Return a token of a directory that can still be revoked. Raises MissingError."""
        found = await self.services.tokens(directory.id)
        now = datetime.now(UTC)
        chosen = next((one for one in found if one.id == key and tokens.is_live(one, now)), None)
        if chosen is None:
            raise MissingError
        return chosen

    async def _configuration(
        self, request: web.Request, directory: Directory, shown: Shown = _NOTHING
    ) -> web.Response:
        mark = await render.mark(request, self.setups.database, self.services)
        now = datetime.now(UTC)
        setup = await self.setups.of(directory, now)
        live = [token for token in setup.tokens if tokens.is_live(token, now)]
        context = {
            "connection": directory,
            "setup": setup,
            "guide": guides.of(directory.provider),
            "live": live,
            "offered": states.offered(directory),
            "rotation": tokens.rotation(setup.tokens, now),
            "states": {token.id: tokens.state_of(token, now) for token in setup.tokens},
            "shown": shown,
            "expiries": _EXPIRIES,
            "label": shown.label if shown.label is not None else _label(directory, live),
            "submission": uuid.uuid4(),
            "here": _address(directory),
            "mark": mark,
            "is_old": setup.is_old,
        }
        status = 422 if shown.problem else 200
        return await render.of_organization(
            request, self.services, "configure.html", context, status
        )

    async def _revocation(
        self, request: web.Request, values: Mapping[str, Any], status: int = 200
    ) -> web.Response:
        directory = await self._directory(request)
        found = await self.services.tokens(directory.id)
        token = await self._token(directory, request.match_info["key"])
        now = datetime.now(UTC)
        context = {
            "connection": directory,
            "token": token,
            "is_last": sum(tokens.is_live(one, now) for one in found) == 1,
            "rotation": tokens.rotation(found, now),
            **values,
        }
        return await render.of_organization(request, self.services, "revoke.html", context, status)


def _address(directory: Directory) -> str:
    return f"/portal/{directory.organization_id}/provisioning/{directory.id}"


def _label(directory: Directory, live: list[Token]) -> str:
    """Return a label to begin with, another one than that of the token in use."""
    first = directory.name[: _LABEL_CHARS - 2]
    return f"{first} 2" if any(token.label == first for token in live) else first


def _problem(typed: Shown) -> Shown | None:
    """Say which field is wrong, and keep what was typed."""
    if not typed.label:
        return Shown(None, "Give the token a label.", "label", typed.label, typed.expiry)
    if typed.expiry not in _EXPIRIES:
        return Shown(None, "Choose when the token expires.", "expiry", typed.label, _USUAL)
    return None


def _wanted(typed: Shown) -> NewToken:
    days = timedelta(days=int(typed.expiry)) if typed.expiry else None
    return NewToken(label=str(typed.label), expires_at=days and datetime.now(UTC) + days)
