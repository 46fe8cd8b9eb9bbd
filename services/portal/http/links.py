"""Signing in by link: the API that makes links, the page that exchanges one, the list of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from services.portal.clients import Services
from services.portal.domain.access import LinkRow
from services.portal.domain.errors import MissingError, RefusedError
from services.portal.http import render, session
from services.portal.http.session import Doorkeeper, organization_of
from services.portal.usecases import access
from services.portal.usecases.access import NewLink
from shared import api, db
from shared import web as edge
from shared.api import About, Endpoint
from shared.auditing import Auditing
from shared.contracts import management
from shared.keys import Keys

_NO_STORE = {"Cache-Control": "no-store"}

ABOUT = About(
    "Rollcall portal",
    "Links with which administrators and operators sign in to the portal.",
    "links",
)


@dataclass(frozen=True, slots=True)
class Links:
    """The handlers around sign-in links."""

    doorkeeper: Doorkeeper
    services: Services

    def routes(self) -> list[web.RouteDef]:
        """Return all routes for people."""
        return [
            web.get("/link/{token}", self.show),
            web.post("/link/{token}", self.exchange),
            web.post("/sign-out", self.sign_out),
            web.get("/portal/{org}/links", self.list_links),
            web.post("/portal/{org}/links", self.create_link),
            web.post("/portal/{org}/links/{id}/revoke", self.revoke_link),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Answer 201 with a new link, told this once."""
        wanted = await edge.body(request, management.NewLink)
        made = await self._new(wanted, "api")
        link = management.Link(
            id=made.row.id, url=self._address(made), expires_at=made.row.expires_at
        )
        response = edge.answer(link, 201)
        response.headers.update(_NO_STORE)
        return response

    async def listed(self, request: web.Request) -> web.Response:
        """Answer the links of `?organization=`, without their secrets."""
        wanted = edge.query(request, management.LinkQuery)
        found = await access.listed_links(self._database, wanted.organization, _now())
        return edge.answers([_listed(row) for row in found])

    async def revoke(self, request: web.Request) -> web.Response:
        """Answer 204; the link opens nothing any more, and what it opened is closed."""
        wanted = edge.query(request, management.LinkQuery)
        key = request.match_info["id"]
        await access.revoke_link(self._database, wanted.organization, key, _now())
        return web.Response(status=204)

    async def show(self, request: web.Request) -> web.Response:
        """Show one button: a mail scanner that merely looks must not use the link up."""
        token = request.match_info["token"]
        await access.check_link(self._database, self.doorkeeper.vault, token, _now())
        return render.page(request, "sign_in.html", {})

    async def exchange(self, request: web.Request) -> web.Response:
        """Sign in, and go on to an address that does not hold the link."""
        session.check_origin(request, self.doorkeeper.base_url)
        token = request.match_info["token"]
        secret = await access.sign_in(self._database, self.doorkeeper.vault, token, _now())
        response = web.Response(status=303, headers={"Location": "/", **_NO_STORE})
        self.doorkeeper.cookies.set(response, secret)
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the session."""
        secret = self.doorkeeper.cookies.read(request)
        if secret:
            await access.sign_out(self._database, self.doorkeeper.vault, secret)
        response = render.page(
            request, "error.html", {"title": "Signed out", "words": "You may close this page.",
                                    "is_signed_in": False, "is_operator": False}
        )  # fmt: skip
        self.doorkeeper.cookies.clear(response)
        # What was shown in this browser is not to be found by going back.
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    async def list_links(self, request: web.Request) -> web.Response:
        """Show the links of the organization, who made them, and whether they still open."""
        return await self._links(request)

    async def create_link(self, request: web.Request) -> web.Response:
        """Show a new invitation, in this answer and never again; for operators."""
        session.operator_only(request)
        wanted = management.NewLink(kind="invitation", organization_id=organization_of(request))
        form = await request.post()
        key = str(form.get("submission", ""))
        if not await access.is_first_submission(self._database, key, _now()):
            said = "This form was sent twice; one invitation was made. Create another to see it."
            return await self._links(request, {"problem": said}, 422)
        made = await self._new(wanted, session.actor_of(request))
        return await self._links(request, {"issued": self._address(made), "made": made.row})

    async def revoke_link(self, request: web.Request) -> web.Response:
        """End a link and what it opened, and show the list again."""
        organization = organization_of(request)
        await access.revoke_link(self._database, organization, request.match_info["id"], _now())
        raise web.HTTPSeeOther(f"/portal/{organization}/links")

    @property
    def _database(self) -> db.Database:
        return self.doorkeeper.database

    async def _new(self, wanted: management.NewLink, actor: str) -> NewLink:
        return await access.create_link(
            self._database, self.doorkeeper.vault, wanted, _now(), actor
        )

    def _address(self, made: NewLink) -> str:
        return f"{self.doorkeeper.base_url}/link/{made.value}"

    async def _links(
        self, request: web.Request, values: Mapping[str, Any] | None = None, status: int = 200
    ) -> web.Response:
        now = _now()
        found = await access.listed_links(self._database, organization_of(request), now)
        context = {
            "links": [(row, row.state(now)) for row in found],
            "submission": access.new_submission(),
            "issued": None,
            "problem": None,
            "here": request.path,
            **(values or {}),
        }
        return await render.of_organization(request, self.services, "links.html", context, status)


def _now() -> datetime:
    return datetime.now(UTC)


def _listed(row: LinkRow) -> management.ListedLink:
    return management.ListedLink(
        id=row.id,
        kind=row.kind,
        state=row.state(_now()),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )


def application(links: Links, keys: Keys, database: db.Database) -> web.Application:
    """Return the application below `/v1`."""
    table = [
        Endpoint(
            "POST",
            "/links",
            links.create,
            {201: management.Link},
            takes=management.NewLink,
            refuses=(422,),
        ),
        Endpoint(
            "GET",
            "/links",
            links.listed,
            {200: list[management.ListedLink]},
            asks=management.LinkQuery,
        ),
        Endpoint(
            "DELETE",
            "/links/{id}",
            links.revoke,
            {204: None},
            asks=management.LinkQuery,
            refuses=(404,),
        ),
        *Auditing(database).endpoints(),
    ]
    statuses = {RefusedError: 422, MissingError: 404}
    return api.application(ABOUT, table, keys=keys, statuses=statuses)
