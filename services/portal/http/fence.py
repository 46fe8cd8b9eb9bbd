"""What waits behind the fence: who would lose what, and the button that lets it happen."""

from dataclasses import dataclass

from aiohttp import web

from services.portal import usecases
from services.portal.clients import Services
from services.portal.domain.errors import MissingError, RefusedError
from services.portal.http import render
from services.portal.http.session import actor_of, organization_of
from services.portal.usecases import fence
from shared import db


@dataclass(frozen=True, slots=True)
class FencePages:
    """The handlers of the page on what waits."""

    database: db.Database
    services: Services

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/portal/{org}/fence", self.show),
            web.post("/portal/{org}/fence", self.approve),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show who would lose what in a directory."""
        return await self._page(request, request.query.get("directory"))

    async def approve(self, request: web.Request) -> web.Response:
        """Let it happen, if it is still what was shown."""
        fields = await request.post()
        key, seen = str(fields.get("directory", "")), str(fields.get("waiting", ""))
        directory, _ = await usecases.choose(self.database, organization_of(request), key)
        if directory is None or not (seen.isascii() and seen.isdigit()):
            raise MissingError
        try:
            await fence.approve(self.services, directory.id, int(seen), actor_of(request))
        except RefusedError as error:
            return await self._page(request, key, str(error))
        return await self._page(request, key, is_approved=True)

    async def _page(
        self,
        request: web.Request,
        wanted: str | None,
        problem: str | None = None,
        *,
        is_approved: bool = False,
    ) -> web.Response:
        organization = organization_of(request)
        directory, directories = await usecases.choose(self.database, organization, wanted)
        if directory is None:
            raise MissingError
        values = {
            "organization": {
                "id": organization,
                "name": await self.services.organization_name(organization),
            },
            "directory": directory,
            "directories": directories,
            "fence": await fence.show(self.services, directory.id),
            "problem": problem,
            "is_approved": is_approved,
        }
        return render.page(request, "fence.html", values, 409 if problem else 200)
