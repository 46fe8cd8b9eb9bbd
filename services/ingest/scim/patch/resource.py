"""Operations on a document: which attribute each one means, and whether a client may set it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.ingest.scim import normalize
from services.ingest.scim.errors import InvalidSyntax, Mutability, NoTarget
from services.ingest.scim.messages import Operation
from services.ingest.scim.patch.attributes import CHANGES, Change, put
from services.ingest.scim.path import Path, parse
from services.ingest.scim.schema import Document, ResourceType


def apply(
    resource_type: ResourceType, document: Document, operations: Iterable[Operation]
) -> Document:
    """Return the document after all operations, in order; the given one stays as it is.

    Raises InvalidPath, InvalidFilter, NoTarget, Mutability, InvalidValue, InvalidSyntax.
    """
    for operation in operations:
        for path, value in _targets(resource_type, operation):
            document = _changed(document, path, CHANGES[operation.op], value)
    return normalize.complete(resource_type, document)


def _targets(resource_type: ResourceType, operation: Operation) -> Iterable[tuple[Path | str, Any]]:
    """Return what the operation changes, with the values; a name that no schema has stays text."""
    if operation.path is not None:
        path = parse(operation.path, resource_type)
        if not _is_writable(path):
            raise Mutability(str(path))
        return [(path, operation.value)]
    if operation.op == "remove":
        raise NoTarget("(none given)")
    if not isinstance(operation.value, dict):
        raise InvalidSyntax("an operation without a path needs an object as its value")
    return _keyed_targets(resource_type, operation.value)


def _keyed_targets(
    resource_type: ResourceType, values: Mapping[str, Any]
) -> Iterator[tuple[Path | str, Any]]:
    """Read each key as a path: Entra's are dotted, or full URNs.

    What a client cannot set is passed over, as in a PUT: Okta repeats id, authentik schemas.
    """
    for key, value in values.items():
        if _is_made_up(resource_type, key):
            yield key, value
        elif _is_writable(path := parse(key, resource_type)):
            yield path, value


def _is_made_up(resource_type: ResourceType, key: str) -> bool:
    """Whether a key is the name of an attribute or an extension that no schema has."""
    if key.lower().startswith("urn:"):
        return not resource_type.knows(key) and not resource_type.knows(key.rpartition(":")[0])
    return resource_type.attribute(key) is None and not any(mark in key for mark in ".[")


def _is_writable(path: Path) -> bool:
    return not any(each.mutability in normalize.DROPPED for each in path.chain)


def _changed(document: Document, path: Path | str, change: Change, value: Any) -> Document:
    if isinstance(path, str):
        return put(document, path, normalize.unknown(path, value))
    name = path.attribute.name
    if path.extension is None:
        return put(document, name, change(path, document.get(name), value))
    extension = document.get(path.extension.name, {})
    inner = put(extension, name, change(path, extension.get(name), value))
    return put(document, path.extension.name, inner)
