"""What is settable once (RFC 7643 §2.2): an immutable value stays as it was first assigned.

Elements of multi-valued attributes come and go as a whole, so only single values, and lists as a
whole, are kept here.
"""

from typing import Any

from services.ingest.scim import adoption
from services.ingest.scim.errors import Mutability
from services.ingest.scim.schema import Attribute, Chain, Document, ResourceType, path_text


def kept(resource_type: ResourceType, before: Document, after: Document) -> Document:
    """Return what a PUT stores: immutable values that it leaves out stay (RFC 7644 §3.5.1).

    Raises Mutability for a different value.
    """
    for chain, old in _set(resource_type, before):
        if _value(after, chain) is None:
            after = _with(after, chain, old)
    return checked(resource_type, before, after)


def checked(resource_type: ResourceType, before: Document, after: Document) -> Document:
    """Return the document after a change. Raises Mutability if an immutable value differs."""
    for chain, old in _set(resource_type, before):
        if not _is_same(chain[-1], old, _value(after, chain)):
            raise Mutability(path_text(chain))
    return after


def _set(resource_type: ResourceType, before: Document) -> list[tuple[Chain, Any]]:
    if not resource_type.immutable:
        return []
    fitting = adoption.fitting(resource_type, before)
    found = [(chain, _value(fitting, chain)) for chain in resource_type.immutable]
    return [(chain, old) for chain, old in found if old is not None]


def _is_same(attribute: Attribute, old: Any, new: Any) -> bool:
    if attribute.multi_valued and isinstance(new, list):
        return sorted(map(repr, old)) == sorted(map(repr, new))
    return bool(old == new)


def _value(document: Document, chain: Chain) -> Any:
    value: Any = document
    for attribute in chain:
        value = value.get(attribute.name) if isinstance(value, dict) else None
    return value


def _with(document: Document, chain: Chain, value: Any) -> Document:
    head, *below = chain
    if below:
        value = _with(document.get(head.name, {}), tuple(below), value)
    return document | {head.name: value}
