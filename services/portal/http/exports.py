"""Lists as files: all users of a selection, all calls of a period, sent page by page as CSV."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.portal import usecases
from services.portal.clients import Services
from services.portal.domain import tables
from services.portal.domain.errors import MissingError
from services.portal.http.activity import chosen_directory, filters_of
from services.portal.http.pages import selection, typed_of
from services.portal.http.session import organization_of
from services.portal.usecases import exports
from shared import db

_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Exports:
    """The handlers. They take the filters of the lists; what is wrong with one is shown there."""

    database: db.Database
    services: Services

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/portal/{org}/users.csv", self.users),
            web.get("/portal/{org}/activity.csv", self.calls),
        ]

    async def users(self, request: web.Request) -> web.Response:
        """Answer all users of a selection, with the names of their groups and roles."""
        directory, _ = await usecases.choose(
            self.database, organization_of(request), request.query.get("directory")
        )
        if directory is None:
            raise MissingError
        wanted, problem = await selection(self.database, directory, typed_of(request.query))
        if problem:
            raise web.HTTPSeeOther(_list_of(request))
        pages = exports.users(self.database, directory.id, wanted)
        rows = ([tables.user(row) for row in page] async for page in pages)
        return _file(f"users-{directory.name}", tables.USERS, rows)

    async def calls(self, request: web.Request) -> web.Response:
        """Answer all calls of a period, with the advice for those that were refused."""
        directory, _ = await chosen_directory(self.services, request)
        if directory is None:
            raise MissingError
        chosen = filters_of(request.query)
        if chosen.problems:
            raise web.HTTPSeeOther(_list_of(request))
        pages = exports.calls(self.services, directory.id, chosen.wanted(""))
        provider = directory.provider
        rows = ([tables.call(one, provider) for one in page] async for page in pages)
        return _file(f"activity-{directory.name}", tables.CALLS, rows)


def _list_of(request: web.Request) -> str:
    """Return the address of the list that an export belongs to."""
    return request.path_qs.replace(".csv", "", 1)


def _file(
    name: str, titles: Sequence[str], pages: AsyncIterator[Sequence[Sequence[str]]]
) -> web.Response:
    """Return an answer that is written while its pages are read.

    One that fails halfway ends without its last chunk, so no browser takes it for the whole.
    """
    slug = _UNSAFE.sub("-", name).strip("-").lower()
    headers = {
        "Content-Disposition": f'attachment; filename="{slug}-{datetime.now(UTC):%Y-%m-%d}.csv"',
        "Cache-Control": "no-store",
    }
    return web.Response(
        body=_written(titles, pages), content_type="text/csv", charset="utf-8", headers=headers
    )


async def _written(
    titles: Sequence[str], pages: AsyncIterator[Sequence[Sequence[str]]]
) -> AsyncIterator[bytes]:
    yield (tables.BYTE_ORDER_MARK + tables.lines([titles])).encode()
    async for page in pages:
        yield tables.lines(page).encode()
