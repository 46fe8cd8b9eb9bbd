"""What leaves for a provider: documents as SCIM JSON, resources as their representation."""

from typing import TypeAlias

import orjson
from aiohttp import web

from services.ingest.domain.resources import Resource
from services.ingest.http import media, requests
from services.ingest.http.auth import ACCESS
from services.ingest.scim import etag, messages, projection
from services.ingest.scim.schema import Document
from services.ingest.usecases.reading import Found

Selection: TypeAlias = tuple[projection.Names, projection.Names]
"""What `attributes` and `excludedAttributes` name."""


def document(request: web.Request, content: Document, status: int = 200) -> web.Response:
    """Return an answer that holds a document."""
    return web.Response(
        status=status, body=orjson.dumps(content), content_type=media.chosen(request)
    )


def resource(request: web.Request, found: Found, status: int = 200) -> web.Response:
    """Return an answer that holds one resource, and says where it is and in which version."""
    response = document(request, representation(request, found), status)
    return _marked(request, response, found.resource)


def bare(request: web.Request, current: Resource, status: int) -> web.Response:
    """Return an answer without a body about one resource: 204 for a write, 304 for a GET."""
    return _marked(request, web.Response(status=status), current)


def _marked(request: web.Request, response: web.Response, current: Resource) -> web.Response:
    location = messages.location(current.type, current.id, requests.base_url(request))
    # RFC 7643 §3.1 wants Content-Location to equal meta.location; RFC 7644 shows Location.
    response.headers.update(
        {"Location": location, "Content-Location": location, "ETag": etag.of(current.version)}
    )
    return response


def representation(
    request: web.Request, found: Found, selection: Selection | None = None
) -> Document:
    """Return a resource as the request wants to see it: its query says so, unless its body does."""
    base = requests.base_url(request)
    kind = found.resource.type
    whole = found.resource.representation(base, messages.related(kind, found.related, base))
    if request.method in {"POST", "PUT"} and request[ACCESS].provider == "onelogin":
        whole = projection.for_onelogin(kind, whole)
    return projection.project(kind, whole, *(selection or requests.selection(request)))
