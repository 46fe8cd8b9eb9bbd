"""Wires roles: consume directory events, publish role events, answer `/v1`."""

from aiohttp import web

from services.roles import http
from services.roles.consumer import consumer
from services.roles.settings import Settings
from shared import db, kafka, outbox, service
from shared import web as edge
from shared.contracts import role_events


async def serve(process: service.Process, settings: Settings) -> None:
    """Work until told to stop; the batch in hand is finished, what it told is published."""
    async with db.connect(settings.database_url, "roles", max_size=20) as database:
        await kafka.wait_for_broker(settings.kafka_servers)
        relay = outbox.Relay(database, settings.kafka_servers, "roles", role_events.SCOPE)
        reader = consumer(database, settings.kafka_servers, relay.wake)
        app = web.Application(middlewares=[edge.observed("roles"), edge.problems({})])
        handlers = http.Handlers(database, relay.wake)
        app.add_subapp("/v1", http.application(handlers, settings.api_key))
        async with (
            service.background(relay.run),
            service.background(reader.run),
            process.listen(app, settings.host, settings.port, {"postgres": database.ping}),
        ):
            await process.stopping.wait()


def main() -> int:
    """Run roles; return the exit code."""
    return service.run("roles", Settings, serve)
