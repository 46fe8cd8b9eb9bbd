"""The pages of an organization: overview, users, groups."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from services.portal import usecases
from services.portal.clients import Services
from services.portal.domain import charts, guides, status, words
from services.portal.domain.errors import MissingError
from services.portal.domain.rows import DirectoryRow, UserFilter
from services.portal.http import filters, render
from services.portal.http.session import SESSION, operator_only, organization_of
from services.portal.store.selection import Cursor
from services.portal.usecases import fence
from services.portal.usecases.setup import Setups
from shared import db
from shared.contracts.ids import is_id

_ACTIVE = {"active": True, "inactive": False}
_FIELDS = ("q", "state", "group", "role", "sort")
_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Pages:
    """The handlers that show things."""

    database: db.Database
    services: Services
    setups: Setups

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
        """Show the state of the directory, counters, the checklist, and the next act."""
        mark = await render.mark(request, self.database, self.services)
        organization = organization_of(request)
        directories = await self.services.directories(organization)
        now = datetime.now(UTC)
        live = [one for one in directories if one.state != "deleted"]
        setup = await self.setups.of(live[0], now) if live else None
        values = {
            "setup": setup,
            "waiting": await fence.waiting(self.services, [one.id for one in directories]),
            "status": setup.status if setup else status.NOT_CONFIGURED,
            "bars": charts.bars(setup.hours) if setup else [],
            "mark": mark,
            "is_old": setup is not None and setup.is_old,
        }
        return await self._page(request, "overview.html", values)

    async def users(self, request: web.Request) -> web.Response:
        """Show a page of users; filters and cursor are in the address."""
        directory, directories = await self._directory(request)
        if directory is None:
            return await self._page(request, "users.html", {}, None, directories)
        typed = typed_of(request.query)
        wanted, problem = await selection(self.database, directory, typed)
        found, cursor = (
            await usecases.users(self.database, directory, wanted, _cursor(request))
            if problem is None
            else ([], None)
        )
        values = {
            "users": found,
            "typed": typed,
            "problem": problem,
            "choices": await usecases.choices(self.database, directory),
            "about": await self._about(directory, wanted) if problem is None else "",
            "is_filtered": wanted.is_any or problem is not None,
            "next": cursor and _address(directory.id, {**typed, "after": _encoded(cursor) or ""}),
            "export": _address(directory.id, typed),
            "is_first": "after" not in request.query,
        }
        code = 422 if problem else 200
        return await self._page(request, "users.html", values, directory, directories, code)

    async def _about(self, directory: DirectoryRow, wanted: UserFilter) -> str:
        """Say how many users a list has, without counting for long."""
        if not wanted.is_any:
            counted = await self.setups.counted(directory.id, datetime.now(UTC))
            return words.users_in_words(counted.summary.users if counted.summary else 0)
        found = await usecases.count_users(self.database, directory, wanted, _COUNTED + 1)
        more = f"more than {_COUNTED:,} users"
        return more if found > _COUNTED else words.users_in_words(found)

    async def user(self, request: web.Request) -> web.Response:
        """Show a user: attributes, groups, roles with their reasons, timeline."""
        directory, directories = await self._directory(request, must=True)
        user = await usecases.user(
            self.database, self.services, directory, request.match_info["id"]
        )
        values = {
            "user": user,
            "attributes": words.attributes(user.resource),
            "raw": json.dumps(user.resource, indent=2, ensure_ascii=False),
            "reasons": [words.reason_in_words(role, directory.provider) for role in user.roles],
            "past": [words.reason_in_words(role, directory.provider) for role in user.past_roles],
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
        values = {
            "groups": found,
            "next": _encoded(cursor),
            "q": search,
            "guide": guides.of(directory.provider) if directory else None,
        }
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
    ) -> tuple[Any, list[DirectoryRow]]:
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
        directory: DirectoryRow | None = None,
        directories: list[DirectoryRow] | None = None,
        status: int = 200,
    ) -> web.Response:
        context = {
            "directory": directory,
            "directories": directories or [],
            "rebuild": await usecases.rebuild(self.database),
            **values,
        }
        return await render.of_organization(request, self.services, template, context, status)


async def selection(
    database: db.Database, directory: DirectoryRow, typed: Mapping[str, str]
) -> tuple[UserFilter, str | None]:
    """Return which users are wanted, or what is wrong with the group that was typed."""
    group = None
    if typed["group"]:
        group = await usecases.group_named(database, directory, typed["group"])
        if group is None:
            return UserFilter(), f"There is no group called {typed['group']}."
    return UserFilter(
        prefix=typed["q"].lower() or None,
        active=_ACTIVE.get(typed["state"]),
        group=group,
        role=typed["role"] or None,
        by="updated" if typed["sort"] == "updated" else "name",
    ), None


def typed_of(query: Mapping[str, str]) -> dict[str, str]:
    """Return what was chosen above the list, as it was typed."""
    return {name: filters.text(query, name) for name in _FIELDS}


def _address(directory: str, fields: Mapping[str, str]) -> str:
    """Return the query of a page of the list with its filters."""
    chosen = {"directory": directory, **fields}
    return urlencode({name: value for name, value in chosen.items() if value})


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
