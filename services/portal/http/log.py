"""Events: the log of a directory as applications get it, and each event in full."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from services.portal import usecases
from services.portal.clients import Services
from services.portal.domain import log as domain
from services.portal.domain.rows import DirectoryRow, EventFilter, LoggedEvent
from services.portal.http import filters, render
from services.portal.http.session import actor_of, organization_of
from services.portal.usecases import log
from shared import db
from shared.contracts.topics import DIRECTORY_EVENTS

_FIELDS = ("kind", "q", "since", "until")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What stands above the list, as it was typed, and what is wrong with it by field."""

    typed: Mapping[str, str]
    wanted: EventFilter
    problems: Mapping[str, str]

    @property
    def is_any(self) -> bool:
        """Whether anything is filtered out."""
        return any(self.typed[name] for name in ("q", "since", "until")) or bool(self.wanted.type)

    def address(self, directory: DirectoryRow, **more: str) -> str:
        """Return the query of a list with these filters."""
        fields = {"directory": directory.id, **self.typed, **more}
        return urlencode({name: value for name, value in fields.items() if value})


@dataclass(frozen=True, slots=True)
class Log:
    """The handlers."""

    database: db.Database
    services: Services

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/portal/{org}/events", self.events),
            web.get("/portal/{org}/events/{id}", self.event),
            web.post("/portal/{org}/events/{id}", self.reveal),
        ]

    async def events(self, request: web.Request) -> web.Response:
        """Show the log of a directory by day, the newest first; filters are in the address."""
        mark = await render.mark(request, self.database, self.services)
        directory, directories = await usecases.choose(
            self.database, organization_of(request), request.query.get("directory")
        )
        context: dict[str, Any] = {
            "directory": directory, "directories": directories, "types": domain.TYPES,
            "is_paused": "pause" in request.query,
        }  # fmt: skip
        if directory is None:
            return await self._page(request, "events.html", context)
        chosen = await self._chosen(directory, request.query)
        after = domain.place_of(request.query.get("after", ""))
        found: list[LoggedEvent] = []
        more = False
        if not chosen.problems:
            found, more = await log.page(self.database, directory.id, chosen.wanted, after)
        context |= {
            "chosen": chosen,
            "days": domain.by_day(found),
            "next": more and chosen.address(directory, after=found[-1].id),
            "is_first": after is None,
            "pause": chosen.address(directory, pause="1"),
            "go_on": chosen.address(directory),
            # Only the newest page changes while one looks at it.
            "mark": None if after or chosen.problems or context["is_paused"] else mark,
        }
        status = 422 if chosen.problems else 200
        return await self._page(request, "events.html", context, status)

    async def event(self, request: web.Request) -> web.Response:
        """Show one event, what describes people masked."""
        return await self._event(request, await self._shown(request), is_revealed=False)

    async def reveal(self, request: web.Request) -> web.Response:
        """Show one event as applications get it; who asked for that is recorded."""
        shown = await self._shown(request)
        await log.note_revealed(self.database, shown, actor_of(request))
        return await self._event(request, shown, is_revealed=True)

    async def _shown(self, request: web.Request) -> log.Shown:
        organization = organization_of(request)
        return await log.show(self.database, self.services, organization, request.match_info["id"])

    async def _event(
        self, request: web.Request, shown: log.Shown, *, is_revealed: bool
    ) -> web.Response:
        document = domain.document(shown.event, organization_of(request))
        if not is_revealed:
            document["data"] = domain.masked(document["data"])
        context = {
            "shown": shown,
            "directory": shown.directory,
            "document": json.dumps(document, indent=2, ensure_ascii=False),
            "is_revealed": is_revealed,
        }
        return await self._page(request, "event.html", context)

    async def _chosen(self, directory: DirectoryRow, query: Mapping[str, str]) -> Chosen:
        """Return the filters of an address, with the subject looked up."""
        typed = {name: filters.text(query, name) for name in _FIELDS}
        topic = domain.topic_of(typed["kind"])
        kind = typed["kind"] if topic and topic != typed["kind"] else None
        problems = filters.problems(typed["since"], typed["until"])
        subject = None
        if typed["q"]:
            subject = await log.subject(self.database, directory.id, typed["q"])
            if subject is None:
                problems["q"] = f"There is no user or group called {typed['q']}."
        wanted = EventFilter(
            topic or DIRECTORY_EVENTS.name,
            kind,
            subject,
            filters.moment(typed["since"]),
            filters.moment(typed["until"]),
        )
        return Chosen(typed, wanted, problems)

    async def _page(
        self, request: web.Request, template: str, values: Mapping[str, Any], status: int = 200
    ) -> web.Response:
        context = {"log": domain, "rebuild": await usecases.rebuild(self.database), **values}
        return await render.of_organization(request, self.services, template, context, status)
