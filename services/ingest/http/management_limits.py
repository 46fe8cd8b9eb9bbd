"""`/v1/directories/{id}/limit`: how fast one directory may go, where the default does not fit."""

from dataclasses import dataclass

from aiohttp import web

from services.ingest.domain.rates import Limit
from services.ingest.usecases import directories
from shared import db
from shared import web as edge
from shared.api import Endpoint
from shared.contracts import management

_PATH = "/directories/{id}/limit"


@dataclass(frozen=True, slots=True)
class Limits:
    """The handlers; a change is in force within 5 s, as that of a token."""

    database: db.Database

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        return [
            Endpoint(
                "PUT", _PATH, self.change_limit, {200: management.Limit}, takes=management.Limit
            ),
            Endpoint("DELETE", _PATH, self.reset_limit, {204: None}),
        ]

    async def change_limit(self, request: web.Request) -> web.Response:
        """Answer the limit that the directory has from now on."""
        wanted = await edge.body(request, management.Limit)
        limit = Limit(wanted.requests_per_second, wanted.burst)
        await directories.change_limit(self.database, request.match_info["id"], limit)
        return edge.answer(wanted)

    async def reset_limit(self, request: web.Request) -> web.Response:
        """Answer 204; the default holds again."""
        await directories.change_limit(self.database, request.match_info["id"], None)
        return web.Response(status=204)
