"""The contract of an HTTP API as an OpenAPI 3.1 document, made from the table of its endpoints."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, Literal, TypeAlias, get_args, get_origin

from aiohttp import web
from pydantic import TypeAdapter

from shared.contracts.base import Contract
from shared.contracts.management import Problem
from shared.keys import Area
from shared.web import Handler

Document: TypeAlias = dict[str, Any]
Gives: TypeAlias = Mapping[int, Any]
_REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})+))?\}")
_PROMISE = """
Inside `/v1` endpoints, fields and optional parameters are only added; ignore what you do not know.
Errors are problem documents (RFC 9457) whose `detail` says what is wrong and what to do. One of
status 500 is a fault of ours, and its `detail` holds the id to quote.
"""
_ALWAYS = (400, 401, 503)
_WITH_BODY = (408, 413, 415)
_WORDS: Mapping[int, str] = {
    400: "The request is not what this document says, or not HTTP; `detail` says where.",
    401: "The API key is missing or wrong.",
    403: "The API key lacks the scope that `scope` names.",
    404: "What the address or the body names is not there.",
    408: "The body did not arrive in time.",
    409: "What is stored stands against it; `detail` says what, and what to do.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "It can be read and makes no sense; `detail` says why.",
    503: "Busy, or what this service needs is away; nothing was changed. Try again.",
}
_HEADERS: Mapping[int, Document] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    503: {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}},
}


@dataclass(frozen=True, slots=True)
class About:
    """What an API is called, what it is for, and the area that its scopes name."""

    title: str
    words: str
    area: Area


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route and its contract.

    `gives` is the answer by status: a model, `list[model]` for `{"items": […]}`, None for no
    body. `takes` is the body, `asks` the query. `refuses` are the statuses of refusals that do not
    follow from the rest: any may be 400, 401 or 503, a path with a parameter 404, a body 408, 413
    or 415. `details` are those that say more than a problem does, each with its model. `area` is
    given where it is not that of the API; `scope` is what the API makes of it.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: Handler
    gives: Gives
    takes: type[Contract] | None = None
    asks: type[Contract] | None = None
    refuses: tuple[int, ...] = field(default=())
    details: Mapping[int, type[Problem]] = field(default_factory=dict)
    area: Area | None = None
    scope: str | None = None

    @property
    def route(self) -> web.RouteDef:
        """The route as aiohttp takes it; GET serves HEAD too."""
        if self.method == "GET":
            return web.get(self.path, self.handler)
        return web.route(self.method, self.path, self.handler)

    @property
    def address(self) -> str:
        """The path as OpenAPI writes it: parameters without the patterns that aiohttp reads."""
        return _PARAMETER.sub(r"{\1}", self.path)

    @property
    def name(self) -> str:
        """The name of the operation."""
        return str(self.handler.__name__.strip("_"))

    @property
    def refusals(self) -> list[int]:
        """All statuses of problems that it may answer."""
        missing = (404,) if "{" in self.path else ()
        body = _WITH_BODY if self.takes else ()
        scoped = (403,) if self.scope else ()
        return sorted({*_ALWAYS, *scoped, *missing, *body, *self.refuses, *self.details})


def document(about: About, endpoints: Iterable[Endpoint]) -> Document:
    """Return the document of an API below `/v1`."""
    table = list(endpoints)
    schemas, definitions = _schemas(table)
    paths: dict[str, Document] = {}
    for each in table:
        paths.setdefault(each.address, {})[each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": about.title,
            "version": version("rollcall"),
            "description": " ".join(f"{about.words} {_PROMISE}".split()),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/v1"}],
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}},
            "responses": dict(_refusals({code for each in table for code in each.refusals})),
            "schemas": definitions,
        },
    }


_Key: TypeAlias = tuple[str, str, int]
"""Method and path, and a status; 0 stands for the body."""


def _schemas(table: Iterable[Endpoint]) -> tuple[Mapping[_Key, Document], Document]:
    """Return the schema of each body and answer, and the definitions that these refer to."""
    wanted: list[tuple[_Key, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
        (("", "", 0), "serialization", TypeAdapter(Problem))
    ]
    for each in table:
        if each.takes:
            wanted.append(((each.method, each.path, 0), "validation", TypeAdapter(each.takes)))
        wanted += [
            ((each.method, each.path, status), "serialization", TypeAdapter(model))
            for status, model in each.gives.items()
            if model is not None
        ]
        wanted += [
            ((each.method, each.path, status), "serialization", TypeAdapter(model))
            for status, model in each.details.items()
        ]
    found, whole = TypeAdapter.json_schemas(wanted, ref_template=_REFERENCE)
    return {key: schema for (key, _), schema in found.items()}, whole["$defs"]


def _operation(each: Endpoint, schemas: Mapping[_Key, Document]) -> Document:
    told = {str(status): _answer(each, status, schemas) for status in each.gives}
    refused = {str(code): {"$ref": f"#/components/responses/{code}"} for code in each.refusals}
    for code in each.details:
        refused[str(code)] = _refusal(code, schemas[each.method, each.path, code])
    operation = {
        "operationId": each.name,
        "summary": cleandoc(each.handler.__doc__ or "").partition("\n")[0],
        "tags": [each.address.split("/")[1]],
        "security": [{"apiKey": [each.scope] if each.scope else []}],
        "parameters": [*_in_path(each.path), *_in_query(each.asks)],
        "responses": told | refused,
    }
    if each.asks:
        operation["description"] = cleandoc(each.asks.__doc__ or "")
    if each.takes:
        content = {"application/json": {"schema": schemas[each.method, each.path, 0]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _answer(each: Endpoint, status: int, schemas: Mapping[_Key, Document]) -> Document:
    model = each.gives[status]
    words = HTTPStatus(status).phrase
    if model is None:
        return {"description": f"{words}."}
    schema = schemas[each.method, each.path, status]
    listed: Any = get_origin(model)
    if listed is list:
        [item] = get_args(model)
        words = f"{words}: any number of {item.__name__}"
        schema = {"type": "object", "required": ["items"], "properties": {"items": schema}}
    return {"description": f"{words}.", "content": {"application/json": {"schema": schema}}}


def _in_path(path: str) -> Iterator[Document]:
    for name, pattern in _PARAMETER.findall(path):
        schema = {"type": "string", "minLength": 1}
        if pattern:
            schema["pattern"] = f"^{pattern}$"
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(asks: type[Contract] | None) -> Iterator[Document]:
    """Yield the parameters: each a field of the model, which may be left out."""
    whole = asks.model_json_schema(by_alias=True) if asks else {}
    for name, schema in whole.get("properties", {}).items():
        required = name in whole.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": _sent(schema)}


def _sent(schema: Document) -> Document:
    """Return the schema of what may be sent: there is no null in an address."""
    [*variants] = (each for each in schema.get("anyOf", ()) if each != {"type": "null"})
    kept = {name: value for name, value in schema.items() if name not in {"anyOf", "title"}}
    if kept.get("default", ...) is None:
        del kept["default"]
    return kept | (variants[0] if len(variants) == 1 else {"anyOf": variants} if variants else {})


def _refusals(statuses: set[int]) -> Iterator[tuple[str, Document]]:
    for status in sorted(statuses):
        yield str(status), _refusal(status, {"$ref": _REFERENCE.format(model="Problem")})


def _refusal(status: int, schema: Document) -> Document:
    told = {
        "description": f"{HTTPStatus(status).phrase}. {_WORDS[status]}",
        "content": {"application/problem+json": {"schema": schema}},
    }
    headers = _HEADERS.get(status)
    return told | ({"headers": headers} if headers else {})
