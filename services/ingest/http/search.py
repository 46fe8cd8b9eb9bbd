"""Lists and searches: GET of an endpoint, POST of .search; of one type, or of all at the root.

One search, whether it comes as a query string or as a SearchRequest (RFC 7644 §3.4.2, §3.4.3).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from services.ingest.http import answers, requests
from services.ingest.http.auth import ACCESS
from services.ingest.scim import cursor, messages, search
from services.ingest.scim.schema import ResourceType
from services.ingest.scim.search import SearchRequest
from services.ingest.usecases import reading
from services.ingest.usecases.reading import Page
from shared import db
from shared import web as edge


@dataclass(frozen=True, slots=True)
class Searches:
    """The handlers that list resources of one type (its name), or of all types.

    `cursor_key` signs the cursors.
    """

    database: db.Database
    cursor_key: bytes
    name: str | None = None

    def routes(self, endpoint: str) -> list[tuple[str, str, edge.Handler]]:
        """Return method, path and handler of all routes."""
        return [
            ("GET", endpoint, self.by_query),
            ("POST", f"{endpoint}/.search", self.by_body),
        ]

    async def by_query(self, request: web.Request) -> web.Response:
        """Answer GET."""
        return await self._answer(request, search.read(request.query))

    async def by_body(self, request: web.Request) -> web.Response:
        """Answer POST of a SearchRequest."""
        return await self._answer(request, search.read(await requests.json(request)))

    async def _answer(self, request: web.Request, wanted: SearchRequest) -> web.Response:
        types = self._types(request)
        directory = request[ACCESS].directory
        place = _place(directory, types, wanted)
        now = time.time()
        after = cursor.decode(self.cursor_key, place, wanted.cursor, now) if wanted.cursor else None
        page = await reading.search(self.database, directory, types, wanted, after)
        following = None
        if page.next and wanted.cursor is not None:
            following = cursor.encode(self.cursor_key, place, page.next, now)
        return answers.document(request, _listed(request, wanted, page, following))

    def _types(self, request: web.Request) -> Sequence[ResourceType]:
        served = request[ACCESS].types
        return [served[self.name]] if self.name else list(served.values())


def _place(directory: str, types: Sequence[ResourceType], wanted: SearchRequest) -> cursor.Search:
    names = [each.name for each in types]
    scope = (directory, names, wanted.filter, wanted.sort_by, wanted.is_descending)
    return cursor.Search(scope, wanted.count)


def _listed(
    request: web.Request, wanted: SearchRequest, page: Page, following: str | None
) -> dict[str, object]:
    selection = (wanted.attributes, wanted.excluded)
    listed = [answers.representation(request, each, selection) for each in page.found]
    if wanted.cursor is None:
        return messages.list_response(listed, page.total, wanted.start_index)
    return messages.cursor_response(listed, page.total, following)
