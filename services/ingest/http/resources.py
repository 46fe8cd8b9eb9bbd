"""POST, GET, PUT, PATCH and DELETE of users and groups (RFC 7644 §3.3 to §3.6)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from services.ingest.domain.resources import Resource
from services.ingest.http import answers, requests
from services.ingest.http.auth import ACCESS
from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.errors import PreconditionFailed
from services.ingest.scim.schema import ResourceType
from services.ingest.usecases import reading
from services.ingest.usecases.reading import Found
from services.ingest.usecases.writing import BY_TYPE, UseCases
from shared import db
from shared import web as edge

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Resources:
    """The handlers of one resource type; `committed` wakes the relay.

    A PATCH is answered 204 where `is_patch_silent`, so that nobody gets 50,000 members unasked;
    with `attributes` the answer is 200 with these (RFC 7644 §3.5.2). What `is_born_alone` has
    nothing stored apart at first: a new user is in no group.
    """

    database: db.Database
    committed: Callable[[], None]
    name: str
    use_cases: UseCases
    is_patch_silent: bool
    is_born_alone: bool

    def routes(self, endpoint: str) -> list[tuple[str, str, edge.Handler]]:
        """Return method, path and handler of all routes."""
        return [
            ("POST", endpoint, self.create),
            ("GET", f"{endpoint}/{{id}}", self.get),
            ("PUT", f"{endpoint}/{{id}}", self.replace),
            ("PATCH", f"{endpoint}/{{id}}", self.patch),
            ("DELETE", f"{endpoint}/{{id}}", self.delete),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Answer 201 with the resource as stored."""
        raw, act = await requests.json(request), requests.act(request)
        made = await self._write(lambda: self.use_cases.create(self.database, act, raw))
        is_alone = self.is_born_alone and made.version == 1
        found = Found(made, []) if is_alone else await self._found(request, made)
        return answers.resource(request, found, 201)

    async def get(self, request: web.Request) -> web.Response:
        """Answer one resource, or 304 when the client has it (RFC 7644 §3.14)."""
        when = requests.precondition(request)
        if when.never is not None:
            # First without its members: a client that has them need not wait for them.
            current = (await self._read(request, with_related=False)).resource
            if when.is_known(current):
                return answers.bare(request, current, 304)
        wanted = requests.wants_related(request, self._type(request))
        found = await self._read(request, with_related=wanted)
        if when.is_lost(found.resource):
            raise PreconditionFailed
        return answers.resource(request, found)

    async def _read(self, request: web.Request, *, with_related: bool) -> Found:
        kind, directory = self._type(request), request[ACCESS].directory
        return await reading.one(
            self.database, kind, directory, _key(request), with_related=with_related
        )

    async def replace(self, request: web.Request) -> web.Response:
        """Answer 200 with the resource as stored."""
        raw, act, key = await requests.json(request), requests.act(request), _key(request)
        when = requests.precondition(request)
        after = await self._write(
            lambda: self.use_cases.replace(self.database, act, key, raw, when)
        )
        return answers.resource(request, await self._found(request, after))

    async def patch(self, request: web.Request) -> web.Response:
        """Answer 200 with the resource as stored, or 204."""
        raw, act, key = await requests.json(request), requests.act(request), _key(request)
        when = requests.precondition(request)
        after = await self._write(
            lambda: self.use_cases.patched(self.database, act, key, raw, when)
        )
        if self.is_patch_silent and "attributes" not in request.query:
            return answers.bare(request, after, 204)
        return answers.resource(request, await self._found(request, after))

    async def delete(self, request: web.Request) -> web.Response:
        """Answer 204."""
        act, key, when = requests.act(request), _key(request), requests.precondition(request)
        await self._write(lambda: self.use_cases.delete(self.database, act, key, when))
        return web.Response(status=204)

    async def _write(self, use_case: Callable[[], Awaitable[Answer]]) -> Answer:
        answer = await db.repeated(use_case)
        self.committed()
        return answer

    async def _found(self, request: web.Request, resource: Resource) -> Found:
        if requests.wants_related(request, resource.type):
            return await reading.related(self.database, resource)
        return Found(resource, [])

    def _type(self, request: web.Request) -> ResourceType:
        return request[ACCESS].types[self.name]


def _key(request: web.Request) -> str:
    return request.match_info["id"]


def of_users(database: db.Database, committed: Callable[[], None]) -> Resources:
    """Return the handlers of users."""
    name = USER.name
    return Resources(
        database, committed, name, BY_TYPE[name], is_patch_silent=False, is_born_alone=True
    )


def of_groups(database: db.Database, committed: Callable[[], None]) -> Resources:
    """Return the handlers of groups."""
    name = GROUP.name
    return Resources(
        database, committed, name, BY_TYPE[name], is_patch_silent=True, is_born_alone=False
    )
