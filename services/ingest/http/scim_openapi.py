"""SCIM as an OpenAPI 3.1 document: paths of RFC 7644, bodies and answers out of the schema table.

Bodies are described as they should be sent. Ingest also takes what providers send instead, and
keeps attributes that no schema lists; what it answers is what stands here.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import TypeAlias

from services.ingest.http.errors import STATUSES
from services.ingest.scim import discovery, messages
from services.ingest.scim.definitions import GROUP, TYPES, USER
from services.ingest.scim.schema import Attribute, Document, ResourceType, Type
from services.ingest.scim.search import MAX_RESULTS

_Operations: TypeAlias = dict[str, dict[str, Document]]
_SEARCH_REQUEST = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
_BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
_MEDIA = ("application/scim+json", "application/json")
_ALWAYS = (400, 401, 429, 503)
_WITH_BODY = (408, 413, 415)
_TEXT: Document = {"type": "string"}
_NUMBER: Document = {"type": "integer"}
_NAMES = "Names of attributes with commas between them, dotted below the first level."
_TYPES: Mapping[Type, Document] = {
    "string": _TEXT,
    "boolean": {"type": "boolean"},
    "decimal": {"type": "number"},
    "integer": _NUMBER,
    "dateTime": {"type": "string", "format": "date-time"},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "reference": _TEXT,
}
_SEARCH: Mapping[str, Document] = {
    "filter": _TEXT | {"description": "A filter of RFC 7644 section 3.4.2.2."},
    "sortBy": _TEXT | {"description": "The path of an attribute."},
    "sortOrder": _TEXT | {"enum": ["ascending", "descending"]},
    "startIndex": _NUMBER | {"description": "1-based; below 1 counts as 1."},
    "count": _NUMBER | {"description": f"At most {MAX_RESULTS} come at once."},
    "cursor": _TEXT | {"description": "Empty for the first page (RFC 9865)."},
}
_SELECTION: Mapping[str, Document] = {
    "attributes": _TEXT | {"description": _NAMES},
    "excludedAttributes": _TEXT | {"description": _NAMES},
}


def document() -> Document:
    """Return the document of the API below `/scim/v2`."""
    paths: _Operations = {}
    for path, operations in _paths():
        paths.setdefault(f"/{{directory}}{path}", {}).update(operations)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rollcall SCIM 2.0",
            "version": version("rollcall"),
            "description": "What identity providers call, for each directory (RFC 7643, 7644).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/scim/v2"}],
        "security": [{"token": []}],
        "paths": {path: paths[path] | {"parameters": _in_path(path)} for path in paths},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {str(status): _refusal(status) for status in sorted(_refused())},
            "schemas": dict(_schemas()),
        },
    }


def _paths() -> Iterator[tuple[str, dict[str, Document]]]:
    for each in (USER, GROUP):
        yield from _of_resource(each)
        yield from _of_search(each.endpoint, f"search{each.name}s", each.name)
    yield from _of_search("", "searchAll", "Resource")
    yield "/Bulk", {"post": _operation("bulk", {200: "BulkResponse"}, takes="BulkRequest")}
    yield (
        "/ServiceProviderConfig",
        {"get": _operation("getServiceProviderConfig", {200: "ServiceProviderConfig"}, (403,))},
    )
    for kind in ("ResourceType", "Schema"):
        listed, one = f"{kind}List", (403, 404)
        yield f"/{kind}s", {"get": _operation(f"list{kind}s", {200: listed}, (403,))}
        yield f"/{kind}s/{{id}}", {"get": _operation(f"get{kind}", {200: kind}, one)}
    yield "/Me", {method: _operation(f"{method}Me", {}, (501,)) for method in _METHODS}


_READ, _WRITE = ("If-Match", "If-None-Match"), ("If-Match",)
_METHODS = ("get", "post", "put", "patch", "delete")


def _of_resource(kind: ResourceType) -> Iterator[tuple[str, dict[str, Document]]]:
    name, body = kind.name, f"{kind.name}Body"
    changed = {200: name, 204: ""}
    yield kind.endpoint, {"post": _operation(f"create{name}", {201: name}, (409,), takes=body)}
    one, stored = f"{kind.endpoint}/{{id}}", (404, 412)
    shown = _operation(f"get{name}", {200: name, 304: ""}, stored, asks=_SELECTION, when=_READ)
    yield one, {"get": shown}
    put = _operation(f"replace{name}", {200: name}, (409, *stored), takes=body, when=_WRITE)
    yield one, {"put": put}
    patch = _operation(f"patch{name}", changed, (409, *stored), takes="PatchOp", when=_WRITE)
    yield one, {"patch": patch}
    yield one, {"delete": _operation(f"delete{name}", {204: ""}, stored, when=_WRITE)}


def _of_search(endpoint: str, name: str, kind: str) -> Iterator[tuple[str, dict[str, Document]]]:
    listed = {200: f"{kind}List"}
    yield endpoint, {"get": _operation(name, listed, asks={**_SEARCH, **_SELECTION})}
    by_body = _operation(f"{name}ByBody", listed, takes="SearchRequest")
    yield f"{endpoint}/.search", {"post": by_body}


def _operation(
    name: str,
    gives: Mapping[int, str],
    refuses: tuple[int, ...] = (),
    *,
    asks: Mapping[str, Document] | None = None,
    takes: str | None = None,
    when: tuple[str, ...] = (),
) -> Document:
    """Return an operation; what it gives and takes are names of schemas, "" for no body.

    `when` are headers that say in which version of the resource it shall happen.
    """
    refused = sorted({*_ALWAYS, *refuses, *(_WITH_BODY if takes else ())})
    asked = asks or (_SELECTION if takes and takes.endswith(("Body", "PatchOp")) else {})
    operation: Document = {
        "operationId": name,
        "parameters": [
            *(_parameter("query", key, schema) for key, schema in asked.items()),
            *(_parameter("header", key, _TEXT) for key in when),
        ],
        "responses": {
            **{str(status): _answer(status, kind) for status, kind in gives.items()},
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in refused},
        },
    }
    if takes:
        operation["requestBody"] = {"required": True, "content": _content(takes)}
    return operation


def _parameter(place: str, name: str, schema: Document) -> Document:
    return {"name": name, "in": place, "required": False, "schema": schema}


def _answer(status: int, kind: str) -> Document:
    answer: Document = {"description": f"{HTTPStatus(status).phrase}."}
    return answer | ({"content": _content(kind)} if kind else {})


def _content(kind: str) -> Document:
    return {media: {"schema": _reference(kind)} for media in _MEDIA}


def _reference(kind: str) -> Document:
    return {"$ref": f"#/components/schemas/{kind}"}


def _in_path(path: str) -> list[Document]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _TEXT | {"minLength": 1}}
        for name in ("directory", "id")
        if f"{{{name}}}" in path
    ]


def _refused() -> set[int]:
    return {status for status, _ in STATUSES.values()}


def _refusal(status: int) -> Document:
    names = sorted({kind for code, kind in STATUSES.values() if code == status and kind})
    told = f" scimType: {', '.join(names)}." if names else ""
    return {
        "description": f"{HTTPStatus(status).phrase}.{told}",
        "content": _content("Error"),
    }


def _schemas() -> Iterator[tuple[str, Document]]:
    for kind in TYPES.values():
        yield kind.name, _resource(kind)
        yield f"{kind.name}Body", _body(kind)
    for name in (*TYPES, "ResourceType", "Schema"):
        yield f"{name}List", _list(_reference(name))
    yield "ResourceList", _list({"anyOf": [_reference(name) for name in TYPES]})
    yield "Error", _error()
    yield "PatchOp", _message(messages.PATCH_OP, {"Operations": _array(_patch_operation())})
    yield "SearchRequest", _search_request()
    bulk = {"failOnErrors": _NUMBER | {"minimum": 1}, "Operations": _array(_bulk_operation())}
    yield "BulkRequest", _message(_BULK_REQUEST, bulk, "Operations")
    results = {"Operations": _array(_bulk_result())}
    yield "BulkResponse", _message(messages.BULK_RESPONSE, results)
    yield from _discovery()


def _discovery() -> Iterator[tuple[str, Document]]:
    some, meta = {"type": "object"}, {"meta": {"type": "object"}}
    kind = dict.fromkeys(("id", "name", "description", "endpoint", "schema"), _TEXT)
    schema = dict.fromkeys(("id", "name", "description"), _TEXT) | {"attributes": _array(some)}
    features = ("patch", "bulk", "filter", "changePassword", "sort", "etag", "pagination")
    offers = dict.fromkeys(features, some) | {"authenticationSchemes": _array(some)}
    yield "ResourceType", _message(discovery.RESOURCE_TYPE, kind | meta, *kind)
    yield "Schema", _message(discovery.SCHEMA, schema | meta, *schema)
    yield (
        "ServiceProviderConfig",
        _message(discovery.SERVICE_PROVIDER_CONFIG, offers | meta, *offers),
    )


def _resource(kind: ResourceType) -> Document:
    """Return the schema of a resource as it is answered; what is never returned is not in it."""
    shown = [each for each in kind.attributes if each.returned != "never"]
    return {
        "type": "object",
        "description": kind.description,
        "required": [each.name for each in shown if each.returned == "always"],
        "properties": {each.name: _value(each, shown=True) for each in shown},
    }


def _body(kind: ResourceType) -> Document:
    """Return the schema of a resource as it is sent."""
    schemas = _array(_TEXT) | {"description": f"{kind.schema.id}, and those of extensions."}
    sent = [each for each in kind.attributes if each.mutability != "readOnly"]
    return {
        "type": "object",
        "required": [each.name for each in sent if each.required],
        "properties": {
            "schemas": schemas,
            **{each.name: _value(each, shown=False) for each in sent},
        },
    }


def _value(attribute: Attribute, *, shown: bool) -> Document:
    one = _parts(attribute, shown=shown) if attribute.sub_attributes else _TYPES[attribute.type]
    if attribute.canonical_values:
        one = one | {"examples": list(attribute.canonical_values)}
    described = {"description": attribute.description} if attribute.description else {}
    return (_array(one) if attribute.multi_valued else one) | described


def _parts(attribute: Attribute, *, shown: bool) -> Document:
    parts = [sub for sub in attribute.sub_attributes if shown or sub.mutability != "readOnly"]
    return {
        "type": "object",
        "properties": {each.name: _value(each, shown=shown) for each in parts},
    }


def _list(item: Document) -> Document:
    page = {
        "totalResults": _NUMBER,
        "startIndex": _NUMBER,
        "itemsPerPage": _NUMBER,
        "nextCursor": _TEXT,
        "Resources": _array(item),
    }
    return _message(messages.LIST_RESPONSE, page, "totalResults", "itemsPerPage", "Resources")


def _error() -> Document:
    kinds = sorted({kind for _, kind in STATUSES.values() if kind})
    parts = {
        "status": _TEXT | {"pattern": "^[45][0-9]{2}$"},
        "scimType": _TEXT | {"enum": kinds},
        "detail": _TEXT,
    }
    return _message(messages.ERROR, parts, "status", "detail")


def _search_request() -> Document:
    names = {name: _array(_TEXT) | {"description": _NAMES} for name in _SELECTION}
    return _message(_SEARCH_REQUEST, {**_SEARCH, **names})


def _patch_operation() -> Document:
    parts = {"op": _TEXT | {"enum": ["add", "remove", "replace"]}, "path": _TEXT, "value": {}}
    return {"type": "object", "required": ["op"], "properties": parts}


def _bulk_operation() -> Document:
    methods = _TEXT | {"enum": ["POST", "PUT", "PATCH", "DELETE"]}
    parts = {
        "method": methods,
        "path": _TEXT,
        "bulkId": _TEXT,
        "version": _TEXT,
        "data": {"type": "object"},
    }
    return {"type": "object", "required": ["method", "path"], "properties": parts}


def _bulk_result() -> Document:
    parts = {
        "method": _TEXT,
        "bulkId": _TEXT,
        "version": _TEXT,
        "location": _TEXT,
        "status": _TEXT,
        "response": _reference("Error"),
    }
    return {"type": "object", "required": ["status"], "properties": parts}


def _message(urn: str, parts: Mapping[str, Document], *required: str) -> Document:
    schemas = _array(_TEXT) | {"contains": {"const": urn}}
    return {
        "type": "object",
        "required": ["schemas", *required],
        "properties": {"schemas": schemas, **parts},
    }


def _array(items: Document) -> Document:
    return {"type": "array", "items": items}
