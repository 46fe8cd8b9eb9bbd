"""Group-to-role mapping: the page that edits it, and switches it off and on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy

from services.portal import usecases
from services.portal.clients import Services
from services.portal.domain.mapping import Form, MappingForm, Row, SwitchForm
from services.portal.http import render
from services.portal.http.session import organization_of
from services.portal.usecases import mapping
from shared import db
from shared.contracts.management import Held
from shared.contracts.role_events import Strategy

_REMOVE = "-"
_STRATEGIES: Mapping[str, Strategy] = {"union": "union", "first_match": "first_match"}
_HELD: Mapping[str, Held] = {"keep": "keep", "revoke": "revoke"}
Fields = MultiDictProxy[Any]


@dataclass(frozen=True, slots=True)
class MappingPages:
    """The handlers of the mapping page."""

    database: db.Database
    services: Services

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/portal/{org}/roles", self.show),
            web.post("/portal/{org}/roles", self.save),
            web.post("/portal/{org}/roles/switch", self.switch),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show the mapping to edit."""
        return await self._page(request, None)

    async def save(self, request: web.Request) -> web.Response:
        """Save or preview the mapping; what is refused is shown again as it was typed."""
        fields = await request.post()
        typed = _mapping(fields)
        if "add" in fields:
            return await self._page(request, typed)
        for name, by in (("up", -1), ("down", 1)):
            if name in fields:
                return await self._page(request, typed.moved(_number(fields, name), by))
        if "over" in fields:
            typed = replace(typed, version=_number(fields, "over"), effect=None)
        directory = await self._directory(request, fields)
        act = mapping.preview if "preview" in fields else mapping.save
        done = await act(self.services, directory, typed)
        return await self._page(request, done, 422 if done.problem else 200)

    async def switch(self, request: web.Request) -> web.Response:
        """Switch the mapping off or on, or show what that would change."""
        fields = await request.post()
        typed = SwitchForm(
            **_common(fields),
            is_on=fields.get("enabled") == "on",
            held=_HELD.get(str(fields.get("held"))),
        )
        directory = await self._directory(request, fields)
        done = await mapping.switch(self.services, directory, typed, only_shows="preview" in fields)
        return await self._page(request, done, 422 if done.problem else 200)

    async def _directory(self, request: web.Request, fields: Fields) -> str:
        """Return the directory of a form. Raises MissingError for one of somebody else's."""
        wanted = str(fields.get("directory", ""))
        return (await self.services.directory(organization_of(request), wanted)).id

    async def _page(
        self, request: web.Request, edited: Form | None, status: int = 200
    ) -> web.Response:
        organization = organization_of(request)
        wanted = request.query.get("directory") or str((await request.post()).get("directory", ""))
        directory, directories = await usecases.choose(self.database, organization, wanted or None)
        found = await mapping.page(self.services, directory.id, edited) if directory else None
        name = await self.services.organization_name(organization)
        context = {
            "organization": {"id": organization, "name": name},
            "directory": directory,
            "directories": directories,
            "mapping": found,
        }
        return render.page(request, "roles.html", context, status)


def _mapping(fields: Fields) -> MappingForm:
    return MappingForm(
        **_common(fields),
        rows=_rows(fields.getall("group", []), fields.getall("role", [])),
        strategy=_STRATEGIES.get(str(fields.get("strategy")), "union"),
        default_role=str(fields.get("default", "")),
        confirmed_name=str(fields.get("confirmed", "")),
    )


def _common(fields: Fields) -> dict[str, Any]:
    return {
        "version": _number(fields, "version"),
        "losses": [str(one) for one in fields.getall("losses", [])],
        "effect": str(fields.get("effect", "")) or None,
    }


def _number(fields: Fields, name: str) -> int:
    """Return what is a number there; a version that is none is as stale as the first."""
    text = str(fields.get(name))
    return int(text) if text.isascii() and text.isdigit() else 0


def _rows(groups: Sequence[Any], roles: Sequence[Any]) -> list[Row]:
    """Return what was chosen, without the rows to remove and those that nobody filled in."""
    pairs = zip(map(str, groups), map(str, roles), strict=False)
    return [(group, role) for group, role in pairs if group != _REMOVE and (group or role)]
