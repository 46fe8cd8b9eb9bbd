"""The value of an attribute in its canonical form, by the type that the table gives it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.ingest.scim import limits
from services.ingest.scim.definitions import MEMBERS
from services.ingest.scim.errors import InvalidValue
from services.ingest.scim.normalize import scalars
from services.ingest.scim.schema import Attribute, Document, is_unassigned

Find = Callable[[str], Attribute | None]

# readOnly is ignored in POST and PUT (RFC 7644 §3.3); OneLogin templates hold "id": null, Okta
# echoes id, meta and groups. writeOnly is the password alone, which Rollcall never keeps.
DROPPED = frozenset({"readOnly", "writeOnly"})

_MAX_DEPTH = 20
LABELS = frozenset({"type", "primary"})
"""Sub-attributes that tell elements apart and say nothing by themselves."""


def fields(find: Find, raw: Mapping[str, Any]) -> Document:
    """Return the assigned fields of an object under canonical names, looked up with `find`."""
    limits.check_fields("the request", raw)
    canonical: Document = {}
    for key, value in raw.items():
        attribute = find(key)
        if attribute is None:
            name, settled = key, unknown(key, value)
        elif attribute.mutability in DROPPED:
            continue
        else:
            name, settled = attribute.name, assigned(attribute, value)
        if settled is not None:
            canonical[name] = settled
    return canonical


def assigned(attribute: Attribute, raw: object) -> Any:
    """Return the canonical value of an attribute, None when it is unassigned.

    Raises InvalidValue.
    """
    if not attribute.multi_valued:
        return one(attribute, raw)
    return None if is_unassigned(raw) else _many(attribute, raw)


def one(attribute: Attribute, raw: object) -> Any:
    """Return one canonical value (of several, if multi-valued), None when it is unassigned."""
    if isinstance(raw, list):
        raw = _unwrapped(attribute, raw)
    return None if is_unassigned(raw) else _BY_TYPE[attribute.type](attribute, raw)


def _unwrapped(attribute: Attribute, raw: list[Any]) -> object:
    # Azure AD's older sync writes a single value as [{"$ref": null, "value": "Mira"}]:
    # github.com/Azure/AzureAD-BYOA-Provisioning-Samples/issues/22.
    match raw:
        case [{"value": value, **rest} as inner] if rest.keys() <= {"$ref"}:
            return inner if attribute.type == "complex" else value
        case _:
            return raw


def unknown(name: str, raw: object) -> Any:
    """Return a value that no schema describes as it came, None when it is unassigned.

    OneLogin templates hold attributes that administrators made up ("user_mobile").
    """
    _check_kept(name, name, _MAX_DEPTH)
    _check_kept(name, raw, _MAX_DEPTH)
    return None if is_unassigned(raw) else raw


def _check_kept(name: str, raw: object, depth: int) -> None:
    """Refuse what could not be stored or walked."""
    if depth == 0:
        raise InvalidValue(name, f"it is nested more than {_MAX_DEPTH} deep")
    match raw:
        case str():
            scalars.text(name, raw)
        case list():
            for element in raw:
                _check_kept(name, element, depth - 1)
        case dict():
            for key, value in raw.items():
                scalars.text(name, key)
                _check_kept(name, value, depth - 1)


def _complex(attribute: Attribute, raw: object) -> Document | None:
    """Return the sub-attributes; a bare value is meant as `value` (manager: "1187")."""
    if not isinstance(raw, dict):
        if isinstance(raw, list) or ":" in attribute.name or attribute.sub("value") is None:
            raise InvalidValue(attribute.name, "it must be an object")
        raw = {"value": raw}
    try:
        return fields(attribute.sub, raw) or None
    except InvalidValue as error:
        mark = ":" if ":" in attribute.name else "."  # a URN, or the name of a complex attribute
        raise InvalidValue(f"{attribute.name}{mark}{error.attribute}", error.reason) from error


_BY_TYPE: Mapping[str, Callable[[Attribute, object], Any]] = {
    **scalars.BY_TYPE,
    "complex": _complex,
}


def _many(attribute: Attribute, raw: object) -> list[Any] | None:
    # OneLogin's stock template has `emails` as one object, not a list of one.
    elements = raw if isinstance(raw, list) else [raw]
    limits.check_fields(attribute.name, elements)
    values = [value for each in elements if (value := one(attribute, each)) is not None]
    unique = distinct(values) if attribute.type == "complex" else list(dict.fromkeys(values))
    return unique or None


def distinct(elements: Iterable[Document]) -> list[Document]:
    """Return elements that say something, each (type, value) once, the first primary alone.

    PingOne sends a single address twice, both primary; an unset macro leaves {"type": "work"}.
    """
    kept: dict[str, Document] = {}
    for element in elements:
        if says_something(element):
            kept.setdefault(identity(element), element)
    return _only_primary(list(kept.values()))


def says_something(element: Document) -> bool:
    """Whether an element holds more than labels."""
    return not element.keys() <= LABELS


def identity(element: Document) -> str:
    """Return what makes an element of a multi-valued attribute the same one (RFC 7643 §2.4)."""
    named = "value" in element
    return repr((element.get("type"), element["value"]) if named else sorted(element.items()))


def _only_primary(elements: list[Document]) -> list[Document]:
    primary = next((each for each in elements if each.get("primary")), None)
    return [
        each | {"primary": False} if each.get("primary") and each is not primary else each
        for each in elements
    ]


def member_ids(raw: object) -> tuple[str, ...]:
    """Return the ids in a value of `members`: objects, one object, or bare ids; each once.

    Raises InvalidValue for a member without an id.
    """
    members = raw if isinstance(raw, list) else [] if is_unassigned(raw) else [raw]
    return tuple(dict.fromkeys(_member_id(member) for member in members))


def _member_id(member: object) -> str:
    if isinstance(member, dict):
        member = member.get("value") or fields(MEMBERS.sub, member).get("value")
    if is_unassigned(member) or not isinstance(member, str):
        raise InvalidValue("members", 'each member must be {"value": the id of a user}')
    return scalars.text("members.value", member)
