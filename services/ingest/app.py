"""Wires ingest: the SCIM gateway and the relay that publishes what it stored."""

from aiohttp import web

from services.ingest.http import auth, management, scim
from services.ingest.settings import Settings
from shared import db, kafka, outbox, service
from shared import web as edge


async def serve(process: service.Process, settings: Settings) -> None:
    """Answer requests until told to stop; then finish them, then publish the rest."""
    async with db.connect(settings.database_url, "ingest", max_size=20) as database:
        await kafka.wait_for_broker(settings.kafka_servers)
        relay = outbox.Relay(database, settings.kafka_servers, "ingest")
        gatekeeper = auth.Gatekeeper(database, settings.token_pepper)
        app = _application(database, settings, relay, gatekeeper)
        async with (
            service.background(relay.run, gatekeeper.record_use),
            process.listen(app, settings.host, settings.port, {"postgres": database.ping}),
        ):
            await process.stopping.wait()


def _application(
    database: db.Database, settings: Settings, relay: outbox.Relay, gatekeeper: auth.Gatekeeper
) -> web.Application:
    gateway = scim.Scim(database, settings.base_url, relay.wake)
    handlers = management.Management(database, settings.base_url, settings.token_pepper, relay.wake)
    app = web.Application(middlewares=[edge.observed("ingest"), edge.problems({})])
    app.add_subapp("/scim/v2", scim.application(gateway, auth.bearer(gatekeeper)))
    app.add_subapp("/v1", management.application(handlers, settings.api_key))
    return app


def main() -> int:
    """Run ingest; return the exit code."""
    return service.run("ingest", Settings, serve)
