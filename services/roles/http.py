"""`/v1` of roles: the catalogue, mappings, groups to choose from, and why somebody has a role."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.roles import usecases
from services.roles.domain import (
    BadMappingError,
    BadRoleKeyError,
    StaleMappingError,
    UnknownError,
)
from shared import db
from shared import web as edge
from shared.contracts import management

STATUSES: Mapping[type[Exception], int] = {
    UnknownError: 404,
    BadRoleKeyError: 400,
    StaleMappingError: 409,
    BadMappingError: 422,
}
_MAX_BODY_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers; `committed` wakes the relay."""

    database: db.Database
    committed: Callable[[], None]

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.get("/roles", self.list_roles),
            web.put("/roles/{key}", self.declare_role),
            web.get("/directories/{id}/mapping", self.get_mapping),
            web.put("/directories/{id}/mapping", self.save_mapping),
            web.get("/directories/{id}/groups", self.list_groups),
            web.get("/directories/{id}/users/{user}/roles", self.explain),
        ]

    async def list_roles(self, _request: web.Request) -> web.Response:
        """Answer the catalogue."""
        return edge.answers([*await usecases.catalogue(self.database)])

    async def declare_role(self, request: web.Request) -> web.Response:
        """Answer 201 with a new role, 200 with one that was declared before."""
        wanted = await edge.body(request, management.RoleDeclaration)
        role, is_new = await usecases.declare_role(self.database, request.match_info["key"], wanted)
        return edge.answer(role, 201 if is_new else 200)

    async def get_mapping(self, request: web.Request) -> web.Response:
        """Answer a directory's mapping."""
        return edge.answer(await usecases.mapping(self.database, request.match_info["id"]))

    async def save_mapping(self, request: web.Request) -> web.Response:
        """Answer the mapping as saved; 409 for a stale version, 422 for a row that cannot be."""
        edit = await edge.body(request, management.MappingEdit)
        saved = await usecases.save_mapping(
            self.database,
            request.match_info["id"],
            edit,
            now=datetime.now(UTC),
            new_id=str(uuid.uuid4()),
        )
        self.committed()
        return edge.answer(saved)

    async def list_groups(self, request: web.Request) -> web.Response:
        """Answer the groups of a directory, or those of `?name=`."""
        found = await usecases.groups(
            self.database, request.match_info["id"], request.query.get("name")
        )
        return edge.answers([*found])

    async def explain(self, request: web.Request) -> web.Response:
        """Answer why a user, by id or user name, holds its roles."""
        directory, user = request.match_info["id"], request.match_info["user"]
        return edge.answer(await usecases.explain(self.database, directory, user))


def application(handlers: Handlers, api_key: str) -> web.Application:
    """Return the application below `/v1`."""
    app = web.Application(
        middlewares=[edge.problems(STATUSES, db.is_transient), edge.api_key(api_key)],
        client_max_size=_MAX_BODY_BYTES,
    )
    app.add_routes(handlers.routes())
    return app
