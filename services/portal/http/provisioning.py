"""SCIM Provisioning: choosing a provider."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from services.portal.clients import Services
from services.portal.domain import words
from services.portal.http import render
from services.portal.http.session import organization_of
from services.portal.usecases import access
from shared import db
from shared.contracts.management import NewDirectory


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
        ]

    async def choose_provider(self, request: web.Request) -> web.Response:
        """Show the directories there are, and the providers to connect."""
        return await self._providers(request)

    async def create_directory(self, request: web.Request) -> web.Response:
        """Connect a provider, and go on to its configuration; a double press makes one."""
        organization = organization_of(request)
        form = await request.post()
        name, provider = str(form.get("name", "")).strip(), str(form.get("provider", ""))
        if not name or provider not in words.PROVIDERS:
            values = {"problem": "Give the directory a name.", "typed": name, "chosen": provider}
            return await self._providers(request, values, 422)
        if not await self._is_first(form):
            raise web.HTTPSeeOther(f"/portal/{organization}/provisioning")
        wanted = NewDirectory.model_validate(
            {"organization_id": organization, "name": name[:200], "provider": provider}
        )
        made = await self.services.create_directory(wanted)
        raise web.HTTPSeeOther(f"/portal/{organization}/provisioning/{made.id}")

    async def _is_first(self, form: Mapping[str, Any]) -> bool:
        key = str(form.get("submission", ""))
        return await access.is_first_submission(self.database, key, datetime.now(UTC))

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
        return await render.of_organization(
            request, self.services, "provisioning.html", context, status
        )
