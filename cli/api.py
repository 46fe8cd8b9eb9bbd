"""The `/v1` APIs of the services, typed by the shared contracts."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
from pydantic import BaseModel

from cli import addresses
from cli.addresses import Addresses
from cli.output import CommandError
from shared.contracts import management
from shared.contracts.schemas import DeclaredSchema, NewSchema

Answer = TypeVar("Answer")
Consuming = Literal["roles", "projector"]
Turn = Literal["pause", "resume"]
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

    async def turn_directory(self, directory: str, turn: Turn, actor: str) -> management.Directory:
        """Pause a directory, or resume it."""
        path, act = f"/directories/{directory}/{turn}", management.Act(actor=actor)
        return await self._one(management.Directory, "ingest", "POST", path, act)

    async def delete_directory(self, directory: str, actor: str) -> None:
        """Delete a directory for good; it was paused before."""
        path = f"/directories/{directory}?{urlencode({'actor': actor})}"
        await self._call("ingest", "DELETE", path, None)

    async def issue_token(self, directory: str) -> management.IssuedToken:
        """Return a new bearer token of a directory."""
        path = f"/directories/{directory}/tokens"
        wanted = management.NewToken(label="Command line")
        return await self._one(management.IssuedToken, "ingest", "POST", path, wanted)

    async def schemas(self, directory: str) -> list[DeclaredSchema]:
        """Return the schemas that a directory declares."""
        return await self._many(DeclaredSchema, "ingest", f"/directories/{directory}/schemas")

    async def declare_schema(self, directory: str, wanted: NewSchema) -> DeclaredSchema:
        """Declare a schema, or change it."""
        path = f"/directories/{directory}/schemas/{quote(wanted.id, safe='')}"
        return await self._one(DeclaredSchema, "ingest", "PUT", path, wanted)

    async def remove_schema(self, directory: str, urn: str, *, is_forced: bool) -> None:
        """Remove a schema, if forced also while there are values of it."""
        path = f"/directories/{directory}/schemas/{quote(urn, safe='')}"
        query = "?force=true" if is_forced else ""
        await self._call("ingest", "DELETE", f"{path}{query}", None)

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

    async def requests(
        self, directory: str, wanted: management.RequestQuery
    ) -> management.RequestPage:
        """Return the newest calls of a directory."""
        query = urlencode(wanted.model_dump(mode="json", by_alias=True, exclude_none=True))
        path = f"/directories/{directory}/requests?{query}"
        return await self._one(management.RequestPage, "ingest", "GET", path)

    async def request(self, directory: str, key: str) -> management.RequestDetail:
        """Return one call with its masked body."""
        path = f"/directories/{directory}/requests/{quote(key, safe='')}"
        return await self._one(management.RequestDetail, "ingest", "GET", path)

    async def roles(self) -> list[management.Role]:
        """Return the roles that the application declared."""
        return await self._many(management.Role, "roles", "/roles")

    async def declare_role(self, key: str, wanted: management.RoleDeclaration) -> management.Role:
        """Declare a role, or change it."""
        path = f"/roles/{quote(key, safe='')}"
        return await self._one(management.Role, "roles", "PUT", path, wanted)

    async def remove_role(self, key: str, wanted: management.RoleRemoval) -> None:
        """Remove a role."""
        await self._call("roles", "DELETE", f"/roles/{quote(key, safe='')}", wanted)

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

    async def fences(self) -> list[management.Fence]:
        """Return the fences behind which something waits."""
        return await self._many(management.Fence, "roles", "/fences")

    async def fence(self, directory: str) -> management.Fence:
        """Return the fence of a directory, and who would lose what."""
        path = f"/directories/{directory}/fence"
        return await self._one(management.Fence, "roles", "GET", path)

    async def set_fence(self, directory: str, wanted: management.FenceRules) -> management.Fence:
        """Say how much a directory may lose at once."""
        path = f"/directories/{directory}/fence"
        return await self._one(management.Fence, "roles", "PUT", path, wanted)

    async def approve_losses(
        self, directory: str, wanted: management.FenceApproval
    ) -> management.Fence:
        """Let the losses happen that wait."""
        path = f"/directories/{directory}/fence/approve"
        return await self._one(management.Fence, "roles", "POST", path, wanted)

    async def preview_mapping(
        self, directory: str, edit: management.MappingEdit
    ) -> management.MappingPreview:
        """Return what a mapping would change."""
        path = f"/directories/{directory}/mapping/preview"
        return await self._one(management.MappingPreview, "roles", "POST", path, edit)

    async def explain(self, directory: str, user: str, role: str | None) -> management.Explanation:
        """Return why a user holds its roles, or why not that one."""
        query = f"?{urlencode({'role': role})}" if role else ""
        path = f"/directories/{directory}/users/{quote(user, safe='')}/roles{query}"
        return await self._one(management.Explanation, "roles", "GET", path)

    async def assign(
        self, directory: str, user: str, role: str, act: management.Act
    ) -> management.ManualAssignment:
        """Give a user a role by hand."""
        path = _role_of(directory, user, role)
        return await self._one(management.ManualAssignment, "roles", "PUT", path, act)

    async def unassign(self, directory: str, user: str, role: str, act: management.Act) -> None:
        """Take back a role that a user was given by hand."""
        await self._call("roles", "DELETE", _role_of(directory, user, role), act)

    async def audit(self, service: str, wanted: management.AuditQuery) -> management.AuditPage:
        """Return a page of what was done by hand in a service."""
        query = urlencode(wanted.model_dump(mode="json"))
        return await self._one(management.AuditPage, service, "GET", f"/audit?{query}")

    async def known_users(self, directory: str, user: str) -> list[management.KnownUser]:
        """Return who the read models tell of by an id or a userName, deleted users too."""
        path = f"/directories/{directory}/known-users?{urlencode({'user': user})}"
        return await self._many(management.KnownUser, "projector", path)

    async def erase(self, directory: str, user: str, act: management.Act) -> management.Reached:
        """Tell all to forget a deleted user; return the event that says so."""
        path = f"/directories/{directory}/users/{user}/erasure"
        return await self._one(management.Reached, "ingest", "POST", path, act)

    async def assignments(
        self, directory: str, wanted: management.AssignmentQuery
    ) -> management.AssignmentPage:
        """Return a page of who held what."""
        query = urlencode(wanted.model_dump(mode="json", by_alias=True, exclude_none=True))
        path = f"/directories/{directory}/assignments?{query}"
        return await self._one(management.AssignmentPage, "roles", "GET", path)

    async def begin_snapshot(self, directory: str, actor: str) -> management.Snapshot:
        """Return the snapshot of a directory that runs, begun now if none did."""
        path = f"/directories/{directory}/snapshots"
        wanted = management.NewSnapshot(actor=actor)
        return await self._one(management.Snapshot, "ingest", "POST", path, wanted)

    async def snapshot(self, directory: str, key: str) -> management.Snapshot:
        """Return how far a snapshot is."""
        path = f"/directories/{directory}/snapshots/{key}"
        return await self._one(management.Snapshot, "ingest", "GET", path)

    async def stopped(
        self, service: Consuming, directory: str | None
    ) -> list[management.StoppedDirectory]:
        """Return the directories that a service stopped, or what of this one is."""
        query = f"?directory={directory}" if directory else ""
        return await self._many(management.StoppedDirectory, service, f"/parked{query}")

    async def replay(
        self, service: Consuming, stopped: management.StoppedDirectory
    ) -> management.Replayed:
        """Let the records that wait first go on; return what that came to."""
        path = f"/parked/{stopped.topic}/{stopped.directory_id}/replay"
        return await self._one(management.Replayed, service, "POST", path)

    async def skip(
        self, service: Consuming, stopped: management.StoppedDirectory, actor: str
    ) -> None:
        """Give up the record that stands first."""
        path = f"/parked/{stopped.topic}/{stopped.directory_id}/skip"
        offset = stopped.first.offset if stopped.first else 0
        await self._call(service, "POST", path, management.Skip(offset=offset, actor=actor))

    async def losses(self) -> list[management.Loss]:
        """Return what roles reads next and Kafka no longer holds."""
        return await self._many(management.Loss, "roles", "/losses")

    async def accept_losses(self, actor: str) -> list[management.Loss]:
        """Let roles go on without it; return what was accepted."""
        wanted = management.Act(actor=actor)
        answer = await self._call("roles", "POST", "/losses/accept", wanted)
        with _expected_of("roles"):
            return [management.Loss.model_validate(one) for one in answer["items"]]

    async def start_rebuild(self, wanted: management.NewRebuild) -> management.ReadModel:
        """Begin a new version of the read models."""
        return await self._one(management.ReadModel, "projector", "POST", "/rebuilds", wanted)

    async def current_rebuild(self) -> management.ReadModel:
        """Return the version that was rebuilt last."""
        return await self._one(management.ReadModel, "projector", "GET", "/rebuilds/current")

    async def read_models(self) -> list[management.ReadModel]:
        """Return all versions of the read models."""
        return await self._many(management.ReadModel, "projector", "/read-models")

    async def switch_read_model(
        self, version: int, wanted: management.Switch
    ) -> management.ReadModel:
        """Make a version the live one."""
        path = f"/read-models/{version}/switch"
        return await self._one(management.ReadModel, "projector", "POST", path, wanted)

    async def drop_read_model(self, version: int, wanted: management.Act) -> None:
        """Drop a version."""
        await self._call("projector", "POST", f"/read-models/{version}/drop", wanted)

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
        answer = await self._call(service, method, path, body)
        with _expected_of(service):
            return kind.model_validate(answer)

    async def _many(self, kind: type[Body], service: str, path: str) -> list[Body]:
        answer = await self._call(service, "GET", path, None)
        with _expected_of(service):
            return [kind.model_validate(item) for item in answer["items"]]

    async def _call(self, service: str, method: str, path: str, body: BaseModel | None) -> Any:
        url = f"{self.known.of(service).rstrip('/')}/v1{path}"
        headers = {"Authorization": f"Bearer {self.known.of('api_key')}"}
        data = body.model_dump(mode="json", by_alias=True, exclude_none=True) if body else None
        try:
            async with self.session.request(method, url, json=data, headers=headers) as response:
                with _expected_of(service):
                    answer = await response.json(content_type=None)
                if not response.ok:
                    raise CommandError(_reason(answer, response.status))
                return answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CommandError(
                f"{service} at {url} does not answer; start Rollcall with `make run`."
            ) from error


def _role_of(directory: str, user: str, role: str) -> str:
    return f"/directories/{directory}/users/{quote(user, safe='')}/roles/{quote(role, safe='')}"


@contextmanager
def _expected_of(service: str) -> Iterator[None]:
    """Turn an answer that is not in the contract into what a person can do about it."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise CommandError(
            f"What answers at the address of {service} is not Rollcall, or another version of it; "
            f"check {addresses.VARIABLES[service]}."
        ) from error


def _reason(answer: Any, status: int) -> str:
    found = answer if isinstance(answer, dict) else {}
    detail = str(found.get("detail") or f"The service answered {status}.")
    return "\n".join([detail, *map(str, found.get("differences") or ())])


def actor() -> str:
    """Return who acts, for the audit records."""
    return f"command line: {getpass.getuser()}"


def call(work: Callable[[Api], Awaitable[Answer]]) -> Answer:
    """Run an asynchronous command against the running system."""

    async def run() -> Answer:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            return await work(Api(session, addresses.find()))

    return asyncio.run(run())
