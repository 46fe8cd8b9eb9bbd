"""What this service can do, generated from the table so that it cannot lie (RFC 7643 §5 to §7).

Each function returns plain resources; the edge wraps lists, and finds one by its `id`.
"""

from collections.abc import Iterable

from services.ingest.scim import cursor
from services.ingest.scim.schema import Attribute, Document, ResourceType, Schema
from services.ingest.scim.search import DEFAULT_COUNT, MAX_RESULTS

SERVICE_PROVIDER_CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"


MAX_OPERATIONS = 1000
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
"""The bounds of one bulk request."""


def service_provider_config(base_url: str) -> Document:
    """Return the ServiceProviderConfig; `base_url` is that of the directory."""
    return {
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": MAX_OPERATIONS,
            "maxPayloadSize": MAX_PAYLOAD_BYTES,
        },
        "filter": {"supported": True, "maxResults": MAX_RESULTS},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_COUNT,
            "maxPageSize": MAX_RESULTS,
            "cursorTimeout": cursor.TIMEOUT_S,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token of this directory, created in the portal.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": _meta("ServiceProviderConfig", f"{base_url}/ServiceProviderConfig"),
    }


def resource_types(types: Iterable[ResourceType], base_url: str) -> list[Document]:
    """Return the resource types; the `id` of each is its name."""
    return [_resource_type(each, base_url) for each in types]


def schemas(types: Iterable[ResourceType], base_url: str) -> list[Document]:
    """Return every schema in use with the characteristics of its attributes."""
    used = [schema for each in types for schema in (each.schema, *each.extensions)]
    return [
        described(each) | {"meta": _meta("Schema", f"{base_url}/Schemas/{each.id}")}
        for each in used
    ]


def _resource_type(resource_type: ResourceType, base_url: str) -> Document:
    extensions = [{"schema": each.id, "required": False} for each in resource_type.extensions]
    return {
        "schemas": [RESOURCE_TYPE],
        "id": resource_type.name,
        "name": resource_type.name,
        "description": resource_type.description,
        "endpoint": resource_type.endpoint,
        "schema": resource_type.schema.id,
        **({"schemaExtensions": extensions} if extensions else {}),
        "meta": _meta("ResourceType", f"{base_url}/ResourceTypes/{resource_type.name}"),
    }


def described(schema: Schema) -> Document:
    """Return a schema as RFC 7643 §7 writes it, without `meta`; `declaration` reads it back."""
    return {
        "schemas": [SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [_attribute(each) for each in schema.attributes],
    }


def _attribute(attribute: Attribute) -> Document:
    described = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
        "caseExact": attribute.case_exact,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
        "uniqueness": attribute.uniqueness,
    }
    optional = {
        "canonicalValues": list(attribute.canonical_values),
        "referenceTypes": list(attribute.reference_types),
        "subAttributes": [_attribute(each) for each in attribute.sub_attributes],
    }
    return described | {name: value for name, value in optional.items() if value}


def _meta(resource_type: str, location: str) -> Document:
    return {"resourceType": resource_type, "location": location}
