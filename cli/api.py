"""The `/v1` APIs of ingest, roles and portal, typed by the shared contracts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel

from cli import addresses
from cli.addresses import Addresses
from cli.output import CommandError
from shared.contracts import management

Answer = TypeVar("Answer")
Body = TypeVar("Body", bound=BaseModel)
_TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Api:
    """Calls to the running services."""

    session: aiohttp.ClientSession
    known: Addresses

    async def organization(self, name: str) -> management.Organization:
        """Return the organization of that name, made if it is missing."""
        wanted = management.NewOrganization(name=name)
        return await self._one(management.Organization, "ingest", "POST", "/organizations", wanted)

    async def organizations(self) -> list[management.Organization]:
        """Return all organizations."""
        return await self._many(management.Organization, "ingest", "/organizations")

    async def create_directory(self, wanted: management.NewDirectory) -> management.Directory:
        """Connect an organization to a provider."""
        return await self._one(management.Directory, "ingest", "POST", "/directories", wanted)

    async def directories(self) -> list[management.Directory]:
        """Return all directories."""
        return await self._many(management.Directory, "ingest", "/directories")

    async def issue_token(self, directory: str) -> management.IssuedToken:
        """Return a new bearer token of a directory."""
        path = f"/directories/{directory}/tokens"
        wanted = management.NewToken(label="Command line")
        return await self._one(management.IssuedToken, "ingest", "POST", path, wanted)

    async def find_directory(self, wanted: str) -> management.Directory:
        """Return the directory with that id or name. Raises CommandError."""
        found = [one for one in await self.directories() if wanted in {one.id, one.name}]
        if len(found) == 1:
            return found[0]
        if found:
            raise CommandError(f"{len(found)} directories are called {wanted!r}; give the id.")
        raise CommandError(
            f"There is no directory {wanted!r}; see `rollcall directories list`, "
            "or make one with `rollcall directories create NAME`."
        )

    async def roles(self) -> list[management.Role]:
        """Return the roles that the application declared."""
        return await self._many(management.Role, "roles", "/roles")

    async def declare_role(self, key: str, wanted: management.RoleDeclaration) -> management.Role:
        """Declare a role, or change it."""
        path = f"/roles/{quote(key, safe='')}"
        return await self._one(management.Role, "roles", "PUT", path, wanted)

    async def groups(self, directory: str) -> list[management.KnownGroup]:
        """Return the groups of a directory."""
        return await self._many(management.KnownGroup, "roles", f"/directories/{directory}/groups")

    async def mapping(self, directory: str) -> management.Mapping:
        """Return the mapping of a directory."""
        path = f"/directories/{directory}/mapping"
        return await self._one(management.Mapping, "roles", "GET", path)

    async def save_mapping(
        self, directory: str, edit: management.MappingEdit
    ) -> management.Mapping:
        """Save the mapping of a directory."""
        path = f"/directories/{directory}/mapping"
        return await self._one(management.Mapping, "roles", "PUT", path, edit)

    async def explain(self, directory: str, user: str) -> management.Explanation:
        """Return why a user holds its roles."""
        path = f"/directories/{directory}/users/{quote(user, safe='')}/roles"
        return await self._one(management.Explanation, "roles", "GET", path)

    async def link(self, wanted: management.NewLink) -> management.Link:
        """Return a sign-in link to the portal."""
        return await self._one(management.Link, "portal", "POST", "/links", wanted)

    async def _one(
        self,
        kind: type[Body],
        service: str,
        method: str,
        path: str,
        body: BaseModel | None = None,
    ) -> Body:
        return kind.model_validate(await self._call(service, method, path, body))

    async def _many(self, kind: type[Body], service: str, path: str) -> list[Body]:
        answer = await self._call(service, "GET", path, None)
        return [kind.model_validate(item) for item in answer["items"]]

    async def _call(
        self, service: str, method: str, path: str, body: BaseModel | None
    ) -> dict[str, Any]:
        url = f"{self.known.of(service).rstrip('/')}/v1{path}"
        headers = {"Authorization": f"Bearer {self.known.of('api_key')}"}
        data = body.model_dump(mode="json", by_alias=True, exclude_none=True) if body else None
        try:
            async with self.session.request(method, url, json=data, headers=headers) as response:
                answer: dict[str, Any] = await response.json(content_type=None)
                if not response.ok:
                    raise CommandError(_reason(answer, response.status))
                return answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CommandError(
                f"{service} at {url} does not answer; start Rollcall with `make run`."
            ) from error


def _reason(answer: Mapping[str, Any] | None, status: int) -> str:
    return str((answer or {}).get("detail") or f"The service answered {status}.")


def call(work: Callable[[Api], Awaitable[Answer]]) -> Answer:
    """Run an asynchronous command against the running system."""

    async def run() -> Answer:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            return await work(Api(session, addresses.find()))

    return asyncio.run(run())
