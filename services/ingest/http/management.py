"""`/v1`: organizations, directories and tokens, for the application and the portal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.ingest.domain.directories import (
    Directory,
    Organization,
    SchemaConflictError,
    ServingError,
    StateError,
    StillThereError,
    TooManyTokensError,
    UnclearSchemaError,
    UnknownError,
)
from services.ingest.domain.peppers import Peppers
from services.ingest.domain.tokens import Token
from services.ingest.usecases import directories, tokens
from shared import db
from shared import web as edge
from shared.api import About, Endpoint
from shared.contracts import management
from shared.contracts.directory_events import Cause

ABOUT = About(
    "Rollcall ingest",
    "Organizations, their directories, tokens and extension schemas, and what providers sent.",
    "directories",
)
STATUSES: Mapping[type[Exception], int] = {
    UnknownError: 404,
    TooManyTokensError: 409,
    UnclearSchemaError: 400,
    SchemaConflictError: 409,
    StateError: 409,
    StillThereError: 409,
    ServingError: 409,
}


@dataclass(frozen=True, slots=True)
class Management:
    """The handlers; `public_url` is the base of the endpoints that providers call."""

    database: db.Database
    public_url: str
    peppers: Peppers
    committed: Callable[[], None]

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        return [
            Endpoint(
                "POST",
                "/organizations",
                self.create_organization,
                {200: management.Organization, 201: management.Organization},
                takes=management.NewOrganization,
            ),
            Endpoint(
                "GET",
                "/organizations",
                self.list_organizations,
                {200: list[management.Organization]},
            ),
            Endpoint(
                "GET", "/organizations/{id}", self.get_organization, {200: management.Organization}
            ),
            Endpoint(
                "POST",
                "/directories",
                self.create_directory,
                {201: management.Directory},
                takes=management.NewDirectory,
                refuses=(404,),
            ),
            Endpoint(
                "GET",
                "/directories",
                self.list_directories,
                {200: list[management.Directory]},
                asks=management.DirectoryQuery,
                refuses=(404,),
            ),
            Endpoint(
                "GET",
                "/pulses",
                self.list_pulses,
                {200: list[management.Pulse]},
                asks=management.PulseQuery,
            ),
            Endpoint("GET", "/directories/{id}", self.get_directory, {200: management.Directory}),
            Endpoint(
                "GET",
                "/directories/{id}/position",
                self.get_position,
                {200: management.Outgoing},
            ),
            Endpoint(
                "POST",
                "/directories/{id}/tokens",
                self.issue_token,
                {201: management.IssuedToken},
                takes=management.NewToken,
                refuses=(409,),
            ),
            Endpoint(
                "GET", "/directories/{id}/tokens", self.list_tokens, {200: list[management.Token]}
            ),
            Endpoint("DELETE", "/directories/{id}/tokens/{key}", self.revoke_token, {204: None}),
        ]

    async def create_organization(self, request: web.Request) -> web.Response:
        """Answer 201 with a new organization, 200 with the one that has this name."""
        wanted = await edge.body(request, management.NewOrganization)
        found, is_new = await directories.create_organization(
            self.database, wanted.name, datetime.now(UTC)
        )
        return edge.answer(_organization(found), 201 if is_new else 200)

    async def list_organizations(self, _request: web.Request) -> web.Response:
        """Answer all organizations by name."""
        found = await directories.organizations(self.database)
        return edge.answers([_organization(each) for each in found])

    async def get_organization(self, request: web.Request) -> web.Response:
        """Answer one organization."""
        found = await directories.organization(self.database, request.match_info["id"])
        return edge.answer(_organization(found))

    async def create_directory(self, request: web.Request) -> web.Response:
        """Answer 201 with a new directory; its history starts with `directory.created`."""
        wanted = await edge.body(request, management.NewDirectory)
        cause = Cause(kind="administrator", id=request[edge.REQUEST_ID], actor="api")
        made = await directories.create(self.database, wanted, cause, datetime.now(UTC))
        self.committed()
        return edge.answer(self._directory(made), 201)

    async def list_directories(self, request: web.Request) -> web.Response:
        """Answer the directories of `?organization=`, or all."""
        wanted = edge.query(request, management.DirectoryQuery)
        found = await directories.listed(self.database, wanted.organization)
        return edge.answers([self._directory(each) for each in found])

    async def get_directory(self, request: web.Request) -> web.Response:
        """Answer one directory."""
        found = await directories.get(self.database, request.match_info["id"])
        return edge.answer(self._directory(found))

    async def get_position(self, request: web.Request) -> web.Response:
        """Answer where the history of a directory ends, and how far it is published."""
        found = await directories.position(self.database, request.match_info["id"])
        return edge.answer(found)

    async def list_pulses(self, request: web.Request) -> web.Response:
        """Answer the mark of each organization, by which one sees that it was called."""
        wanted = edge.query(request, management.PulseQuery)
        found = await directories.pulses(self.database, wanted.organizations.split(","))
        return edge.answers([management.Pulse(organization_id=key, mark=mark)
                             for key, mark in found.items()])  # fmt: skip

    async def issue_token(self, request: web.Request) -> web.Response:
        """Answer 201 with a new token and its value, told this once."""
        wanted = await edge.body(request, management.NewToken)
        token, value = await tokens.issue(
            self.database, self.peppers, request.match_info["id"], wanted, datetime.now(UTC)
        )
        response = edge.answer(
            management.IssuedToken(value=value, **_token(token).model_dump()), 201
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    async def list_tokens(self, request: web.Request) -> web.Response:
        """Answer the tokens of a directory, without their values."""
        found = await tokens.listed(self.database, request.match_info["id"])
        return edge.answers([_token(each) for each in found])

    async def revoke_token(self, request: web.Request) -> web.Response:
        """Answer 204; the token opens nothing any more within 5 s."""
        directory, key_id = request.match_info["id"], request.match_info["key"]
        await tokens.revoke(self.database, directory, key_id, datetime.now(UTC))
        return web.Response(status=204)

    def _directory(self, found: Directory) -> management.Directory:
        return told(found, self.public_url)


def told(found: Directory, public_url: str) -> management.Directory:
    """Return a directory as the API tells of it."""
    return management.Directory(
        id=found.id,
        organization_id=found.organization,
        name=found.name,
        provider=found.provider,
        endpoint=f"{public_url}/scim/v2/{found.id}",
        created_at=found.created_at,
        last_request_at=found.last_request_at,
        delayed_s=found.delayed_s,
        state=found.state,
        state_since=found.state_since,
        state_by=found.state_by,
    )


def _organization(found: Organization) -> management.Organization:
    return management.Organization(id=found.id, name=found.name, created_at=found.created_at)


def _token(found: Token) -> management.Token:
    return management.Token(
        id=found.id,
        label=found.label,
        last_four=found.last_four,
        created_at=found.created_at,
        expires_at=found.expires_at,
        first_used_at=found.first_used_at,
        last_used_at=found.last_used_at,
        revoked_at=found.revoked_at,
    )
