"""Operations on a document: which attribute each one means, and whether a client may set it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.ingest.scim import adoption, immutable, limits, normalize
from services.ingest.scim.errors import InvalidSyntax, InvalidValue, Mutability, NoTarget
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
    before = after = adoption.adopted(resource_type, document)
    budget = limits.Budget()
    for operation in operations:
        for path, value in _targets(resource_type, operation):
            budget.spend(_current(after, path), operation, value)
            after = _changed(after, path, CHANGES[operation.op], value)
    # Checked, not filled in: `active` that was removed stays unassigned, and means active.
    normalize.complete(resource_type, after, before)
    return immutable.checked(resource_type, before, after)


def _targets(resource_type: ResourceType, operation: Operation) -> Iterable[tuple[Path | str, Any]]:
    """Return what the operation changes, with the values; a name that no schema has stays text."""
    if operation.path is not None:
        return _named_targets(parse(operation.path, resource_type), operation)
    if operation.op == "remove":
        raise NoTarget("(none given)")
    if not isinstance(operation.value, dict):
        raise InvalidSyntax("an operation without a path needs an object as its value")
    return _keyed_targets(resource_type, operation.value)


def _named_targets(path: Path, operation: Operation) -> Iterable[tuple[Path | str, Any]]:
    """Refuse what only this service sets; a password is taken and not kept, as in POST and PUT."""
    if any(each.mutability == "readOnly" for each in path.chain):
        raise Mutability(str(path))
    if not _is_writable(path):
        return []
    whole = [(path, operation.value)]
    return whole if operation.op == "remove" else _parts(path, operation.value)


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
            yield from _parts(path, value)


def _parts(path: Path, value: Any) -> Iterator[tuple[Path | str, Any]]:
    """Yield what is meant by writing a whole extension: each attribute that the value names.

    So `add` appends to a multi-valued one; names that the extension does not have go together.
    """
    if ":" not in path.attribute.name or not isinstance(value, dict):
        yield path, value
        return
    unknown = {}
    for key, each in value.items():
        sub = path.attribute.sub(key)
        if sub is None:
            unknown[key] = each
        elif _is_writable(part := Path(path.attribute, sub)):
            yield part, each
    if unknown or not value:
        yield path, unknown


def _is_made_up(resource_type: ResourceType, key: str) -> bool:
    """Whether a key is the name of an attribute or an extension that no schema has."""
    if key.lower().startswith("urn:"):
        return not resource_type.knows(key) and not resource_type.knows(key.rpartition(":")[0])
    return resource_type.attribute(key) is None and not any(mark in key for mark in ".[")


def _is_writable(path: Path) -> bool:
    return not any(each.mutability in normalize.DROPPED for each in path.chain)


def _current(document: Document, path: Path | str) -> Any:
    """Return what a change looks at: the elements of a list, else the fields of the document."""
    if isinstance(path, str) or path.extension or not path.attribute.multi_valued:
        return document
    return document.get(path.attribute.name)


def _changed(document: Document, path: Path | str, change: Change, value: Any) -> Document:
    if isinstance(path, str):
        return put(document, path, normalize.unknown(path, value))
    name = path.attribute.name
    if path.extension is None:
        return put(document, name, change(path, _stored(document, path), value))
    urn = path.extension.name
    extension = _object(document.get(urn))
    current = adoption.value(path.attribute, extension.get(name))
    try:
        changed = change(path, current, value)
    except InvalidValue as error:
        named = error.attribute.removeprefix(f"{urn}:")
        raise InvalidValue(f"{urn}:{named}", error.reason) from error
    return put(document, urn, put(extension, name, changed))


def _stored(document: Document, path: Path) -> Any:
    """Return the value at the top of a path; an extension may be older than its schema."""
    value = document.get(path.attribute.name)
    return (_object(value) or None) if ":" in path.attribute.name else value


def _object(value: Any) -> Document:
    return value if isinstance(value, dict) else {}
