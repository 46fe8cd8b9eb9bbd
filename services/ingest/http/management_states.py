"""`/v1/directories/{id}`: pause it, resume it, delete it for good (ADR 0030)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.ingest.http.management import told
from services.ingest.usecases import states
from shared import db
from shared import web as edge
from shared.api import Endpoint
from shared.contracts import management
from shared.contracts.directory_events import Cause

_PATH = "/directories/{id}"


@dataclass(frozen=True, slots=True)
class States:
    """The handlers; `committed` wakes the relay. A pause is in force within 5 s."""

    database: db.Database
    public_url: str
    committed: Callable[[], None]

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        acts = {"pause": self.pause_directory, "resume": self.resume_directory}
        return [
            *(
                Endpoint(
                    "POST",
                    f"{_PATH}/{act}",
                    handler,
                    {200: management.Directory},
                    takes=management.Act,
                    refuses=(409,),
                )
                for act, handler in acts.items()
            ),
            Endpoint(
                "DELETE",
                _PATH,
                self.delete_directory,
                {204: None},
                asks=management.Deletion,
                refuses=(409,),
            ),
        ]

    async def pause_directory(self, request: web.Request) -> web.Response:
        """Answer the directory, from which nothing is taken any more; 409 for a deleted one."""
        wanted = await edge.body(request, management.Act)
        return await self._turn(request, states.pause, wanted.actor)

    async def resume_directory(self, request: web.Request) -> web.Response:
        """Answer the directory, whose provider is heard again; 409 for a deleted one."""
        wanted = await edge.body(request, management.Act)
        return await self._turn(request, states.resume, wanted.actor)

    async def delete_directory(self, request: web.Request) -> web.Response:
        """Answer 204; 409 for a directory that was not paused, or only a moment ago."""
        actor = edge.query(request, management.Deletion).actor
        await states.delete(
            self.database, request.match_info["id"], _cause(request, actor), datetime.now(UTC)
        )
        self.committed()
        return web.Response(status=204)

    async def _turn(self, request: web.Request, act: states.Turn, actor: str) -> web.Response:
        found = await act(
            self.database, request.match_info["id"], _cause(request, actor), datetime.now(UTC)
        )
        self.committed()
        return edge.answer(told(found, self.public_url))


def _cause(request: web.Request, actor: str) -> Cause:
    return Cause(kind="administrator", id=request[edge.REQUEST_ID], actor=actor)
