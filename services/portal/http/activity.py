"""Activity: what the provider sent, what was answered, and what to do about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from services.portal.clients import Services
from services.portal.domain import activity
from services.portal.domain.errors import MissingError
from services.portal.http import filters, render
from services.portal.http.session import organization_of
from shared.contracts.ids import is_id
from shared.contracts.management import Directory, RequestPage, RequestQuery

_RESULTS = {"": "All", "failed": "Refused or failed", "ok": "Answered"}
_METHODS = {
    "": "All", "GET": "Read", "POST": "Create", "PUT": "Replace", "PATCH": "Change",
    "DELETE": "Delete",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """What was chosen above the list, as it was typed, and what is wrong with it by field."""

    result: str
    method: str
    since: str
    until: str
    text: str
    problems: Mapping[str, str]

    @property
    def is_any(self) -> bool:
        """Whether anything is filtered out."""
        return any((self.result, self.method, self.since, self.until, self.text))

    def address(self, directory: str, after: str) -> str:
        """Return the query of the page that starts after an entry, with the same filters."""
        chosen = {
            "directory": directory, "result": self.result, "method": self.method,
            "since": self.since, "until": self.until, "q": self.text, "after": after,
        }  # fmt: skip
        return urlencode({name: value for name, value in chosen.items() if value})

    def wanted(self, after: str) -> RequestQuery:
        """Return the query that the request log understands."""
        return RequestQuery(
            after=after if is_id(after) else None,
            since=filters.moment(self.since),
            until=filters.moment(self.until),
            status=self.result or None,
            method=self.method or None,
            text=self.text or None,
        )


@dataclass(frozen=True, slots=True)
class Activity:
    """The handlers."""

    services: Services

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/portal/{org}/activity", self.requests),
            web.get("/portal/{org}/activity/requests/{id}", self.request),
        ]

    async def requests(self, request: web.Request) -> web.Response:
        """Show the calls of a directory by day, the newest first; filters are in the address."""
        directory, directories = await chosen_directory(self.services, request)
        chosen = filters_of(request.query)
        found = RequestPage(items=[])
        if directory and not chosen.problems:
            wanted = chosen.wanted(request.query.get("after", ""))
            found = await self.services.requests(directory.id, wanted)
        more = directory and found.next and chosen.address(directory.id, found.next)
        values = {
            "directory": directory,
            "directories": directories,
            "days": activity.by_day(found.items),
            "next": more,
            "export": directory and chosen.address(directory.id, ""),
            "filters": chosen,
            "results": _RESULTS,
            "methods": _METHODS,
            "is_first": "after" not in request.query,
        }
        return await self._page(request, "activity.html", values, 422 if chosen.problems else 200)

    async def request(self, request: web.Request) -> web.Response:
        """Show one call: what was sent, masked, what was answered, what to do."""
        directory, _ = await chosen_directory(self.services, request)
        if directory is None:
            raise MissingError
        found = await self.services.request(directory.id, request.match_info["id"])
        body = None if found.body is None else json.dumps(found.body, indent=2, ensure_ascii=False)
        tokens = await self.services.tokens(directory.id)
        values = {"directory": directory, "call": found, "body": body, "tokens": tokens}
        return await self._page(request, "activity_request.html", values)

    async def _page(
        self, request: web.Request, template: str, values: Mapping[str, Any], status: int = 200
    ) -> web.Response:
        organization = organization_of(request)
        name = await self.services.organization_name(organization)
        context = {"organization": {"id": organization, "name": name}, "activity": activity}
        return render.page(request, template, {**context, **values}, status)


async def chosen_directory(
    services: Services, request: web.Request
) -> tuple[Directory | None, list[Directory]]:
    """Return the directory to show, the newest unless one is named, and all there are.

    Raises MissingError for one that is not this organization's.
    """
    found = await services.directories(organization_of(request))
    wanted = request.query.get("directory") or (found[0].id if found else None)
    chosen = next((one for one in found if one.id == wanted), None)
    if wanted and chosen is None:
        raise MissingError
    return chosen, found


def filters_of(query: Mapping[str, str]) -> Filters:
    """Return the filters of an address; a choice that does not exist is none."""
    since, until = query.get("since", ""), query.get("until", "")
    return Filters(
        filters.chosen(query, "result", _RESULTS),
        filters.chosen(query, "method", _METHODS),
        since,
        until,
        filters.text(query, "q"),
        filters.problems(since, until),
    )
