"""The pages of an organization: overview, users, groups."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from services.portal import domain, usecases
from services.portal.clients import Services
from services.portal.domain import DirectorySummary, MissingError
from services.portal.http import render
from services.portal.http.session import SESSION, operator_only, organization_of
from services.portal.store.views import Cursor
from shared import db
from shared.contracts.ids import is_id

_ACTIVE = {"active": True, "inactive": False}


@dataclass(frozen=True, slots=True)
class Pages:
    """The handlers that show things."""

    database: db.Database
    services: Services

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/", self.home),
            web.get("/organizations", self.organizations),
            web.post("/organizations", self.create_organization),
            web.get("/portal/{org}", self.overview),
            web.get("/portal/{org}/users", self.users),
            web.get("/portal/{org}/users/{id}", self.user),
            web.get("/portal/{org}/groups", self.groups),
            web.get("/portal/{org}/groups/{id}", self.group),
        ]

    async def home(self, request: web.Request) -> web.Response:
        """Lead everybody to where they work."""
        organization = request[SESSION].organization
        if organization is None:
            found = await self.services.organizations()
            if len(found) != 1:
                raise web.HTTPSeeOther("/organizations")
            organization = found[0].id
        raise web.HTTPSeeOther(f"/portal/{organization}")

    async def organizations(self, request: web.Request) -> web.Response:
        """Show an operator all organizations."""
        operator_only(request)
        found = await self.services.organizations()
        return render.page(request, "organizations.html", {"organizations": found})

    async def create_organization(self, request: web.Request) -> web.Response:
        """Make an organization, or find the one of that name."""
        operator_only(request)
        name = str((await request.post()).get("name", "")).strip()
        if not name:
            found = await self.services.organizations()
            values = {"organizations": found, "problem": "Give the organization a name."}
            return render.page(request, "organizations.html", values, 422)
        made = await self.services.create_organization(name[:200])
        raise web.HTTPSeeOther(f"/portal/{made.id}")

    async def overview(self, request: web.Request) -> web.Response:
        """Show the state of the directory, counters, and the next step."""
        organization = organization_of(request)
        found = await usecases.overview(
            self.database, self.services, organization, datetime.now(UTC)
        )
        return await self._page(request, "overview.html", {"overview": found})

    async def users(self, request: web.Request) -> web.Response:
        """Show a page of users; filters and cursor are in the address."""
        directory, directories = await self._directory(request)
        search, state = request.query.get("q", "").strip(), request.query.get("state", "")
        found, cursor = (
            await usecases.users(
                self.database,
                directory,
                search=search.lower() or None,
                active=_ACTIVE.get(state),
                after=_cursor(request),
            )
            if directory
            else ([], None)
        )
        values = {"users": found, "next": _encoded(cursor), "q": search, "state": state}
        return await self._page(request, "users.html", values, directory, directories)

    async def user(self, request: web.Request) -> web.Response:
        """Show a user: attributes, groups, roles with their reasons, timeline."""
        directory, directories = await self._directory(request, must=True)
        user = await usecases.user(self.database, directory, request.match_info["id"])
        values = {
            "user": user,
            "attributes": domain.attributes(user.resource),
            "reasons": [domain.reason_in_words(role, directory.provider) for role in user.roles],
        }
        status = 410 if user.deleted_at else 200
        return await self._page(request, "user.html", values, directory, directories, status)

    async def groups(self, request: web.Request) -> web.Response:
        """Show a page of groups."""
        directory, directories = await self._directory(request)
        search = request.query.get("q", "").strip()
        found, cursor = (
            await usecases.groups(
                self.database, directory, search=search.lower() or None, after=_cursor(request)
            )
            if directory
            else ([], None)
        )
        values = {"groups": found, "next": _encoded(cursor), "q": search}
        return await self._page(request, "groups.html", values, directory, directories)

    async def group(self, request: web.Request) -> web.Response:
        """Show a group: members, the roles it grants, timeline."""
        directory, directories = await self._directory(request, must=True)
        group, members, cursor, events = await usecases.group(
            self.database, directory, request.match_info["id"], _cursor(request)
        )
        values = {"group": group, "members": members, "next": _encoded(cursor), "events": events}
        status = 410 if group.deleted_at else 200
        return await self._page(request, "group.html", values, directory, directories, status)

    async def _directory(
        self, request: web.Request, *, must: bool = False
    ) -> tuple[Any, list[DirectorySummary]]:
        chosen, found = await usecases.choose(
            self.database, organization_of(request), request.query.get("directory")
        )
        if must and chosen is None:
            raise MissingError
        return chosen, found

    async def _page(
        self,
        request: web.Request,
        template: str,
        values: Mapping[str, Any],
        directory: DirectorySummary | None = None,
        directories: list[DirectorySummary] | None = None,
        status: int = 200,
    ) -> web.Response:
        organization = organization_of(request)
        name = await self.services.organization_name(organization)
        context = {
            "organization": {"id": organization, "name": name},
            "directory": directory,
            "directories": directories or [],
            **values,
        }
        return render.page(request, template, context, status)


def _cursor(request: web.Request) -> Cursor:
    """Return where the page starts; a cursor that was tampered with starts at the beginning."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(request.query.get("after", "")))
        name, key = parts
    except (ValueError, TypeError):
        return None
    return (str(name), key) if isinstance(key, str) and is_id(key) else None


def _encoded(cursor: Cursor) -> str | None:
    return base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode() if cursor else None
