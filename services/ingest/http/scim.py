"""The routes of RFC 7644 under `/scim/v2/{directory}`, where providers come in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from aiohttp import web
from aiohttp.typedefs import Middleware

from services.ingest.domain.resources import Act, Resource
from services.ingest.http import errors
from services.ingest.http.auth import ACCESS
from services.ingest.http.errors import CONTENT_TYPE
from services.ingest.scim import discovery, messages, normalize, projection
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import (
    InvalidSyntax,
    InvalidValue,
    NotFound,
    UnsupportedMediaType,
)
from services.ingest.scim.schema import Document, ResourceType
from services.ingest.usecases import groups, reading, users
from services.ingest.usecases.reading import Found, Query
from shared import db
from shared import web as edge
from shared.contracts.directory_events import Cause

_ATTEMPTS = 3
_DEFAULT_COUNT = 100
_RELATED = {USER.name: "groups", GROUP.name: "members"}
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Scim:
    """The handlers; `public_url` is how providers reach this service, `committed` wakes the relay.

    Writes are repeated when Postgres chose them as the victim of a deadlock.
    """

    database: db.Database
    public_url: str
    committed: Callable[[], None]

    def routes(self) -> list[web.RouteDef]:
        """Return all routes; a slash at the end is tolerated."""
        table: list[tuple[str, str, edge.Handler]] = [
            ("POST", "/Users", self.create_user),
            ("GET", "/Users", self.list_users),
            ("GET", "/Users/{id}", self.get_user),
            ("PUT", "/Users/{id}", self.replace_user),
            ("PATCH", "/Users/{id}", self.patch_user),
            ("DELETE", "/Users/{id}", self.delete_user),
            ("POST", "/Groups", self.create_group),
            ("GET", "/Groups", self.list_groups),
            ("GET", "/Groups/{id}", self.get_group),
            ("PUT", "/Groups/{id}", self.replace_group),
            ("PATCH", "/Groups/{id}", self.patch_group),
            ("DELETE", "/Groups/{id}", self.delete_group),
            ("GET", "/ServiceProviderConfig", self.service_provider_config),
            ("GET", "/ResourceTypes", self.resource_types),
            ("GET", "/ResourceTypes/{id}", self.resource_types),
            ("GET", "/Schemas", self.schemas),
            ("GET", "/Schemas/{id}", self.schemas),
        ]
        return [
            web.route(method, f"/{{directory}}{path}{{_:/?}}", handler)
            for method, path, handler in table
        ]

    async def create_user(self, request: web.Request) -> web.Response:
        """Answer POST /Users: 201 with the user as stored."""
        document = normalize.resource(USER, await _json(request))
        act = _act(request)
        user = await self._write(lambda: users.create(self.database, act, document))
        return await self._written(request, user, status=201)

    async def list_users(self, request: web.Request) -> web.Response:
        """Answer GET /Users: a page of users."""
        return await self._list(request, USER)

    async def get_user(self, request: web.Request) -> web.Response:
        """Answer GET /Users/{id}."""
        return await self._get(request, USER)

    async def replace_user(self, request: web.Request) -> web.Response:
        """Answer PUT /Users/{id}: 200 with the user."""
        document = normalize.resource(USER, await _json(request))
        act, key = _act(request), request.match_info["id"]
        user = await self._write(lambda: users.replace(self.database, act, key, document))
        return await self._written(request, user)

    async def patch_user(self, request: web.Request) -> web.Response:
        """Answer PATCH /Users/{id}: 200 with the user."""
        operations = normalize.operations(await _json(request))
        act, key = _act(request), request.match_info["id"]
        user = await self._write(lambda: users.patched(self.database, act, key, operations))
        return await self._written(request, user)

    async def delete_user(self, request: web.Request) -> web.Response:
        """Answer DELETE /Users/{id}: 204."""
        act, key = _act(request), request.match_info["id"]
        await self._write(lambda: users.delete(self.database, act, key))
        return web.Response(status=204)

    async def create_group(self, request: web.Request) -> web.Response:
        """Answer POST /Groups: 201 with the group as stored."""
        document, members = normalize.group(await _json(request))
        act = _act(request)
        group = await self._write(lambda: groups.create(self.database, act, document, members))
        return await self._written(request, group, status=201)

    async def list_groups(self, request: web.Request) -> web.Response:
        """Answer GET /Groups: a page of groups."""
        return await self._list(request, GROUP)

    async def get_group(self, request: web.Request) -> web.Response:
        """Answer GET /Groups/{id}."""
        return await self._get(request, GROUP)

    async def replace_group(self, request: web.Request) -> web.Response:
        """Answer PUT /Groups/{id}: 200 with the group."""
        document, members = normalize.group(await _json(request))
        act, key = _act(request), request.match_info["id"]
        group = await self._write(
            lambda: groups.replace(self.database, act, key, document, members)
        )
        return await self._written(request, group)

    async def patch_group(self, request: web.Request) -> web.Response:
        """Answer PATCH /Groups/{id}: 204, so that nobody gets 50,000 members unasked.

        With `attributes` the answer is 200 with these (RFC 7644 §3.5.2).
        """
        operations = normalize.operations(await _json(request))
        act, key = _act(request), request.match_info["id"]
        group = await self._write(lambda: groups.patched(self.database, act, key, operations))
        if "attributes" not in request.query:
            return web.Response(status=204)
        return await self._written(request, group)

    async def delete_group(self, request: web.Request) -> web.Response:
        """Answer DELETE /Groups/{id}: 204."""
        act, key = _act(request), request.match_info["id"]
        await self._write(lambda: groups.delete(self.database, act, key))
        return web.Response(status=204)

    async def service_provider_config(self, request: web.Request) -> web.Response:
        """Answer GET /ServiceProviderConfig."""
        return _answer(request, discovery.service_provider_config(self._base(request)))

    async def resource_types(self, request: web.Request) -> web.Response:
        """Answer GET /ResourceTypes, or one of them."""
        return _discovered(request, "ResourceType", discovery.resource_types(self._base(request)))

    async def schemas(self, request: web.Request) -> web.Response:
        """Answer GET /Schemas, or one of them."""
        return _discovered(request, "Schema", discovery.schemas(self._base(request)))

    async def _write(self, use_case: Callable[[], Awaitable[Answer]]) -> Answer:
        for _ in range(_ATTEMPTS - 1):
            try:
                answer = await use_case()
            except Exception as error:
                if not db.is_rolled_back(error):
                    raise
            else:
                self.committed()
                return answer
        answer = await use_case()
        self.committed()
        return answer

    async def _written(
        self, request: web.Request, resource: Resource, status: int = 200
    ) -> web.Response:
        wanted = _wants_related(request, resource.type)
        found = await reading.related(self.database, resource) if wanted else Found(resource, {})
        document = self._projected(request, found)
        response = _answer(request, document, status)
        response.headers["Location"] = messages.location(
            resource.type, resource.id, self._base(request)
        )
        return response

    async def _get(self, request: web.Request, resource_type: ResourceType) -> web.Response:
        found = await reading.one(
            self.database,
            resource_type,
            request[ACCESS].directory,
            request.match_info["id"],
            with_related=_wants_related(request, resource_type),
        )
        return _answer(request, self._projected(request, found))

    async def _list(self, request: web.Request, resource_type: ResourceType) -> web.Response:
        query = Query(
            filter=request.query.get("filter"),
            start_index=max(_number(request, "startIndex", 1), 1),
            count=min(max(_number(request, "count", _DEFAULT_COUNT), 0), discovery.MAX_RESULTS),
            with_related=_wants_related(request, resource_type),
        )
        directory = request[ACCESS].directory
        total, found = await reading.page(self.database, resource_type, directory, query)
        listed = [self._projected(request, each) for each in found]
        return _answer(request, messages.list_response(listed, total, query.start_index))

    def _projected(self, request: web.Request, found: Found) -> Document:
        base = self._base(request)
        related = {
            name: [each | {"$ref": f"{base}{each['$ref']}"} for each in listed]
            for name, listed in found.related.items()
        }
        whole = found.resource.representation(base, related)
        return projection.project(found.resource.type, whole, *_selection(request))

    def _base(self, request: web.Request) -> str:
        return f"{self.public_url}/scim/v2/{request[ACCESS].directory}"


def _act(request: web.Request) -> Act:
    access = request[ACCESS]
    cause = Cause(kind="scim", id=request[edge.REQUEST_ID], actor=f"token:{access.key_id}")
    return Act(
        access.directory,
        access.organization,
        cause,
        datetime.now(UTC),
        request.headers.get("traceparent"),
    )


async def _json(request: web.Request) -> Any:
    """Return the decoded body. Raises UnsupportedMediaType, InvalidSyntax."""
    kind = request.headers.get("Content-Type", "application/json").lower()
    if "json" not in kind or (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise InvalidSyntax(f"it is not JSON: {error.msg} at character {error.pos}") from error


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    if not text:
        return default
    try:
        return max(min(int(text), 2**31 - 1), -1)
    except ValueError as error:
        raise InvalidValue(name, "it must be a whole number") from error


def _selection(request: web.Request) -> tuple[projection.Names, projection.Names]:
    attributes, excluded = (
        frozenset(filter(None, (part.strip() for part in request.query.get(name, "").split(","))))
        for name in ("attributes", "excludedAttributes")
    )
    return attributes or None, excluded or None


def _wants_related(request: web.Request, resource_type: ResourceType) -> bool:
    return projection.wants(resource_type, _RELATED[resource_type.name], *_selection(request))


def _answer(request: web.Request, document: Document, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(document), content_type=_content_type(request)
    )


def _content_type(request: web.Request) -> str:
    """OneLogin's guide wants application/json on every answer; who asks for that alone gets it."""
    accept = request.headers.get("Accept", "").partition(";")[0].strip()
    is_plain = accept == "application/json" or request[ACCESS].provider == "onelogin"
    return "application/json" if is_plain and accept != CONTENT_TYPE else CONTENT_TYPE


def _discovered(request: web.Request, kind: str, listed: list[Document]) -> web.Response:
    """Answer a discovery list, or the one whose id is in the path (RFC 7644 §4)."""
    if "id" not in request.match_info:
        return _answer(request, messages.list_response(listed, len(listed), 1))
    wanted = request.match_info["id"]
    for each in listed:
        if wanted.lower() in {str(each.get("id", "")).lower(), str(each["name"]).lower()}:
            return _answer(request, each)
    raise NotFound(kind, wanted[:200])


def application(scim: Scim, bearer: Middleware) -> web.Application:
    """Return the application below `/scim/v2`; unknown paths need a token too."""
    app = web.Application(
        middlewares=[errors.explain, bearer], client_max_size=errors.MAX_BODY_BYTES
    )
    app.add_routes(scim.routes())
    return app
