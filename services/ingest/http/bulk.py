"""`POST /Bulk` (RFC 7644 §3.7): the request as operations, their outcomes as results."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from services.ingest.http import admission, answers, errors, requests
from services.ingest.http.auth import ACCESS
from services.ingest.scim import bulk as engine
from services.ingest.scim import discovery, etag, messages
from services.ingest.scim.bulk import Operation
from services.ingest.scim.schema import Document
from services.ingest.usecases import bulk
from services.ingest.usecases.bulk import Outcome
from shared import db
from shared import web as edge

# Below the deadline of a request, so that what was done by then is told.
_WITHIN_S = 20.0
_STATUSES = {"POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}


def routes(
    database: db.Database, committed: Callable[[], None]
) -> list[tuple[str, str, edge.Handler]]:
    """Return method, path and handler of the route; `committed` wakes the relay."""
    return [("POST", "/Bulk", _Bulk(database, committed).perform)]


@dataclass(frozen=True, slots=True)
class _Bulk:
    database: db.Database
    committed: Callable[[], None]

    async def perform(self, request: web.Request) -> web.Response:
        """Answer one result an executed operation, in the order of the request."""
        types = request[ACCESS].types
        raw = await requests.json(requests.with_room(request, discovery.MAX_PAYLOAD_BYTES))
        endpoints = {each.endpoint.strip("/"): name for name, each in types.items()}
        job = engine.job(raw, endpoints, discovery.MAX_OPERATIONS)
        admission.spend_more(request, len(job.operations) - 1)
        try:
            outcomes = await bulk.perform(self.database, requests.act(request), job, _clock())
        finally:
            self.committed()
        results = [_result(request, each) for each in outcomes]
        return answers.document(request, messages.bulk_response(results))


def _clock() -> Callable[[], bool]:
    ends = time.monotonic() + _WITHIN_S
    return lambda: time.monotonic() < ends


def _result(request: web.Request, outcome: Outcome) -> Document:
    operation = outcome.operation
    result: Document = {"method": operation.method, "bulkId": operation.bulk_id}
    result["location"] = _location(request, operation, outcome.key)
    if outcome.resource:
        result["version"] = etag.of(outcome.resource.version)
    result["status"] = str(_STATUSES.get(operation.method))
    if outcome.error and (refusal := errors.refusal(outcome.error)):
        result |= {"status": str(refusal.status), "response": refusal.message}
    return {name: value for name, value in result.items() if value}


def _location(request: web.Request, operation: Operation, key: str | None) -> str | None:
    if key is None or not operation.kind:
        return None
    kind = request[ACCESS].types[operation.kind]
    return messages.location(kind, key, requests.base_url(request))
