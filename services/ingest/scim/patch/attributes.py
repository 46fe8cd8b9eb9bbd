"""Add, replace and remove on the value of one attribute (RFC 7644 §3.5.2.1 to §3.5.2.3).

A change is a function of the path, the current value and the operation's value; None stands for
unassigned. Multi-valued attributes hold elements, and a filter in the path selects among them.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from services.ingest.scim import filter as filters
from services.ingest.scim import normalize
from services.ingest.scim.errors import InvalidValue, NoTarget
from services.ingest.scim.filter import And, Comparison, Filter
from services.ingest.scim.folding import folded
from services.ingest.scim.path import Path
from services.ingest.scim.schema import Attribute, Document, is_unassigned, path_text

Change: TypeAlias = Callable[[Path, Any, Any], Any]
_Write: TypeAlias = Callable[[Path, Document, Any], Document]


def put(fields: Document, name: str, value: Any) -> Document:
    """Return the fields with one set, or without it when the value is unassigned."""
    if is_unassigned(value):
        return {key: each for key, each in fields.items() if key != name}
    return fields | {name: value}


def _add(path: Path, current: Any, value: Any) -> Any:
    if is_unassigned(value):
        return current
    if path.is_list:
        return _joined(current or [], normalize.assigned(path.attribute, value) or [])
    return _written(path, current, value, _merged)


def _replace(path: Path, current: Any, value: Any) -> Any:
    if is_unassigned(value):
        return _remove(path, current, None)
    if path.is_list:
        return normalize.assigned(path.attribute, value)
    return _written(path, current, value, _exchanged)


def _remove(path: Path, current: Any, value: Any) -> Any:
    if current is None:
        return None
    if not path.attribute.multi_valued:
        return put(current, path.sub.name, None) if path.sub else None
    if path.sub:
        return _without_sub(path, path.sub, current)
    if path.is_list and value is not None:
        # OneLogin and Entra list in the value what to remove; by the RFC all would go.
        unwanted = normalize.assigned(path.attribute, value) or []
        return [each for each in current if not any(_names(path, one, each) for one in unwanted)]
    return [each for each in current if not _is_selected(path, each)]


CHANGES: Mapping[str, Change] = {"add": _add, "replace": _replace, "remove": _remove}


def _written(path: Path, current: Any, value: Any, write: _Write) -> Any:
    """Write a single value, or into each selected element of a multi-valued attribute."""
    if path.attribute.multi_valued:
        return _written_selected(path, current or [], value, write)
    if path.attribute.type == "complex":
        return _merged(path, current or {}, value)
    return normalize.assigned(path.attribute, value)


def _written_selected(path: Path, elements: list[Document], value: Any, write: _Write) -> Any:
    selected = [_is_selected(path, each) for each in elements]
    if not any(selected):
        return _joined(elements, [_created(path, value, write)])
    written = [
        write(path, each, value) if chosen else each
        for each, chosen in zip(elements, selected, strict=True)
    ]
    return _settled(written, selected)


def _created(path: Path, value: Any, write: _Write) -> Document:
    """Return the element that the filter describes, with the value in it.

    Entra writes emails[type eq "work"].value before there is one and expects it to appear. To
    replace whole elements there must be some (RFC 7644 §3.5.2.3).
    """
    if write is _exchanged and path.sub is None:
        raise NoTarget(str(path))
    element = _merged(path, _described(path), value)
    if not normalize.says_something(element):
        raise NoTarget(str(path))
    return element


def _described(path: Path) -> Document:
    """Return the labels that a filter of equalities gives; raise NoTarget for others.

    A filter by value asks for one element that the client believes to be there.
    """
    terms: tuple[Filter | None, ...] = (path.filter,)
    if isinstance(path.filter, And):
        terms = path.filter.terms
    element: Document = {}
    for term in terms:
        match term:
            case None:
                pass
            case Comparison(name, "eq", value) if name in normalize.LABELS:
                sub = path.attribute.sub(name)
                element = put(element, name, _assigned(path, sub, value) if sub else value)
            case _:
                raise NoTarget(str(path))
    return element


def _merged(path: Path, current: Document, value: Any) -> Document:
    """Return a complex value with its sub-attribute set, or with those that the value names."""
    if path.sub:
        return put(current, path.sub.name, _assigned(path, path.sub, value))
    named = value if isinstance(value, dict) else normalize.one(path.attribute, value) or {}
    for key, each in named.items():
        sub = path.attribute.sub(key)
        if sub is None:
            current = put(current, key, normalize.unknown(key, each))
        elif sub.mutability not in normalize.DROPPED:
            current = put(current, sub.name, _assigned(path, sub, each))
    return current


def _exchanged(path: Path, current: Document, value: Any) -> Document:
    """Return what an element becomes by its replacement: only a sub-attribute keeps the rest."""
    if path.sub:
        return _merged(path, current, value)
    return normalize.one(path.attribute, value) or {}


def _assigned(path: Path, sub: Attribute, value: Any) -> Any:
    try:
        return normalize.assigned(sub, value)
    except InvalidValue as error:
        chain = path.chain if path.sub else (*path.chain, sub)
        below = error.attribute.removeprefix(sub.name)
        raise InvalidValue(f"{path_text(chain)}{below}", error.reason) from error


def _without_sub(path: Path, sub: Attribute, elements: list[Document]) -> list[Document]:
    selected = [_is_selected(path, each) for each in elements]
    return normalize.distinct(
        put(each, sub.name, None) if chosen else each
        for each, chosen in zip(elements, selected, strict=True)
    )


def _is_selected(path: Path, element: Document) -> bool:
    return path.filter is None or filters.selects(path.filter, element, path.attribute)


def _names(path: Path, one: Any, element: Any) -> bool:
    """Whether an element of a `remove` means this one: by value, and type if it says so."""
    if not isinstance(one, dict):
        return _alike(path.attribute, one, element)
    keys = {"value", "type"} & one.keys() if "value" in one else one.keys()
    return all(_alike(path.attribute.sub(key), one[key], element.get(key)) for key in keys)


def _alike(sub: Attribute | None, one: Any, other: Any) -> bool:
    """Whether two values are equal as a filter compares them (RFC 7643 §2.2, caseExact)."""
    if sub is None or sub.case_exact or not isinstance(one, str) or not isinstance(other, str):
        return bool(one == other)
    return folded(one) == folded(other)


def _joined(elements: list[Any], new: list[Any]) -> list[Any]:
    """Return the elements and the new ones; one that is there already is only completed."""
    if not all(isinstance(each, dict) for each in (*elements, *new)):
        return list(dict.fromkeys([*elements, *new]))
    joined = {normalize.identity(each): each for each in elements}
    written = {normalize.identity(each) for each in new}
    for each in new:
        key = normalize.identity(each)
        joined[key] = joined.get(key, {}) | each
    return _settled(list(joined.values()), [key in written for key in joined])


def _settled(elements: list[Document], written: list[bool]) -> list[Document]:
    """Return canonical elements; a primary that was written unsets the one before it."""
    pairs = list(zip(elements, written, strict=True))
    is_moved = any(new and each.get("primary") for each, new in pairs)
    return normalize.distinct(
        each | {"primary": False} if is_moved and not new and each.get("primary") else each
        for each, new in pairs
    )
