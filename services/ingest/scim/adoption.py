"""Documents that are older than a schema: its URN was a made-up name when they were stored.

Stored documents are never rewritten for a declaration. They are read as if they came in now; what
does not fit its declared type stays stored, and is not shown, until the provider writes it anew.
"""

from typing import Any

from services.ingest.scim import normalize
from services.ingest.scim.errors import InvalidValue
from services.ingest.scim.schema import Attribute, Document, ResourceType, is_unassigned

_MISFIT = object()


def adopted(resource_type: ResourceType, document: Document) -> Document:
    """Return a stored document with what was declared since then in canonical form.

    What does not fit stays as it is.
    """
    return _read(resource_type, document, keeps_misfits=True)


def fitting(resource_type: ResourceType, document: Document) -> Document:
    """Return the same without what does not fit."""
    return _read(resource_type, document, keeps_misfits=False)


def value(attribute: Attribute, stored: Any) -> Any:
    """Return the canonical value, None when it is unassigned or does not fit."""
    settled = _settled(attribute, stored)
    return None if settled is _MISFIT else settled


def _read(resource_type: ResourceType, document: Document, *, keeps_misfits: bool) -> Document:
    declared = [key for key in document if key.lower() in resource_type.declared]
    if not declared:
        return document
    read = {key: each for key, each in document.items() if key not in declared}
    for key in declared:
        extension = resource_type.attribute(key)
        if extension is not None:
            inside = _inside(extension, document[key], keeps_misfits=keeps_misfits)
            if not is_unassigned(inside):
                read[extension.name] = inside
    return read


def _inside(extension: Attribute, stored: Any, *, keeps_misfits: bool) -> Any:
    if not isinstance(stored, dict):
        return stored if keeps_misfits else None
    read: Document = {}
    for key, raw in stored.items():
        attribute = extension.sub(key)
        if attribute is None:
            read[key] = raw
        elif attribute.mutability not in normalize.DROPPED:
            settled = _settled(attribute, raw)
            if settled is _MISFIT:
                settled = raw if keeps_misfits else None
            if settled is not None:
                read[attribute.name] = settled
    return read


def _settled(attribute: Attribute, stored: Any) -> Any:
    try:
        return normalize.assigned(attribute, stored)
    except InvalidValue:
        return _MISFIT
