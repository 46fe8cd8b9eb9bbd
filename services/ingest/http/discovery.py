"""What this service can do (RFC 7644 §4); each list, or the one that the path names."""

from aiohttp import web

from services.ingest.http import answers, requests
from services.ingest.http.auth import ACCESS
from services.ingest.scim import discovery, messages
from services.ingest.scim.errors import NotFound, UnfilteredDiscovery
from services.ingest.scim.schema import Document
from shared import web as edge

_MAX_SHOWN = 200


def routes() -> list[tuple[str, str, edge.Handler]]:
    """Return method, path and handler of all routes."""
    table = {
        "/ServiceProviderConfig": service_provider_config,
        "/ResourceTypes": resource_types,
        "/ResourceTypes/{id}": resource_types,
        "/Schemas": schemas,
        "/Schemas/{id}": schemas,
    }
    return [("GET", path, _unfiltered(handler)) for path, handler in table.items()]


def _unfiltered(handler: edge.Handler) -> edge.Handler:
    """Return the handler for requests without a filter: who sends one must not think it holds."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if "filter" in request.query:
            raise UnfilteredDiscovery
        return await handler(request)

    return answer


async def service_provider_config(request: web.Request) -> web.Response:
    """Answer GET /ServiceProviderConfig."""
    return answers.document(request, discovery.service_provider_config(requests.base_url(request)))


async def resource_types(request: web.Request) -> web.Response:
    """Answer GET /ResourceTypes, or one of them."""
    types = request[ACCESS].types.values()
    return _found(
        request, "ResourceType", discovery.resource_types(types, requests.base_url(request))
    )


async def schemas(request: web.Request) -> web.Response:
    """Answer GET /Schemas, or one of them."""
    types = request[ACCESS].types.values()
    return _found(request, "Schema", discovery.schemas(types, requests.base_url(request)))


def _found(request: web.Request, kind: str, listed: list[Document]) -> web.Response:
    if "id" not in request.match_info:
        return answers.document(request, messages.list_response(listed, len(listed), 1))
    wanted = request.match_info["id"]
    for each in listed:
        if wanted.lower() in {str(each.get("id", "")).lower(), str(each["name"]).lower()}:
            return answers.document(request, each)
    raise NotFound(kind, wanted[:_MAX_SHOWN])
