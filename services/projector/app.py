"""Wires the projector: consume both topics; its HTTP side is health alone."""

from aiohttp import web

from services.projector.consumer import consumer
from services.projector.settings import Settings
from shared import db, kafka, service
from shared import web as edge


async def serve(process: service.Process, settings: Settings) -> None:
    """Work until told to stop; the batch in hand is finished."""
    async with db.connect(settings.database_url, "projector") as database:
        await kafka.wait_for_broker(settings.kafka_servers)
        reader = consumer(database, settings.kafka_servers)
        app = web.Application(middlewares=[edge.observed("projector"), edge.problems({})])
        async with (
            service.background(reader.run),
            process.listen(app, settings.host, settings.port, {"postgres": database.ping}),
        ):
            await process.stopping.wait()


def main() -> int:
    """Run the projector; return the exit code."""
    return service.run("projector", Settings, serve)
