"""Pausing, resuming and deleting a directory: a page that says what it means, and the act."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from services.portal.clients import Services
from services.portal.domain import states
from services.portal.domain.errors import MissingError, RefusedError
from services.portal.domain.states import ACTS, Act
from services.portal.http import render
from services.portal.http.session import actor_of, organization_of
from services.portal.usecases.setup import Setups
from shared.contracts.management import Directory

_UNPROCESSABLE, _CONFLICT = 422, 409


@dataclass(frozen=True, slots=True)
class States:
    """The handlers; which act is meant is the last part of the address."""

    services: Services
    setups: Setups

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        directory = "/portal/{org}/provisioning/{dir}"
        return [
            route
            for act in ACTS
            for route in (
                web.get(f"{directory}/{act}", self.ask),
                web.post(f"{directory}/{act}", self.do),
            )
        ]

    async def ask(self, request: web.Request) -> web.Response:
        """Show what an act means, and ask for the name of the directory where it takes away."""
        return await self._page(request, await self._directory(request), {})

    async def do(self, request: web.Request) -> web.Response:
        """Do it, and show the directory again."""
        directory, act = await self._directory(request), _act(request)
        typed = str((await request.post()).get("name", ""))
        if act.types and not states.is_typed(directory, typed):
            values = {"problem": f"Type the name as it is: {directory.name}", "typed": typed}
            return await self._page(request, directory, values, _UNPROCESSABLE)
        try:
            await self._done(act, directory, actor_of(request))
        except RefusedError as error:
            values = {"problem": str(error), "typed": typed}
            return await self._page(request, directory, values, _CONFLICT)
        raise web.HTTPSeeOther(f"/portal/{directory.organization_id}/provisioning/{directory.id}")

    async def _done(self, act: Act, directory: Directory, actor: str) -> None:
        if act.key == "delete":
            await self.services.delete_directory(directory.id, actor)
        else:
            await self.services.turn_directory(directory.id, act.key, actor)

    async def _directory(self, request: web.Request) -> Directory:
        return await self.services.directory(organization_of(request), request.match_info["dir"])

    async def _page(
        self,
        request: web.Request,
        directory: Directory,
        values: Mapping[str, Any],
        status: int = 200,
    ) -> web.Response:
        act = _act(request)
        if act not in states.offered(directory) and not values:
            raise web.HTTPSeeOther(
                f"/portal/{directory.organization_id}/provisioning/{directory.id}"
            )
        counted = await self.setups.counted(directory.id, datetime.now(UTC))
        counts = counted.summary
        context = {
            "connection": directory,
            "act": act,
            "means": states.meaning(act, directory),
            "at_stake": states.at_stake(counts.users, counts.groups) if counts else "",
            "problem": None,
            "typed": "",
            **values,
        }
        return await render.of_organization(request, self.services, "state.html", context, status)


def _act(request: web.Request) -> Act:
    found = ACTS.get(request.path.rpartition("/")[2])
    if found is None:
        raise MissingError
    return found
