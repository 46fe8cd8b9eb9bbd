"""`/v1/audit` of each service: what was done by hand, page by page, for whoever keeps it."""

from dataclasses import dataclass

from aiohttp import web

from shared import audit, db
from shared import web as edge
from shared.api import Endpoint
from shared.contracts import management


@dataclass(frozen=True, slots=True)
class Auditing:
    """The handler."""

    database: db.Database

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        return [
            Endpoint(
                "GET",
                "/audit",
                self.list_audit_records,
                {200: management.AuditPage},
                asks=management.AuditQuery,
                area="operations",
            )
        ]

    async def list_audit_records(self, request: web.Request) -> web.Response:
        """Answer a page of what was done by hand, the oldest first; none is changed or removed."""
        wanted = edge.query(request, management.AuditQuery)
        async with self.database.connection() as connection:
            found = await audit.page(connection, wanted.after, wanted.limit + 1)
        items, more = found[: wanted.limit], found[wanted.limit :]
        return edge.answer(management.AuditPage(items=items, next=items[-1].id if more else None))
