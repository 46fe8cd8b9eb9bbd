"""`/v1/directories/{id}/users/{user}/erasure`: forget a deleted user, everywhere (ADR 0033)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.ingest.usecases import erasure
from shared import db
from shared import web as edge
from shared.api import Endpoint
from shared.contracts import management
from shared.contracts.directory_events import Cause


@dataclass(frozen=True, slots=True)
class Erasure:
    """The handler; `committed` wakes the relay."""

    database: db.Database
    committed: Callable[[], None]

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        return [
            Endpoint(
                "POST",
                "/directories/{id}/users/{user}/erasure",
                self.erase_user,
                {202: management.Reached},
                takes=management.Act,
                refuses=(409,),
            )
        ]

    async def erase_user(self, request: web.Request) -> web.Response:
        """Answer 202 with the event that says so to all; 409 for who is still in the directory."""
        wanted = await edge.body(request, management.Act)
        key, user = request.match_info["id"], request.match_info["user"]
        cause = Cause(kind="administrator", id=request[edge.REQUEST_ID], actor=wanted.actor)
        told = await erasure.erase(self.database, key, user, cause, datetime.now(UTC))
        self.committed()
        place = management.Reached(generation=told.generation, sequence=told.sequence)
        return edge.answer(place, 202)
