"""Lenient in: what providers send becomes the canonical document, or an error that says why not.

Canonical: names as RFC 7643 writes them, values of the right JSON type, nothing unassigned,
nothing that a client may not set. Other names for an attribute stand in the table (definitions);
how shapes and values differ from the RFC stands here, each quirk with its source.
"""

from services.ingest.scim.normalize.operations import operations
from services.ingest.scim.normalize.resources import complete, group, resource
from services.ingest.scim.normalize.values import (
    DROPPED,
    LABELS,
    assigned,
    distinct,
    identity,
    member_ids,
    one,
    says_something,
    unknown,
)

__all__ = [
    "DROPPED",
    "LABELS",
    "assigned",
    "complete",
    "distinct",
    "group",
    "identity",
    "member_ids",
    "one",
    "operations",
    "resource",
    "says_something",
    "unknown",
]
