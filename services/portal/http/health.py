"""Sync health: how far each stage is, how long the way takes, and what needs a look."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from services.portal import usecases
from services.portal.clients import Services
from services.portal.domain import tokens
from services.portal.http import render
from services.portal.http.activity import chosen_directory
from services.portal.usecases import health
from services.portal.usecases.asking import at_once
from services.portal.usecases.setup import Setups
from shared import db


@dataclass(frozen=True, slots=True)
class Health:
    """The handler."""

    database: db.Database
    services: Services
    setups: Setups

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [web.get("/portal/{org}/health", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Show how the sync of a directory is, the newest unless one is named."""
        mark = await render.mark(request, self.database, self.services)
        directory, directories = await chosen_directory(self.services, request)
        context: dict[str, Any] = {
            "directory": directory,
            "directories": directories,
            "mark": mark,
            "rebuild": await usecases.rebuild(self.database),
        }
        if directory is None:
            return await render.of_organization(request, self.services, "health.html", context)
        now = datetime.now(UTC)
        async with at_once() as group:
            looking = group.create_task(self.setups.of(directory, now))
            asking = group.create_task(health.of(self.database, self.services, directory.id, now))
        setup = looking.result()
        context |= {
            "setup": setup,
            "status": setup.status,
            "health": asking.result(),
            "states": {token.id: tokens.state_of(token, now) for token in setup.tokens},
            "is_old": setup.is_old,
        }
        return await render.of_organization(request, self.services, "health.html", context)
