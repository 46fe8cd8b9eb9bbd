"""A BulkRequest as typed operations; what is wrong with one of them is its own fault alone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.ingest.scim import etag
from services.ingest.scim.bulk import references
from services.ingest.scim.errors import (
    InvalidSyntax,
    InvalidValue,
    MethodNotAllowed,
    NotFound,
    ScimError,
    TooManyOperations,
)
from services.ingest.scim.etag import Tags

ON_ONE = ("PUT", "PATCH", "DELETE")
"""The methods whose path names one resource; POST names an endpoint."""
_MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, and its place in the request.

    `kind` and `key` say whom the path means, `when` in which versions; `refers_to` holds bulkIds.
    One that cannot be executed has a `fault`, which is its result when its turn comes.
    """

    place: int
    method: str
    path: str
    bulk_id: str | None = None
    kind: str = ""
    key: str | None = None
    when: Tags | None = None
    data: Any = None
    refers_to: frozenset[str] = frozenset()
    fault: ScimError | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """All operations of a request, and after how many errors to stop (None: never)."""

    operations: tuple[Operation, ...]
    fail_on_errors: int | None = None


def job(raw: object, endpoints: Mapping[str, str], max_operations: int) -> Job:
    """Return what a decoded body asks for; `endpoints` maps each ("Users") to its type.

    Raises InvalidSyntax and InvalidValue for the request as a whole, TooManyOperations.
    """
    if not isinstance(raw, dict):
        raise InvalidSyntax("it must be a JSON object with Operations")
    body = {key.lower(): value for key, value in raw.items()}
    listed = body.get("operations")
    if not isinstance(listed, list) or not listed:
        raise InvalidSyntax("Operations must be a list with at least one operation")
    if len(listed) > max_operations:
        raise TooManyOperations(max_operations)
    operations = [_operation(place, each, endpoints) for place, each in enumerate(listed)]
    return Job(_each_bulk_id_once(operations), _limit(body.get("failonerrors")))


def _limit(raw: object) -> int | None:
    is_count = isinstance(raw, int) and not isinstance(raw, bool) and raw > 0
    if raw is not None and not is_count:
        raise InvalidValue("failOnErrors", "it must be a whole number above 0")
    return raw if isinstance(raw, int) else None


def _each_bulk_id_once(operations: list[Operation]) -> tuple[Operation, ...]:
    """Refuse all POSTs of one bulkId: nobody can say which one is referred to."""
    makers = Counter(each.bulk_id for each in operations if each.method == "POST")
    doubled = {bulk_id for bulk_id, uses in makers.items() if bulk_id and uses > 1}
    fault = InvalidValue("bulkId", "several operations of the request have this one")
    return tuple(
        replace(each, fault=fault) if each.method == "POST" and each.bulk_id in doubled else each
        for each in operations
    )


def _operation(place: int, raw: object, endpoints: Mapping[str, str]) -> Operation:
    if not isinstance(raw, dict):
        return Operation(place, "", "", fault=InvalidSyntax("an operation must be a JSON object"))
    body = {key.lower(): value for key, value in raw.items()}
    method, path, bulk_id = (_text(body.get(name)) for name in ("method", "path", "bulkid"))
    sent = Operation(place, method.upper(), path, bulk_id or None, data=body.get("data"))
    try:
        return replace(_addressed(sent, endpoints), when=_version(body.get("version")))
    except ScimError as error:
        return replace(sent, fault=error)


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else ""


def _version(raw: object) -> Tags | None:
    return None if raw is None else etag.parse("version", _text(raw))


def _addressed(sent: Operation, endpoints: Mapping[str, str]) -> Operation:
    """Return the operation with whom it means. Raises what is wrong with method and path."""
    endpoint, _, key = sent.path.strip("/").partition("/")
    kind = endpoints.get(endpoint)
    allowed = ON_ONE if key else ("POST",)
    if not sent.method or not sent.path:
        raise InvalidSyntax("an operation needs a method and a path")
    if kind is None or "/" in key:
        raise NotFound("endpoint", sent.path[:_MAX_SHOWN])
    if sent.method not in allowed:
        raise MethodNotAllowed(sent.method[:_MAX_SHOWN], allowed)
    if sent.method == "POST" and not sent.bulk_id:
        raise InvalidValue("bulkId", "a POST needs one, by which its result is found")
    refers_to = frozenset(references.find([key, sent.data]))
    return replace(sent, kind=kind, key=key or None, refers_to=refers_to)
