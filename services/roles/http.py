"""`/v1` of roles: the catalogue, mappings, groups to choose from, and why somebody has a role."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.roles import usecases
from services.roles.domain.errors import (
    BadMappingError,
    BadRoleKeyError,
    FenceError,
    NotManualError,
    RoleInUseError,
    StaleMappingError,
    UnknownError,
)
from services.roles.domain.values import Moment
from services.roles.usecases import explaining, fencing, manual, mapping, past, removal
from shared import api, consume, db
from shared import web as edge
from shared.api import About, Endpoint
from shared.contracts import management
from shared.contracts.directory_events import Cause
from shared.contracts.ids import RoleKey
from shared.keys import Keys
from shared.tracing import requests as traced

ABOUT = About(
    "Rollcall roles",
    """
    The catalogue of roles, the mapping from groups to roles of each directory, why somebody holds
    a role, and the directories whose events are not applied at the moment.
    """,
    "roles",
)
STATUSES: Mapping[type[Exception], int] = {
    UnknownError: 404,
    BadRoleKeyError: 400,
    RoleInUseError: 409,
    StaleMappingError: 409,
    NotManualError: 409,
    BadMappingError: 422,
    FenceError: 409,
    **consume.STATUSES,
    consume.NothingLostError: 409,
}
_MAX_BODY_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers; `committed` wakes the relay, and who advances rollouts."""

    database: db.Database
    committed: Callable[[], None]

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        return [*self._about_roles(), *self._about_fences()]

    def _about_fences(self) -> list[Endpoint]:
        path = "/directories/{id}/fence"
        return [
            Endpoint("GET", "/fences", self.list_fences, {200: list[management.Fence]}),
            Endpoint(
                "GET", path, self.get_fence, {200: management.Fence}, asks=management.FenceQuery
            ),
            Endpoint(
                "PUT",
                path,
                self.set_fence,
                {200: management.Fence},
                takes=management.FenceRules,
                refuses=(409,),
            ),
            Endpoint(
                "POST",
                f"{path}/approve",
                self.approve_losses,
                {200: management.Fence},
                takes=management.FenceApproval,
                refuses=(409,),
            ),
        ]

    def _about_roles(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/roles", self.list_roles, {200: list[management.Role]}),
            Endpoint(
                "PUT",
                "/roles/{key}",
                self.declare_role,
                {200: management.Role, 201: management.Role},
                takes=management.RoleDeclaration,
            ),
            Endpoint(
                "DELETE",
                "/roles/{key}",
                self.remove_role,
                {202: None, 204: None},
                takes=management.RoleRemoval,
                refuses=(409,),
            ),
            Endpoint(
                "GET", "/directories/{id}/mapping", self.get_mapping, {200: management.Mapping}
            ),
            Endpoint(
                "PUT",
                "/directories/{id}/mapping",
                self.save_mapping,
                {200: management.Mapping},
                takes=management.MappingEdit,
                details={409: management.StaleMapping, 422: management.RefusedMapping},
            ),
            Endpoint(
                "POST",
                "/directories/{id}/mapping/preview",
                self.preview_mapping,
                {200: management.MappingPreview},
                takes=management.MappingEdit,
                asks=management.PreviewQuery,
                details={409: management.StaleMapping, 422: management.RefusedMapping},
            ),
            Endpoint(
                "GET",
                "/directories/{id}/position",
                self.get_position,
                {200: management.RolesPosition},
            ),
            Endpoint(
                "GET",
                "/directories/{id}/groups",
                self.list_groups,
                {200: list[management.KnownGroup]},
                asks=management.GroupQuery,
            ),
            Endpoint(
                "GET",
                "/directories/{id}/users/{user}/roles",
                self.explain,
                {200: management.Explanation},
                asks=management.ExplanationQuery,
            ),
            Endpoint(
                "PUT",
                "/directories/{id}/users/{user}/roles/{role}",
                self.assign,
                {200: management.ManualAssignment, 201: management.ManualAssignment},
                takes=management.Act,
            ),
            Endpoint(
                "DELETE",
                "/directories/{id}/users/{user}/roles/{role}",
                self.unassign,
                {204: None},
                takes=management.Act,
                refuses=(409,),
            ),
            Endpoint(
                "GET",
                "/directories/{id}/assignments",
                self.list_assignments,
                {200: management.AssignmentPage},
                asks=management.AssignmentQuery,
            ),
        ]

    async def list_fences(self, _request: web.Request) -> web.Response:
        """Answer the fences behind which something waits."""
        return edge.answers([*await fencing.waiting(self.database)])

    async def get_fence(self, request: web.Request) -> web.Response:
        """Answer the fence of a directory, with the losses that wait."""
        most = edge.query(request, management.FenceQuery).losses
        return edge.answer(await fencing.get(self.database, request.match_info["id"], most))

    async def set_fence(self, request: web.Request) -> web.Response:
        """Answer the fence with other rules; 409 to switch it off while something waits."""
        wanted = await edge.body(request, management.FenceRules)
        return edge.answer(await fencing.set_rules(self.database, request.match_info["id"], wanted))

    async def approve_losses(self, request: web.Request) -> web.Response:
        """Answer the fence once what waits may happen; 409 when others wait than were seen."""
        wanted = await edge.body(request, management.FenceApproval)
        found = await fencing.approve(
            self.database,
            request.match_info["id"],
            wanted,
            now=datetime.now(UTC),
            new_id=str(uuid.uuid4()),
        )
        self.committed()
        return edge.answer(found)

    async def list_roles(self, _request: web.Request) -> web.Response:
        """Answer the catalogue."""
        return edge.answers([*await usecases.catalogue(self.database)])

    async def declare_role(self, request: web.Request) -> web.Response:
        """Answer 201 with a new role, 200 with one that was declared before."""
        wanted = await edge.body(request, management.RoleDeclaration)
        role, is_new = await usecases.declare_role(self.database, request.match_info["key"], wanted)
        return edge.answer(role, 201 if is_new else 200)

    async def remove_role(self, request: web.Request) -> web.Response:
        """Answer 204, or 202 if it goes later; 409 while groups grant the role and none follows."""
        wanted = await edge.body(request, management.RoleRemoval)
        role = RoleKey(request.match_info["key"])
        is_gone = await removal.remove(
            self.database, role, wanted, now=datetime.now(UTC), new_id=lambda: str(uuid.uuid4())
        )
        self.committed()
        return web.Response(status=204 if is_gone else 202)

    async def get_mapping(self, request: web.Request) -> web.Response:
        """Answer a directory's mapping."""
        return edge.answer(await mapping.get(self.database, request.match_info["id"]))

    async def preview_mapping(self, request: web.Request) -> web.Response:
        """Answer what a mapping would change, `?users=` of them by name; errors as saving it."""
        edit = await edge.body(request, management.MappingEdit)
        found = await mapping.preview(
            self.database,
            request.match_info["id"],
            edit,
            now=datetime.now(UTC),
            most=edge.query(request, management.PreviewQuery).users,
        )
        return edge.answer(found)

    async def save_mapping(self, request: web.Request) -> web.Response:
        """Answer the mapping as saved; 409 for a stale version, 422 for a row that cannot be."""
        edit = await edge.body(request, management.MappingEdit)
        saved = await mapping.save(
            self.database,
            request.match_info["id"],
            edit,
            now=datetime.now(UTC),
            new_id=str(uuid.uuid4()),
        )
        self.committed()
        return edge.answer(saved)

    async def get_position(self, request: web.Request) -> web.Response:
        """Answer how far a directory is applied, and how far its role events are published."""
        return edge.answer(await usecases.position(self.database, request.match_info["id"]))

    async def list_groups(self, request: web.Request) -> web.Response:
        """Answer the groups of a directory, or those of `?name=`."""
        wanted = edge.query(request, management.GroupQuery)
        found = await usecases.groups(self.database, request.match_info["id"], wanted.name)
        return edge.answers([*found])

    async def explain(self, request: web.Request) -> web.Response:
        """Answer why a user, by id or user name, holds its roles, or does not hold `?role=`."""
        directory, user = request.match_info["id"], request.match_info["user"]
        role = edge.query(request, management.ExplanationQuery).role
        return edge.answer(await explaining.explain(self.database, directory, user, role))

    async def list_assignments(self, request: web.Request) -> web.Response:
        """Answer who held what `?at=` a moment, with `?user=` or `?role=`, page by page."""
        wanted = edge.query(request, management.AssignmentQuery)
        directory = request.match_info["id"]
        found = await past.held(self.database, directory, wanted, now=datetime.now(UTC))
        return edge.answer(found)

    async def assign(self, request: web.Request) -> web.Response:
        """Answer the role as it is given by hand: 201, or 200 if it was before."""
        wanted = await edge.body(request, management.Act)
        found, is_new = await manual.assign(
            self.database, _assignment(request), _act(request, wanted)
        )
        self.committed()
        return edge.answer(found, 201 if is_new else 200)

    async def unassign(self, request: web.Request) -> web.Response:
        """Answer 204; 404 for a role not held, 409 for one that is held, but not by hand."""
        wanted = await edge.body(request, management.Act)
        await manual.unassign(self.database, _assignment(request), _act(request, wanted))
        self.committed()
        return web.Response(status=204)


def _assignment(request: web.Request) -> manual.Wanted:
    found = request.match_info
    return manual.Wanted(found["id"], found["user"], RoleKey(found["role"]))


def _act(request: web.Request, wanted: management.Act) -> Moment:
    cause = Cause(kind="administrator", id=str(uuid.uuid4()), actor=wanted.actor)
    return Moment(datetime.now(UTC), cause, traceparent=traced.of(request))


def application(handlers: Handlers, keys: Keys, more: Iterable[Endpoint] = ()) -> web.Application:
    """Return the application below `/v1`, with more endpoints of other modules."""
    return api.application(
        ABOUT,
        [*handlers.endpoints(), *more],
        keys=keys,
        statuses=STATUSES,
        max_body_bytes=_MAX_BODY_BYTES,
    )
