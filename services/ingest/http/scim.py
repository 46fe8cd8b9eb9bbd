"""The routes of RFC 7644 under `/scim/v2/{directory}`, where providers come in."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from services.ingest.http import (
    admission,
    bulk,
    discovery,
    errors,
    requests,
    resources,
    unserved,
)
from services.ingest.http.admission import Admission
from services.ingest.http.search import Searches
from services.ingest.scim import limits
from services.ingest.scim.errors import InvalidVersion
from shared import db


def application(
    database: db.Database,
    public_url: str,
    committed: Callable[[], None],
    *outside: Middleware,
    bearer: Middleware,
    admits: Admission,
    cursor_key: bytes,
) -> web.Application:
    """Return the application below `/scim/v2`; unknown paths need a token too.

    `public_url` is how providers reach this service, `committed` is called after each write,
    what stands `outside` sees each answer as it leaves, `cursor_key` signs cursors.
    """
    app = web.Application(
        middlewares=[
            *outside,
            errors.explain,
            admission.bounded(admits),
            bearer,
            admission.paced(admits),
        ],
        client_max_size=limits.MAX_BODY_BYTES,
    )
    app[admission.ADMISSION] = admits
    app[requests.PUBLIC_URL] = public_url
    table = [
        *resources.of_users(database, committed).routes("/Users"),
        *resources.of_groups(database, committed).routes("/Groups"),
        *bulk.routes(database, committed),
        *Searches(database, cursor_key, "User").routes("/Users"),
        *Searches(database, cursor_key, "Group").routes("/Groups"),
        *Searches(database, cursor_key).routes(""),
        *discovery.routes(),
        *unserved.routes(),
    ]
    # A slash at the end is tolerated.
    app.add_routes(
        web.route(method, f"/{{directory}}{path}{{_:/?}}", handler, expect_handler=_expect)
        for method, path, handler in table
    )
    return app


def other_versions() -> web.Application:
    """Return the application below `/scim`, for addresses of a version that is not spoken here."""
    app = web.Application(middlewares=[errors.explain])
    app.router.add_route("*", "/{version}{_:.*}", _other_version)
    return app


async def _other_version(_request: web.Request) -> web.Response:
    raise InvalidVersion


async def _expect(request: web.Request) -> None:
    """Say go on to who waits for it; other expectations may be ignored (RFC 9110 §10.1.1)."""
    if request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
