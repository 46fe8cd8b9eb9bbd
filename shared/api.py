"""A `/v1` API: a table of endpoints, each a route together with what its callers rely on.

    Endpoint("PUT", "/roles/{key}", self.declare_role, {200: Role, 201: Role}, takes=NewRole)

The application is made of such lines alone, and so is its OpenAPI document (`shared.openapi`),
served at `/v1/openapi.json`: nothing is reachable that the document does not describe.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, TypeAlias

import orjson
from aiohttp import web

from shared import db, openapi
from shared import web as edge
from shared.contracts.ids import is_id
from shared.keys import Keys
from shared.openapi import About, Endpoint

__all__ = ["DOCUMENT", "ENDPOINTS", "RECORD", "About", "Endpoint", "application"]

ENDPOINTS = web.AppKey("endpoints", tuple[Endpoint, ...])
DOCUMENT = web.AppKey("document", dict[str, Any])
Record: TypeAlias = Callable[[str, Mapping[str, object]], Awaitable[None]]
RECORD: web.AppKey[Record] = web.AppKey("record")
"""Records who makes a call that may change something, and what it is about; a service sets it."""
_PATH = "/openapi.json"


class MissingScopeError(Exception):
    """The API key does not open this."""

    def __init__(self, caller: str, scope: str) -> None:
        super().__init__(
            f"The key {caller} lacks the scope {scope}; add it to the file of keys, or call with "
            "another key."
        )
        self.extensions = {"scope": scope}


def application(
    about: About,
    endpoints: Iterable[Endpoint],
    *,
    keys: Keys,
    statuses: Mapping[type[Exception], int],
    max_body_bytes: int = 1024**2,
) -> web.Application:
    """Return the application below `/v1`; the table says the status of each error.

    Each endpoint wants the scope of its area, but the document: that any key opens. What may change
    something is recorded before it is done.
    """
    shown = Endpoint("GET", _PATH, _show, {200: dict[str, Any]})
    table = (*(_guarded(each, about) for each in endpoints), shown)
    problems = edge.problems({**statuses, MissingScopeError: 403}, db.is_transient)
    app = web.Application(middlewares=[problems, edge.api_key(keys), edge.legible])
    app[edge.MAX_BODY_BYTES] = max_body_bytes
    app[ENDPOINTS] = table
    app[DOCUMENT] = openapi.document(about, table)
    app.add_routes([each.route for each in table])
    return app


def _guarded(each: Endpoint, about: About) -> Endpoint:
    """Return the endpoint, opened by the scope that it wants, and recorded if it writes."""
    right = "read" if each.method == "GET" else "write"
    scope, handler = f"{each.area or about.area}:{right}", each.handler

    @wraps(handler)
    async def guarded(request: web.Request) -> web.StreamResponse:
        caller = request[edge.CALLER]
        if scope not in caller.scopes:
            raise MissingScopeError(caller.name, scope)
        if right == "write" and (record := request.config_dict.get(RECORD)):
            await record(caller.name, {"call": f"{each.method} {each.address}", **_named(request)})
        return await handler(request)

    return replace(each, handler=guarded, scope=scope)


def _named(request: web.Request) -> dict[str, object]:
    """Return what a call is about, by ids and keys: a record outlives the person of a userName."""
    named = {key: text for key, text in request.match_info.items() if key != "user" or is_id(text)}
    return {"named": named, "request": request[edge.REQUEST_ID]}


async def _show(request: web.Request) -> web.Response:
    """Answer this document."""
    body = orjson.dumps(request.config_dict[DOCUMENT])
    return web.Response(body=body, content_type="application/json")
