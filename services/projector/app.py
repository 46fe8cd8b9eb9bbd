"""Wires the projector: a consumer for each version of the read models, and `/v1` about them."""

from aiohttp import web

from services.projector import http
from services.projector.consumer import GROUP, SNAPSHOTS, consumer
from services.projector.consumer.versions import Versions
from services.projector.settings import Settings
from services.projector.usecases import versions
from shared import audit, consume, db, kafka, service
from shared import web as edge
from shared.api import RECORD
from shared.auditing import Auditing
from shared.keys import Keys


async def serve(process: service.Process, settings: Settings) -> None:
    """Work until told to stop; the batches in hand are finished."""
    keys = Keys.of(settings.api_key, settings.api_keys_file)
    brokers = kafka.access(settings)
    async with db.connect(settings.database_url, "projector") as database:
        await db.wait_for(database, [versions.REGISTRY])
        await kafka.wait_for_broker(brokers)
        ingest = consume.Ingest(settings.ingest_url, settings.api_key)
        kept = Versions(database, settings.database_url, brokers, ingest)
        letters = consume.DeadLetters(database, brokers, GROUP)
        app = web.Application(middlewares=[edge.observed("projector"), edge.problems({})])
        app[RECORD] = audit.calls(database)
        app.add_subapp("/v1", api(database, brokers, keys))
        async with (
            service.background(kept.run, kept.advance, letters.run),
            process.listen(app, settings.host, settings.port, {"postgres": database.ping}),
        ):
            await process.stopping.wait()


def api(database: db.Database, servers: kafka.Servers, keys: Keys) -> web.Application:
    """Return the application below `/v1`."""
    # Operators work on what is shown, whichever version that is.
    operations = consume.Operations(consumer(database, servers), SNAPSHOTS)
    more = [*operations.endpoints(), *Auditing(database).endpoints()]
    return http.application(http.Handlers(database, servers), keys, more)


async def migrate(dsn: str) -> list[str]:
    """Bring all versions of the read models up to date; return what was applied."""
    return await versions.migrate(dsn)


def main() -> int:
    """Run the projector; return the exit code."""
    return service.run("projector", Settings, serve)
