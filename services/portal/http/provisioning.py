"""SCIM Provisioning and group-to-role mapping: the pages that change something."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from services.portal import domain, usecases
from services.portal.clients import Services
from services.portal.domain import MappingForm, RefusedError
from services.portal.http import render
from services.portal.http.session import organization_of
from shared import db
from shared.contracts.management import IssuedToken, NewDirectory, NewToken

_EXPIRIES = {"90": "90 days", "365": "1 year", "730": "2 years", "": "Never"}


@dataclass(frozen=True, slots=True)
class Provisioning:
    """The handlers that command the owning services."""

    database: db.Database
    services: Services

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/portal/{org}/provisioning", self.choose_provider),
            web.post("/portal/{org}/provisioning", self.create_directory),
            web.get("/portal/{org}/provisioning/{dir}", self.configure),
            web.post("/portal/{org}/provisioning/{dir}/tokens", self.create_token),
            web.post("/portal/{org}/provisioning/{dir}/tokens/{key}/revoke", self.revoke_token),
            web.get("/portal/{org}/roles", self.mapping),
            web.post("/portal/{org}/roles", self.save_mapping),
        ]

    async def choose_provider(self, request: web.Request) -> web.Response:
        """Show the directories there are, and the providers to connect."""
        return await self._providers(request)

    async def create_directory(self, request: web.Request) -> web.Response:
        """Connect a provider, and go on to its configuration; a double press makes one."""
        organization = organization_of(request)
        form = await request.post()
        name, provider = str(form.get("name", "")).strip(), str(form.get("provider", ""))
        if not name or provider not in domain.PROVIDERS:
            values = {"problem": "Give the directory a name.", "typed": name, "chosen": provider}
            return await self._providers(request, values, 422)
        if not await self._is_first(form):
            raise web.HTTPSeeOther(f"/portal/{organization}/provisioning")
        wanted = NewDirectory.model_validate(
            {"organization_id": organization, "name": name[:200], "provider": provider}
        )
        made = await self.services.create_directory(wanted)
        raise web.HTTPSeeOther(f"/portal/{organization}/provisioning/{made.id}")

    async def configure(self, request: web.Request) -> web.Response:
        """Show the steps, the endpoint and the tokens of a directory."""
        return await self._configuration(request)

    async def create_token(self, request: web.Request) -> web.Response:
        """Show a new token, in this answer and never again."""
        directory = await self.services.directory(
            organization_of(request), request.match_info["dir"]
        )
        form = await request.post()
        if not await self._is_first(form):
            words = (
                "This form was sent twice; one token was made. If you did not see its value, "
                "revoke it and create another."
            )
            return await self._configuration(request, problem=words)
        label = str(form.get("label", "")).strip()[:200] or "Bearer token"
        days = str(form.get("expiry", ""))
        expires = (
            datetime.now(UTC) + timedelta(days=int(days)) if days in _EXPIRIES and days else None
        )
        try:
            issued = await self.services.issue_token(
                directory.id, NewToken(label=label, expires_at=expires)
            )
        except RefusedError as error:
            return await self._configuration(request, problem=str(error))
        return await self._configuration(request, issued=issued)

    async def revoke_token(self, request: web.Request) -> web.Response:
        """End a token, and show the configuration again."""
        organization = organization_of(request)
        directory = await self.services.directory(organization, request.match_info["dir"])
        await self.services.revoke_token(directory.id, request.match_info["key"])
        raise web.HTTPSeeOther(f"/portal/{organization}/provisioning/{directory.id}#tokens")

    async def mapping(self, request: web.Request) -> web.Response:
        """Show the mapping to edit."""
        return await self._mapping(request, None)

    async def save_mapping(self, request: web.Request) -> web.Response:
        """Save the mapping; what is refused is shown again as it was typed."""
        form = await request.post()
        typed = MappingForm(
            int(str(form.get("version", "0"))),
            _rows(form.getall("group", []), form.getall("role", [])),
        )
        if "add" in form:
            return await self._mapping(request, typed)
        directory = await self.services.directory(
            organization_of(request), str(form.get("directory", ""))
        )
        saved = await usecases.save_mapping(self.services, directory.id, typed)
        return await self._mapping(request, saved, 422 if saved.problem else 200)

    async def _is_first(self, form: Mapping[str, Any]) -> bool:
        key = str(form.get("submission", ""))
        return await usecases.is_first_submission(self.database, key, datetime.now(UTC))

    async def _providers(
        self, request: web.Request, values: Mapping[str, Any] | None = None, status: int = 200
    ) -> web.Response:
        directories = await self.services.directories(organization_of(request))
        context = {
            "connected": directories,
            "problem": None,
            "typed": "",
            "chosen": "onelogin",
            "submission": uuid.uuid4(),
            **(values or {}),
        }
        return await self._page(request, "provisioning.html", context, status)

    async def _configuration(
        self,
        request: web.Request,
        *,
        issued: IssuedToken | None = None,
        problem: str | None = None,
    ) -> web.Response:
        organization = organization_of(request)
        directory = await self.services.directory(organization, request.match_info["dir"])
        tokens = await self.services.tokens(directory.id)
        counts = await usecases.summary(self.database, organization, directory.id)
        now = datetime.now(UTC)
        context = {
            "connection": directory,
            "tokens": tokens,
            "live": [token for token in tokens if domain.is_live(token, now)],
            "steps": domain.steps(directory, tokens, counts),
            "issued": issued,
            "problem": problem,
            "expiries": _EXPIRIES,
            "now": now,
            "submission": uuid.uuid4(),
        }
        return await self._page(request, "configure.html", context, 422 if problem else 200)

    async def _mapping(
        self, request: web.Request, edited: MappingForm | None, status: int = 200
    ) -> web.Response:
        organization = organization_of(request)
        wanted = request.query.get("directory") or str((await request.post()).get("directory", ""))
        directory, directories = await usecases.choose(self.database, organization, wanted or None)
        found = (
            await usecases.mapping_page(self.services, directory.id, edited) if directory else None
        )
        context = {
            "directory": directory,
            "directories": directories,
            "mapping": found,
        }
        return await self._page(request, "roles.html", context, status)

    async def _page(
        self, request: web.Request, template: str, values: Mapping[str, Any], status: int
    ) -> web.Response:
        organization = organization_of(request)
        name = await self.services.organization_name(organization)
        context = {"organization": {"id": organization, "name": name}, **values}
        return render.page(request, template, context, status)


def _rows(groups: Sequence[Any], roles: Sequence[Any]) -> list[tuple[str, str]]:
    """Return what was chosen; a row whose group or role is empty was left out."""
    pairs = zip(map(str, groups), map(str, roles), strict=False)
    return [(group, role) for group, role in pairs if group and role]
