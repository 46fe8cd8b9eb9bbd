"""Schemas that a directory declares: the JSON of /Schemas (RFC 7643 §7) → values.

The other way is `discovery.described`; together they lose nothing. What may be declared is
checked where the JSON comes in (shared/contracts/schemas.py), except for what only the table
knows: which names are taken.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from services.ingest.scim.definitions import TYPES, Types
from services.ingest.scim.schema import Attribute, ResourceType, Schema

# These belong to the RFCs; urn:ietf:params:scim:schemas:extension: is what all makes use.
_RESERVED = (
    "urn:ietf:params:scim:schemas:core:",
    "urn:ietf:params:scim:api:",
    "urn:scim:schemas:core:",
)
# Texts, not directories: directories that declare the same share one value, and so do all tokens.
_REMEMBERED = 256
# These compare to the letter, whatever a declaration says (RFC 7643 §2.3.6, §2.3.7).
_EXACT = frozenset({"binary", "reference"})


def schema(described: Mapping[str, Any]) -> Schema:
    """Return the schema that the JSON describes; it has passed the contract."""
    return Schema(
        described["id"],
        described["name"],
        described.get("description", ""),
        tuple(_attribute(each) for each in described["attributes"]),
        is_declared=True,
    )


def _attribute(described: Mapping[str, Any]) -> Attribute:
    kind = described["type"]
    return Attribute(
        described["name"],
        described["description"],
        type=kind,
        multi_valued=described["multiValued"],
        required=described["required"],
        case_exact=described["caseExact"] or kind in _EXACT,
        mutability=described["mutability"],
        returned=described["returned"],
        uniqueness=described["uniqueness"],
        canonical_values=tuple(described.get("canonicalValues", ())),
        reference_types=tuple(described.get("referenceTypes", ())),
        sub_attributes=tuple(_attribute(each) for each in described.get("subAttributes", ())),
    )


@lru_cache(maxsize=_REMEMBERED)
def types(declared: str) -> Types:
    """Return the resource types of a directory.

    `declared` is a JSON list of {"resourceType": name, "schema": JSON of the schema}.
    """
    listed = json.loads(declared)
    return {
        name: extended(
            kind, [schema(each["schema"]) for each in listed if each["resourceType"] == name]
        )
        for name, kind in TYPES.items()
    }


def extended(resource_type: ResourceType, schemas: Iterable[Schema]) -> ResourceType:
    """Return the resource type with more extensions."""
    return replace(resource_type, extensions=(*resource_type.extensions, *schemas))


def clash(wanted: Schema, others: Types) -> str | None:
    """Say what of a schema is taken by a core schema or the directory's other ones, or None."""
    urn = wanted.id.lower()
    if urn.startswith(_RESERVED):
        return f"the URN {wanted.id} belongs to the core of SCIM"
    taken = [used for kind in others.values() for used in (kind.schema, *kind.extensions)]
    if any(kind.knows(urn) or kind.resolve(urn) for kind in others.values()):
        return f"the URN {wanted.id} is taken"
    if any(wanted.name.lower() == each.name.lower() for each in taken):
        return f"the name {wanted.name} is taken by another schema"
    # A path is split at its last colon, so one URN may not read as an attribute of another.
    paths = {f"{urn}:{each.name}".lower() for each in wanted.attributes}
    if any(each.id.lower() in paths for each in taken):
        return f"an attribute of {wanted.id} reads like the URN of another schema"
    return None
