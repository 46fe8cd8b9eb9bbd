"""Wires ingest: the SCIM gateway and the relay that publishes what it stored."""

from collections.abc import Callable

from aiohttp import web

from services.ingest.domain import load
from services.ingest.domain.peppers import Peppers
from services.ingest.domain.rates import Limit
from services.ingest.http import (
    auth,
    errors,
    management,
    management_erasure,
    management_limits,
    management_states,
    request_log,
    scim,
    snapshots,
)
from services.ingest.http.admission import Admission
from services.ingest.http.management_requests import Requests
from services.ingest.http.management_schemas import Schemas
from services.ingest.http.request_log import RequestLog
from services.ingest.scim import cursor
from services.ingest.settings import Settings
from services.ingest.usecases.snapshots import Writer
from shared import api, audit, db, kafka, outbox, service
from shared import web as edge
from shared.auditing import Auditing
from shared.keys import Keys
from shared.listening import Limits

# A request that waits longer for a connection to Postgres meets one that is overloaded, or away.
_POOL_WAIT_S = 0.25
# By then somebody has to look; storing ever more would fill the disk and be of no use to anybody.
_BACKLOG_S = 600.0


async def serve(process: service.Process, settings: Settings) -> None:
    """Answer requests until told to stop; then finish them, then publish the rest."""
    brokers = kafka.access(settings)
    async with db.connect(settings.database_url, "ingest", max_size=20) as database:
        await db.wait_for(database, ["shared", "services.ingest"])
        await kafka.wait_for_broker(brokers)
        relay = outbox.Relay(database, brokers, "ingest")
        gatekeeper = auth.Gatekeeper(database, Peppers.of(settings.token_pepper))
        log = RequestLog(database, settings.request_log_days)
        writer = Writer(database, relay.wake)
        backlog = outbox.Backlog(database)
        admits = _admission(settings, database, backlog)
        app = _application(database, settings, relay, gatekeeper, log, admits)
        async with (
            service.background(
                relay.run,
                backlog.watch,
                gatekeeper.record_use,
                writer.run,
                log.flush_regularly,
                log.forget_regularly,
            ),
            process.listen(
                app,
                settings.host,
                settings.port,
                {"postgres": database.ping},
                refused=errors.refused,
                limits=Limits(settings.max_connections, settings.max_connections_per_peer),
            ),
        ):
            await process.stopping.wait()


def _admission(settings: Settings, database: db.Database, backlog: outbox.Backlog) -> Admission:
    return Admission(
        load.Limits(settings.max_in_flight, _POOL_WAIT_S, _BACKLOG_S),
        Limit(settings.requests_per_second, settings.burst),
        lambda: database.wait_s,
        lambda: backlog.oldest_s,
    )


def _application(
    database: db.Database,
    settings: Settings,
    relay: outbox.Relay,
    gatekeeper: auth.Gatekeeper,
    log: RequestLog,
    admits: Admission,
) -> web.Application:
    outside = [request_log.recorded(log)] if settings.request_log_days else []
    gateway = scim.application(
        database,
        settings.base_url,
        relay.wake,
        *outside,
        bearer=auth.bearer(gatekeeper),
        admits=admits,
        cursor_key=cursor.key_of(Peppers.of(settings.token_pepper).current),
    )
    app = web.Application(middlewares=[edge.observed("ingest", errors.overdue), edge.problems({})])
    app[api.RECORD] = audit.calls(database)
    app.add_subapp("/scim/v2", gateway)
    app.add_subapp("/scim", scim.other_versions())
    app.add_subapp("/v1", management_api(database, settings, relay.wake))
    return app


def management_api(
    database: db.Database, settings: Settings, committed: Callable[[], None]
) -> web.Application:
    """Return the application below `/v1`; `committed` wakes the relay."""
    url, peppers = settings.base_url, Peppers.of(settings.token_pepper)
    keys = Keys.of(settings.api_key, settings.api_keys_file)
    table = [
        *management.Management(database, url, peppers, committed).endpoints(),
        *Requests(database).endpoints(),
        *Schemas(database).endpoints(),
        *snapshots.Snapshots(database, committed).endpoints(),
        *management_limits.Limits(database).endpoints(),
        *management_states.States(database, url, committed).endpoints(),
        *management_erasure.Erasure(database, committed).endpoints(),
        *Auditing(database).endpoints(),
    ]
    return api.application(management.ABOUT, table, keys=keys, statuses=management.STATUSES)


def main() -> int:
    """Run ingest; return the exit code."""
    return service.run("ingest", Settings, serve)
