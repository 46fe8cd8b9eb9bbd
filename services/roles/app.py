"""Wires roles: consume directory events, publish role events, answer `/v1`."""

from collections.abc import Callable

from aiohttp import web

from services.roles import http
from services.roles.consumer import GROUP, SNAPSHOTS, consumer
from services.roles.settings import Settings
from services.roles.usecases.fencing import Watch
from services.roles.usecases.settling import Worker
from shared import audit, consume, db, kafka, outbox, service
from shared import web as edge
from shared.api import RECORD
from shared.auditing import Auditing
from shared.contracts import role_events
from shared.keys import Keys


async def serve(process: service.Process, settings: Settings) -> None:
    """Work until told to stop; the batch in hand is finished, what it told is published."""
    keys = Keys.of(settings.api_key, settings.api_keys_file)
    brokers = kafka.access(settings)
    async with db.connect(settings.database_url, "roles", max_size=20) as database:
        await db.wait_for(database, ["shared", "services.roles"])
        await kafka.wait_for_broker(brokers)
        relay = outbox.Relay(database, brokers, "roles", role_events.SCOPE)
        reader = consumer(database, brokers, relay.wake)
        ingest = consume.Ingest(settings.ingest_url, settings.api_key)
        healer = consume.Healer(database, ingest, SNAPSHOTS)
        letters = consume.DeadLetters(database, brokers, GROUP)
        stopped = consume.Stopped(database, GROUP, reader.handlers)
        app = web.Application(middlewares=[edge.observed("roles"), edge.problems({})])
        worker = Worker(database, relay.wake)
        app[RECORD] = audit.calls(database)
        app.add_subapp("/v1", api(reader, keys, worker.wake))
        async with (
            service.background(relay.run, outbox.Backlog(database).watch),
            service.background(consume.Halting(reader).run, healer.run, letters.run),
            service.background(worker.run, Watch(database).run, stopped.watch),
            process.listen(app, settings.host, settings.port, {"postgres": database.ping}),
        ):
            await process.stopping.wait()


def api(
    reader: consume.Consumer, keys: Keys, saved: Callable[[], None] = lambda: None
) -> web.Application:
    """Return the application below `/v1`: of roles, and of letting its consumer go on.

    `saved` wakes who advances rollouts.
    """

    def committed() -> None:
        reader.committed()
        saved()

    handlers = http.Handlers(reader.database, committed)
    more = [
        *consume.Operations(reader, SNAPSHOTS).endpoints(),
        *consume.Losses(reader).endpoints(),
        *Auditing(reader.database).endpoints(),
    ]
    return http.application(handlers, keys, more)


def main() -> int:
    """Run roles; return the exit code."""
    return service.run("roles", Settings, serve)
