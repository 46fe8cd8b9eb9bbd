"""`/v1` of the projector: versions of the read models; what is stopped in the live one and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web

from services.projector import usecases
from services.projector.domain.versions import RefusedError, UnknownVersionError
from services.projector.usecases import versions
from shared import api, consume, db, kafka
from shared import web as edge
from shared.api import About, Endpoint
from shared.contracts import management
from shared.keys import Keys

ABOUT = About(
    "Rollcall projector",
    "Versions of the read models, and the directories whose events are not applied at the moment.",
    "operations",
)
STATUSES: Mapping[type[Exception], int] = {
    UnknownVersionError: 404,
    RefusedError: 409,
    **consume.STATUSES,
}


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers."""

    database: db.Database
    servers: kafka.Servers

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        return [
            Endpoint(
                "POST",
                "/rebuilds",
                self.start_rebuild,
                {202: management.ReadModel},
                takes=management.NewRebuild,
                refuses=(409,),
            ),
            Endpoint(
                "GET",
                "/rebuilds/current",
                self.get_rebuild,
                {200: management.ReadModel},
                refuses=(404,),
            ),
            Endpoint(
                "GET", "/read-models", self.list_read_models, {200: list[management.ReadModel]}
            ),
            Endpoint(
                "POST",
                "/read-models/{version:[0-9]{1,9}}/switch",
                self.switch_read_model,
                {200: management.ReadModel},
                takes=management.Switch,
                refuses=(409,),
            ),
            Endpoint(
                "POST",
                "/read-models/{version:[0-9]{1,9}}/drop",
                self.drop_read_model,
                {204: None},
                takes=management.Act,
                refuses=(409,),
            ),
            Endpoint(
                "GET",
                "/directories/{directory}/known-users",
                self.list_known_users,
                {200: list[management.KnownUser]},
                asks=management.KnownUserQuery,
                area="directories",
            ),
        ]

    async def start_rebuild(self, request: web.Request) -> web.Response:
        """Answer 202 with the version that is made from now on; 409 while there is one already."""
        wanted = await edge.body(request, management.NewRebuild)
        return edge.answer(await versions.start(self.database, self.servers, wanted), 202)

    async def get_rebuild(self, _request: web.Request) -> web.Response:
        """Answer the version that was rebuilt last, with how far it is."""
        return edge.answer(await versions.current(self.database))

    async def list_read_models(self, _request: web.Request) -> web.Response:
        """Answer all versions that are not dropped."""
        return edge.answers([*await versions.every(self.database)])

    async def switch_read_model(self, request: web.Request) -> web.Response:
        """Answer the version that is live from now on; 409 if that would lose something."""
        wanted = await edge.body(request, management.Switch)
        version = int(request.match_info["version"])
        return edge.answer(await versions.switch(self.database, version, wanted))

    async def drop_read_model(self, request: web.Request) -> web.Response:
        """Answer 204; 409 for the live version."""
        wanted = await edge.body(request, management.Act)
        await versions.drop(self.database, int(request.match_info["version"]), wanted.actor)
        return web.Response(status=204)

    async def list_known_users(self, request: web.Request) -> web.Response:
        """Answer who is told of by an id or a userName, deleted users too; none after erasure."""
        wanted = edge.query(request, management.KnownUserQuery)
        directory = request.match_info["directory"]
        return edge.answers([*await usecases.known_users(self.database, directory, wanted.user)])


def application(handlers: Handlers, keys: Keys, operations: Iterable[Endpoint]) -> web.Application:
    """Return the application below `/v1`."""
    table = [*handlers.endpoints(), *operations]
    return api.application(ABOUT, table, keys=keys, statuses=STATUSES)
