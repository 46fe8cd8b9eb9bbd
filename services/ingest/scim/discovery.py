"""What this service can do, generated from the table so that it cannot lie (RFC 7643 §5 to §7).

Each function returns plain resources; the edge wraps lists, and finds one by its `id`.
"""

from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.schema import Attribute, Document, ResourceType, Schema

SERVICE_PROVIDER_CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"

RESOURCE_TYPES = (USER, GROUP)
MAX_RESULTS = 200
"""The largest page; a list never holds more, whatever `count` asks for."""


def service_provider_config(base_url: str) -> Document:
    """Return the ServiceProviderConfig; `base_url` is that of the directory."""
    return {
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MAX_RESULTS},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": False},
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


def resource_types(base_url: str) -> list[Document]:
    """Return the resource types; the `id` of each is its name."""
    return [_resource_type(each, base_url) for each in RESOURCE_TYPES]


def schemas(base_url: str) -> list[Document]:
    """Return every schema in use with the characteristics of its attributes."""
    used = [schema for each in RESOURCE_TYPES for schema in (each.schema, *each.extensions)]
    return [_schema(schema, base_url) for schema in used]


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


def _schema(schema: Schema, base_url: str) -> Document:
    return {
        "schemas": [SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [_attribute(each) for each in schema.attributes],
        "meta": _meta("Schema", f"{base_url}/Schemas/{schema.id}"),
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
