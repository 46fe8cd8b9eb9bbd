"""`/v1/directories/{id}/requests`: the request log, for the application and the portal."""

from dataclasses import dataclass

from aiohttp import web

from services.ingest.domain import request_log as log
from services.ingest.domain.request_log import Selection
from services.ingest.usecases import request_log
from shared import db
from shared import web as edge
from shared.api import Endpoint
from shared.contracts import management


@dataclass(frozen=True, slots=True)
class Requests:
    """The handlers."""

    database: db.Database

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        return [
            Endpoint(
                "GET",
                "/directories/{id}/requests",
                self.list_requests,
                {200: management.RequestPage},
                asks=management.RequestQuery,
            ),
            Endpoint(
                "GET",
                "/directories/{id}/requests/{request}",
                self.get_request,
                {200: management.RequestDetail},
            ),
        ]

    async def list_requests(self, request: web.Request) -> web.Response:
        """Answer a page of the calls that the query selects, newest first."""
        wanted = edge.query(request, management.RequestQuery)
        found, after = await request_log.page(
            self.database, request.match_info["id"], _selection(wanted), wanted.limit
        )
        items = [management.Request.model_validate(entry._asdict()) for entry in found]
        return edge.answer(management.RequestPage(items=items, next=after))

    async def get_request(self, request: web.Request) -> web.Response:
        """Answer one call with its masked body."""
        key = request.match_info["request"]
        entry = await request_log.get(self.database, request.match_info["id"], key)
        return edge.answer(management.RequestDetail.model_validate(entry._asdict()))


def _selection(wanted: management.RequestQuery) -> Selection:
    return Selection(
        since=wanted.since,
        until=wanted.until,
        after=wanted.after,
        statuses=log.statuses(wanted.status),
        method=wanted.method,
        text=wanted.text.lower() if wanted.text else None,
    )
