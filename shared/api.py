"""A `/v1` API: a table of endpoints, each a route together with what its callers rely on.

    Endpoint("PUT", "/roles/{key}", self.declare_role, {200: Role, 201: Role}, takes=NewRole)

The application is made of such lines alone, and so is its OpenAPI document (`shared.openapi`),
served at `/v1/openapi.json`: nothing is reachable that the document does not describe.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from aiohttp import web

from shared import db, openapi
from shared import web as edge
from shared.openapi import About, Endpoint

__all__ = ["DOCUMENT", "ENDPOINTS", "About", "Endpoint", "application"]

ENDPOINTS = web.AppKey("endpoints", tuple[Endpoint, ...])
DOCUMENT = web.AppKey("document", dict[str, Any])
_PATH = "/openapi.json"


def application(
    about: About,
    endpoints: Iterable[Endpoint],
    *,
    api_key: str,
    statuses: Mapping[type[Exception], int],
    max_body_bytes: int = 1024**2,
) -> web.Application:
    """Return the application below `/v1`; the table says the status of each error."""
    table = (*endpoints, Endpoint("GET", _PATH, _show, {200: dict[str, Any]}))
    problems = edge.problems(statuses, db.is_transient)
    app = web.Application(middlewares=[problems, edge.api_key(api_key), edge.legible])
    app[edge.MAX_BODY_BYTES] = max_body_bytes
    app[ENDPOINTS] = table
    app[DOCUMENT] = openapi.document(about, table)
    app.add_routes([each.route for each in table])
    return app


async def _show(request: web.Request) -> web.Response:
    """Answer this document."""
    body = orjson.dumps(request.config_dict[DOCUMENT])
    return web.Response(body=body, content_type="application/json")
