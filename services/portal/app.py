"""Wires the portal: pages, sign-in links, and the clients of the services it commands."""

from importlib.resources import files
from pathlib import Path

from aiohttp import web

from services.portal import clients
from services.portal.clients import Services
from services.portal.clients.oidc import Client, OpenId
from services.portal.domain.oidc import Operators
from services.portal.http import links, live, render, session, sign_in
from services.portal.http.activity import Activity
from services.portal.http.appearance import Appearance
from services.portal.http.exports import Exports
from services.portal.http.fence import FencePages
from services.portal.http.health import Health
from services.portal.http.links import Links
from services.portal.http.live import Hub, Live
from services.portal.http.log import Log
from services.portal.http.mapping import MappingPages
from services.portal.http.pages import Pages
from services.portal.http.provisioning import Provisioning
from services.portal.http.render import Look
from services.portal.http.session import Cookies, Doorkeeper
from services.portal.http.sign_in import SignIn
from services.portal.http.states import States
from services.portal.http.tokens import Tokens
from services.portal.http.verify import Verify
from services.portal.settings import Settings
from services.portal.usecases.access import Vault
from services.portal.usecases.setup import Setups
from services.portal.usecases.signing_in import SignIns
from shared import api, audit, db, service
from shared import web as edge
from shared.keys import Keys

# Which index serves a list depends on what is looked for, so each statement is planned anew.
_PLANS = {"plan_cache_mode": "force_custom_plan"}


async def serve(process: service.Process, settings: Settings) -> None:
    """Answer requests until told to stop."""
    async with (
        db.connect(settings.database_url, "portal", settings=_PLANS) as database,
        clients.session(settings.api_key) as http,
    ):
        await db.wait_for(database, ["shared", "services.portal"])
        services = Services(http, settings.ingest_url.rstrip("/"), settings.roles_url.rstrip("/"))
        hub = Hub(database, services)
        app = application(database, services, settings, hub)
        checks = {"postgres": database.ping}
        async with (
            process.listen(app, settings.host, settings.port, checks),
            service.background(hub.run),
        ):
            await process.stopping.wait()


def application(
    database: db.Database, services: Services, settings: Settings, hub: Hub
) -> web.Application:
    """Return the portal with all its routes."""
    cookies = Cookies(settings.base_url, embedded=bool(settings.embed_origins))
    doorkeeper = Doorkeeper(database, Vault(settings.secret), cookies, settings.base_url)
    app = web.Application(
        middlewares=[
            edge.observed("portal", endless=frozenset({live.PATH})),
            render.protect,
            session.signed_in(doorkeeper),
        ]
    )
    render.setup(app, _look(settings))
    handlers = Links(doorkeeper, services)
    keys = Keys.of(settings.api_key, settings.api_keys_file)
    setups = Setups(database, services)
    app[api.RECORD] = audit.calls(database)
    app.add_subapp("/v1", links.application(handlers, keys, database))
    app.router.add_static("/static", Path(str(files("services.portal") / "static")))
    app.add_routes([
        *handlers.routes(),
        *SignIn(doorkeeper, _sign_ins(doorkeeper, settings)).routes(),
        *Appearance(settings.base_url, settings.accent, settings.logo).routes(),
        *Pages(database, services, setups).routes(),
        *Provisioning(database, services).routes(),
        *MappingPages(database, services).routes(),
        *FencePages(database, services).routes(),
        *Tokens(setups, services).routes(),
        *States(services, setups).routes(),
        *Verify(database, services, setups).routes(),
        *Activity(services).routes(),
        *Log(database, services).routes(),
        *Health(database, services, setups).routes(),
        *Exports(database, services).routes(),
        *Live(hub, doorkeeper).routes(),
    ])  # fmt: skip
    return app


def _sign_ins(doorkeeper: Doorkeeper, settings: Settings) -> SignIns | None:
    if not settings.oidc_issuer:
        return None
    client = Client(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        f"{settings.base_url}{sign_in.CALLBACK}",
    )
    operators = Operators.of(settings.oidc_operators)
    return SignIns(doorkeeper.database, doorkeeper.vault, OpenId(client), operators)


def _look(settings: Settings) -> Look:
    return Look(
        settings.product_name,
        has_theme=bool(settings.accent),
        logo="/logo" if settings.logo else "/static/mark.svg",
        has_sign_in=bool(settings.oidc_issuer),
        embed_origins=settings.embed_origins.split(),
    )


def main() -> int:
    """Run the portal; return the exit code."""
    return service.run("portal", Settings, serve)
