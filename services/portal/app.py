"""Wires the portal: pages, sign-in links, and the clients of the services it commands."""

from importlib.resources import files
from pathlib import Path

from aiohttp import web

from services.portal import clients
from services.portal.clients import Services
from services.portal.http import links, render, session
from services.portal.http.links import Links
from services.portal.http.pages import Pages
from services.portal.http.provisioning import Provisioning
from services.portal.http.session import Cookies
from services.portal.settings import Settings
from services.portal.usecases import Vault
from shared import db, service
from shared import web as edge


async def serve(process: service.Process, settings: Settings) -> None:
    """Answer requests until told to stop."""
    async with (
        db.connect(settings.database_url, "portal") as database,
        clients.session(settings.api_key) as http,
    ):
        services = Services(http, settings.ingest_url.rstrip("/"), settings.roles_url.rstrip("/"))
        app = _application(database, services, settings)
        checks = {"postgres": database.ping}
        async with process.listen(app, settings.host, settings.port, checks):
            await process.stopping.wait()


def _application(database: db.Database, services: Services, settings: Settings) -> web.Application:
    vault, cookies = Vault(settings.secret), Cookies(settings.base_url)
    signed_in = session.signed_in(database, vault, cookies, settings.base_url)
    app = web.Application(middlewares=[edge.observed("portal"), render.protect, signed_in])
    render.setup(app)
    handlers = Links(database, vault, cookies, settings.base_url)
    app.add_subapp("/v1", links.api(handlers, settings.api_key))
    app.router.add_static("/static", Path(str(files("services.portal") / "static")))
    app.add_routes([
        web.get("/link/{token}", handlers.show),
        web.post("/link/{token}", handlers.exchange),
        web.post("/sign-out", handlers.sign_out),
        *Pages(database, services).routes(),
        *Provisioning(database, services).routes(),
    ])  # fmt: skip
    return app


def main() -> int:
    """Run the portal; return the exit code."""
    return service.run("portal", Settings, serve)
