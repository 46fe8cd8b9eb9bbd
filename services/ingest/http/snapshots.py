"""`/v1/directories/{id}/snapshots`: have a directory told again, and see how far that is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.ingest.domain.snapshots import Snapshot
from services.ingest.usecases import snapshots
from shared import db
from shared import web as edge
from shared.api import Endpoint
from shared.contracts import management


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The handlers; `committed` wakes the relay."""

    database: db.Database
    committed: Callable[[], None]

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        path = "/directories/{id}/snapshots"
        return [
            Endpoint(
                "POST",
                path,
                self.begin_snapshot,
                {200: management.Snapshot, 201: management.Snapshot},
                takes=management.NewSnapshot,
                area="operations",
            ),
            Endpoint(
                "GET",
                path,
                self.list_snapshots,
                {200: list[management.Snapshot]},
                area="operations",
            ),
            Endpoint(
                "GET",
                f"{path}/{{snapshot}}",
                self.get_snapshot,
                {200: management.Snapshot},
                area="operations",
            ),
        ]

    async def begin_snapshot(self, request: web.Request) -> web.Response:
        """Answer 201 with a snapshot that began now, 200 with the one that runs already."""
        wanted = await edge.body(request, management.NewSnapshot)
        found, is_new = await snapshots.begin(
            self.database, request.match_info["id"], wanted.actor, datetime.now(UTC)
        )
        self.committed()
        return edge.answer(_snapshot(found), 201 if is_new else 200)

    async def list_snapshots(self, request: web.Request) -> web.Response:
        """Answer the ten latest, the newest first."""
        found = await snapshots.latest(self.database, request.match_info["id"])
        return edge.answers([_snapshot(one) for one in found])

    async def get_snapshot(self, request: web.Request) -> web.Response:
        """Answer one."""
        key, wanted = request.match_info["id"], request.match_info["snapshot"]
        return edge.answer(_snapshot(await snapshots.get(self.database, key, wanted)))


def _snapshot(found: Snapshot) -> management.Snapshot:
    return management.Snapshot(
        id=found.id,
        directory_id=found.directory,
        generation=found.generation,
        begin=found.begin,
        written=found.written,
        total=found.total,
        started_at=found.started_at,
        finished_at=found.finished_at,
    )
