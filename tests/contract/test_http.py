"""What the HTTP APIs promise: each route has its contract, and the documents say what is so."""

import inspect
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from openapi_spec_validator import validate

from services.ingest.http import scim, scim_openapi
from shared import api
from shared.api import Endpoint
from tests.contract import promises
from tests.contract.http import FOLDER, applications, documents
from tests.contract.published import text

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
APIS = applications()
_READS = re.compile(r"edge\.(body|query)\(\s*request,\s*(?:\w+\.)?(\w+)")
_ANY_INPUT = re.compile(r"request\.(query|json|post|read|text)\b")


EVERY = [
    pytest.param(endpoint, id=f"{name} {endpoint.method} {endpoint.address}")
    for name, app in APIS.items()
    for endpoint in app[api.ENDPOINTS]
]


def test_the_documents_are_those_of_the_code() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}

    made = {name: text(document) for name, document in documents().items()}
    assert written == made, "run `make generate`"


@pytest.mark.parametrize("name", sorted(documents()))
def test_the_public_validator_accepts_the_document(name: str) -> None:
    validate(documents()[name])


@pytest.mark.parametrize("name", sorted(APIS))
def test_each_operation_keeps_what_it_promised_first(name: str) -> None:
    first, now = promises.kept()[name], promises.of(APIS[name][api.DOCUMENT])

    assert now.keys() - first.keys() == set(), "run `make generate`"
    assert first.keys() - now.keys() == set(), "what was published stays"
    assert {each: [*promises.broken(first[each], now[each])] for each in first} == {
        each: [] for each in first
    }


def changed(operation: str, change: Callable[[dict[str, Any]], object]) -> list[str]:
    """Return what a change of the promise of an operation of roles would break."""
    first = promises.of(APIS["roles"][api.DOCUMENT])[operation]
    after = deepcopy(first)
    change(after)
    return [*promises.broken(first, after)]


SAVE = "PUT /directories/{id}/mapping"
PREVIEW = "POST /directories/{id}/mapping/preview"


@pytest.mark.parametrize(
    ("operation", "change", "words"),
    [
        (SAVE, lambda it: it["answers"].pop("200"), ["200 is gone"]),
        (SAVE, lambda it: it["answers"]["200"]["properties"].pop("rows"), ["200/rows is gone"]),
        (
            SAVE,
            lambda it: it["answers"]["200"]["required"].remove("rows"),
            ["200/rows may be missing now"],
        ),
        (
            SAVE,
            lambda it: it["answers"]["200"]["properties"]["version"].update(type="string"),
            ["200/version has another type"],
        ),
        (SAVE, lambda it: it["body"]["required"].append("actor"), ["body/actor must be there now"]),
        (SAVE, lambda it: it["body"]["properties"].pop("effect"), ["body/effect is gone"]),
        (
            SAVE,
            lambda it: it["body"]["properties"]["rows"].update(maxItems=10),
            ["body/rows is narrower than it was"],
        ),
        (PREVIEW, lambda it: it["parameters"].pop("query users"), ["query users is gone"]),
        (
            PREVIEW,
            lambda it: it["parameters"]["query users"].update(required=True),
            ["query users must be there now"],
        ),
        (
            PREVIEW,
            lambda it: it["parameters"]["query users"]["schema"].update(maximum=10),
            ["query users is narrower than it was"],
        ),
        (SAVE, lambda it: it["answers"]["200"]["required"].append("effect"), []),
        (SAVE, lambda it: it["body"]["properties"].update(note={"type": "string"}), []),
        (
            PREVIEW,
            lambda it: it["parameters"].update({"query more": {"required": False, "schema": {}}}),
            [],
        ),
    ],
)
def test_a_change_that_would_break_a_caller_is_noticed(
    operation: str, change: Callable[[dict[str, Any]], object], words: list[str]
) -> None:
    assert changed(operation, change) == words


@pytest.mark.parametrize("name", sorted(APIS))
def test_every_route_is_in_the_document_and_nothing_else(name: str) -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in APIS[name].router.routes()
        if route.method != "HEAD"
    }

    promised = {
        (method.upper(), path)
        for path, operations in APIS[name][api.DOCUMENT]["paths"].items()
        for method in operations
    }
    assert {(method, path.partition("/v1")[2] or path) for method, path in served} == promised


def test_every_route_of_scim_is_in_its_document_and_nothing_else() -> None:
    gateway = scim.application(None, "", list, bearer=None, admits=None, cursor_key=b"")
    served = {
        (method, route.resource.canonical.removesuffix("{_}"))
        for route in gateway.router.routes()
        for method in (METHODS if route.method == "*" else METHODS & {route.method})
    }

    promised = {
        (method.upper(), path)
        for path, operations in scim_openapi.document()["paths"].items()
        for method in operations.keys() - {"parameters"}
    }
    assert served == promised


@pytest.mark.parametrize("endpoint", EVERY)
def test_a_handler_reads_the_body_and_the_query_that_its_endpoint_declares(
    endpoint: Endpoint,
) -> None:
    source = inspect.getsource(endpoint.handler)

    declared = {"body": endpoint.takes, "query": endpoint.asks}
    assert dict(_READS.findall(source)) == {
        part: model.__name__ for part, model in declared.items() if model
    }
    assert not _ANY_INPUT.search(source), "read it with edge.body or edge.query"


@pytest.mark.parametrize("endpoint", EVERY)
def test_an_endpoint_says_in_a_sentence_what_it_answers(endpoint: Endpoint) -> None:
    assert (endpoint.handler.__doc__ or "").startswith("Answer")
    assert endpoint.gives
