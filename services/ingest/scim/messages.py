"""The messages of the protocol (RFC 7644 §3.4.2, §3.5.2, §3.12) and what all resources carry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from services.ingest.scim.schema import Document, ResourceType

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

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
) -> Document:
    """Return the `meta` of a stored resource; `base_url` ends before the endpoint.

    Without `version`: entity tags are not offered yet.
    """
    return {
        "resourceType": resource_type.name,
        "created": timestamp(created),
        "lastModified": timestamp(last_modified),
        "location": location(resource_type, resource_id, base_url),
    }


def location(resource_type: ResourceType, resource_id: str, base_url: str) -> str:
    """Return the address of a resource, as in `meta.location` and the Location header."""
    return f"{base_url.rstrip('/')}{resource_type.endpoint}/{resource_id}"


def timestamp(moment: datetime) -> str:
    """Return an aware moment as xsd:dateTime in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
