"""`/v1`: organizations, directories and tokens, for the application and the portal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from services.ingest.domain.directories import (
    Directory,
    Organization,
    TooManyTokensError,
    UnknownError,
)
from services.ingest.domain.tokens import Token
from services.ingest.usecases import directories, tokens
from shared import db
from shared import web as edge
from shared.contracts import management
from shared.contracts.directory_events import Cause

STATUSES: Mapping[type[Exception], int] = {UnknownError: 404, TooManyTokensError: 409}


@dataclass(frozen=True, slots=True)
class Management:
    """The handlers; `public_url` is the base of the endpoints that providers call."""

    database: db.Database
    public_url: str
    pepper: str
    committed: Callable[[], None]

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        return [
            web.post("/organizations", self.create_organization),
            web.get("/organizations", self.list_organizations),
            web.get("/organizations/{id}", self.get_organization),
            web.post("/directories", self.create_directory),
            web.get("/directories", self.list_directories),
            web.get("/directories/{id}", self.get_directory),
            web.post("/directories/{id}/tokens", self.issue_token),
            web.get("/directories/{id}/tokens", self.list_tokens),
            web.delete("/directories/{id}/tokens/{key}", self.revoke_token),
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
        found = await directories.listed(self.database, request.query.get("organization"))
        return edge.answers([self._directory(each) for each in found])

    async def get_directory(self, request: web.Request) -> web.Response:
        """Answer one directory."""
        found = await directories.get(self.database, request.match_info["id"])
        return edge.answer(self._directory(found))

    async def issue_token(self, request: web.Request) -> web.Response:
        """Answer 201 with a new token and its value, told this once."""
        wanted = await edge.body(request, management.NewToken)
        token, value = await tokens.issue(
            self.database, self.pepper, request.match_info["id"], wanted, datetime.now(UTC)
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
        return management.Directory(
            id=found.id,
            organization_id=found.organization,
            name=found.name,
            provider=found.provider,
            endpoint=f"{self.public_url}/scim/v2/{found.id}",
            created_at=found.created_at,
            last_request_at=found.last_request_at,
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
        last_used_at=found.last_used_at,
        revoked_at=found.revoked_at,
    )


def application(handlers: Management, api_key: str) -> web.Application:
    """Return the application below `/v1`."""
    problems = edge.problems(STATUSES, db.is_transient)
    app = web.Application(middlewares=[problems, edge.api_key(api_key)])
    app.add_routes(handlers.routes())
    return app
