"""The messages of the protocol (RFC 7644 §3) and what all resources carry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from services.ingest.scim import etag
from services.ingest.scim.schema import Document, ResourceType

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

_RELATED = {"groups": ("direct", "/Groups"), "members": ("User", "/Users")}

Op = Literal["add", "remove", "replace"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One PATCH operation as sent; `path` is None for the whole resource.

    Without a value (only `remove` may lack it) `value` is None.
    """

    op: Op
    path: str | None = None
    value: Any = None


def list_response(resources: Sequence[Document], total: int, start_index: int) -> Document:
    """Return a ListResponse: one page of resources out of `total`, from the 1-based index on."""
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def bulk_response(results: Sequence[Document]) -> Document:
    """Return a BulkResponse: one result an executed operation (RFC 7644 §3.7)."""
    return {"schemas": [BULK_RESPONSE], "Operations": list(results)}


def cursor_response(resources: Sequence[Document], total: int, next_cursor: str | None) -> Document:
    """Return a ListResponse of a search by cursor; without a next one it is the last page."""
    listed = list_response(resources, total, 1)
    del listed["startIndex"]
    return listed | {"nextCursor": next_cursor} if next_cursor else listed


def error(status: int, scim_type: str | None, detail: str) -> Document:
    """Return an Error; its status is text (RFC 7644 §3.12)."""
    message = {"schemas": [ERROR], "status": str(status), "detail": detail}
    return message | {"scimType": scim_type} if scim_type else message


def meta(
    resource_type: ResourceType,
    resource_id: str,
    base_url: str,
    *,
    created: datetime,
    last_modified: datetime,
    version: int,
) -> Document:
    """Return the `meta` of a stored resource; `base_url` ends before the endpoint."""
    return {
        "resourceType": resource_type.name,
        "created": timestamp(created),
        "lastModified": timestamp(last_modified),
        "location": location(resource_type, resource_id, base_url),
        "version": etag.of(version),
    }


def location(resource_type: ResourceType, resource_id: str, base_url: str) -> str:
    """Return the address of a resource, as in `meta.location` and the Location header."""
    return f"{base_url.rstrip('/')}{resource_type.endpoint}/{resource_id}"


def related(
    resource_type: ResourceType, named: Iterable[Sequence[str]], base_url: str
) -> dict[str, list[Document]]:
    """Return `groups` of a User or `members` of a Group, from ids and names."""
    kind, endpoint = _RELATED[resource_type.apart]
    listed: list[Document] = [
        {"value": key, "$ref": f"{base_url}{endpoint}/{key}", "display": name, "type": kind}
        for key, name in named
    ]
    return {resource_type.apart: listed} if listed else {}


def timestamp(moment: datetime) -> str:
    """Return an aware moment as xsd:dateTime in UTC, to the millisecond."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds')[:-6]}Z"
