"""Filters (RFC 7644 §3.4.2.2): text to tree and back, checked against the table, evaluated.

A tree knows no resource type until `resolve` has checked it; only resolved trees go on to SQL.
"""

from services.ingest.scim.filter.evaluation import (
    matches,
    resolve,
    resolve_within,
    selects,
)
from services.ingest.scim.filter.parser import MAX_BYTES, MAX_DEPTH, parse
from services.ingest.scim.filter.tree import (
    NEVER,
    And,
    Comparison,
    Filter,
    Literal,
    Not,
    Operator,
    Or,
    Present,
    ValuePath,
    render,
)

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "NEVER",
    "And",
    "Comparison",
    "Filter",
    "Literal",
    "Not",
    "Operator",
    "Or",
    "Present",
    "ValuePath",
    "matches",
    "parse",
    "render",
    "resolve",
    "resolve_within",
    "selects",
]
