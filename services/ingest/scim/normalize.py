"""Lenient in: what providers send becomes the canonical document, or an error that says why not.

Canonical: names as RFC 7643 writes them, values of the right JSON type, nothing unassigned,
nothing that a client may not set. Other names for an attribute stand in the table (definitions);
how values differ from the RFC stands here, each quirk with its source.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.ingest.scim.definitions import GROUP, MEMBERS, USER
from services.ingest.scim.errors import InvalidSyntax, InvalidValue
from services.ingest.scim.messages import Op, Operation
from services.ingest.scim.schema import Attribute, Document, ResourceType, is_unassigned

Find = Callable[[str], Attribute | None]

# readOnly is ignored in POST and PUT (RFC 7644 §3.3); OneLogin templates hold "id": null, Okta
# echoes id, meta and groups. writeOnly is the password alone, which Rollcall never keeps.
DROPPED = frozenset({"readOnly", "writeOnly"})

# OneLogin's stock templates have no `active` (and Okta's reactivation PUT may lack it): a user
# that is being provisioned is active. This is the one place where that is decided.
_ABSENT_MEANS: Mapping[str, Document] = {USER.name: {"active": True}}

# Names by which resources are found or kept apart: bounded, since they are indexed.
_KEYS = frozenset({"userName", "displayName", "externalId"})
_MAX_KEY_CHARS = 512
_MAX_DEPTH = 20

_BOOLEANS = {"true": True, "false": False}
_OPS: Mapping[str, Op] = {"add": "add", "remove": "remove", "replace": "replace"}
_LABELS = frozenset({"type", "primary"})


def resource(resource_type: ResourceType, raw: object) -> Document:
    """Return the canonical document of a decoded POST or PUT body; unknown attributes are kept.

    Raises InvalidSyntax when it is no object, InvalidValue for a value that cannot be meant.
    """
    return complete(resource_type, fields(resource_type.attribute, _object(raw)))


def group(raw: object) -> tuple[Document, tuple[str, ...]]:
    """Return a Group's document without its members, and the ids of the members.

    The two are stored apart, and 50,000 members are too many to normalise one by one.
    Raises as `resource` does.
    """
    body = dict(_object(raw))
    listed = [body.pop(key) for key in tuple(body) if GROUP.attribute(key) is MEMBERS]
    return resource(GROUP, body), member_ids(listed[-1] if listed else None)


def _object(raw: object) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise InvalidSyntax("it must be a JSON object with the attributes of the resource")
    return raw


def complete(resource_type: ResourceType, document: Document) -> Document:
    """Return the document with what absence means filled in; raise InvalidValue if it lacks more.

    Every write ends here, so that a stored document always has what the events need.
    """
    for attribute in resource_type.schema.attributes:
        if attribute.required and attribute.name not in document:
            raise InvalidValue(attribute.name, "it is required and must not be blank")
    for name in _KEYS & document.keys():
        if resource_type.attribute(name) and len(document[name]) > _MAX_KEY_CHARS:
            raise InvalidValue(name, f"it is longer than {_MAX_KEY_CHARS} characters")
    return _ABSENT_MEANS.get(resource_type.name, {}) | document


def fields(find: Find, raw: Mapping[str, Any]) -> Document:
    """Return the assigned fields of an object under canonical names, looked up with `find`."""
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
    if is_unassigned(raw):
        return None
    return _many(attribute, raw) if attribute.multi_valued else one(attribute, raw)


def one(attribute: Attribute, raw: object) -> Any:
    """Return one canonical value (of several, if multi-valued), None when it is unassigned."""
    return None if is_unassigned(raw) else _BY_TYPE[attribute.type](attribute, raw)


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
            _text(name, raw)
        case list():
            for element in raw:
                _check_kept(name, element, depth - 1)
        case dict():
            for key, value in raw.items():
                _text(name, key)
                _check_kept(name, value, depth - 1)


def _text(name: str, raw: str) -> str:
    """Return text that a database and UTF-8 can hold."""
    if "\x00" in raw:
        raise InvalidValue(name, "it holds a NUL character")
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(name, "it holds half a surrogate pair") from error
    return raw


def _string(attribute: Attribute, raw: object) -> str:
    # Templates are edited by hand: a bare number ("employeeNumber": 1187) is meant as its digits.
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(raw)
    if not isinstance(raw, str):
        raise InvalidValue(attribute.name, "it must be text")
    return _text(attribute.name, raw)


def _boolean(attribute: Attribute, raw: object) -> bool:
    # Entra sends "True"; OneLogin's {$user.active} can only yield text. Refusing stops the sync.
    settled = _BOOLEANS.get(raw.strip().lower()) if isinstance(raw, str) else raw
    if not isinstance(settled, bool):
        raise InvalidValue(attribute.name, "it must be true or false")
    return settled


def _complex(attribute: Attribute, raw: object) -> Document | None:
    """Return the sub-attributes; a bare value is meant as `value` (manager: "1187")."""
    if not isinstance(raw, dict):
        if isinstance(raw, list) or attribute.sub("value") is None:
            raise InvalidValue(attribute.name, "it must be an object")
        raw = {"value": raw}
    try:
        return fields(attribute.sub, raw) or None
    except InvalidValue as error:
        mark = ":" if ":" in attribute.name else "."  # a URN, or the name of a complex attribute
        raise InvalidValue(f"{attribute.name}{mark}{error.attribute}", error.reason) from error


_BY_TYPE: Mapping[str, Callable[[Attribute, object], Any]] = {
    "string": _string,
    "reference": _string,
    "binary": _string,
    "dateTime": _string,
    "boolean": _boolean,
    "complex": _complex,
}
"""No attribute that a client may set is a number."""


def _many(attribute: Attribute, raw: object) -> list[Any] | None:
    # OneLogin's stock template has `emails` as one object, not a list of one.
    elements = raw if isinstance(raw, list) else [raw]
    values = [value for each in elements if (value := one(attribute, each)) is not None]
    return (distinct(values) if attribute.type == "complex" else values) or None


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
    return not element.keys() <= _LABELS


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
    return _text("members.value", member)


def operations(raw: object) -> tuple[Operation, ...]:
    """Return the operations of a decoded PATCH body, in order (RFC 7644 §3.5.2).

    `schemas` is not required (authentik leaves it out). Raises InvalidSyntax.
    """
    if not isinstance(raw, dict):
        raise InvalidSyntax("it must be a JSON object with Operations")
    body = {key.lower(): value for key, value in raw.items()}
    listed = body.get("operations")
    if listed is None and "members" in body:
        # SCIM 1.1: {"members": [{"value": …, "operation": "delete"}]}, sent by the v1.1 connectors.
        raise InvalidSyntax(
            "it is a SCIM 1.1 change of members; in OneLogin use the connector"
            ' "SCIM Provisioner with SAML (SCIM v2 Enterprise)" or "(SCIM v2 Core)"'
        )
    if not isinstance(listed, list) or not listed:
        raise InvalidSyntax("Operations must be a list with at least one operation")
    return tuple(_operation(index, each) for index, each in enumerate(listed, 1))


def _operation(index: int, raw: object) -> Operation:
    if not isinstance(raw, dict):
        raise InvalidSyntax(f"operation {index} must be a JSON object")
    body = {key.lower(): value for key, value in raw.items()}
    op = _OPS.get(str(body.get("op")).lower())  # Entra capitalises: "Add"
    path = body.get("path")
    if op is None:
        raise InvalidSyntax(f"the op of operation {index} must be add, remove or replace")
    if op != "remove" and "value" not in body:
        raise InvalidSyntax(f"operation {index} ({op}) needs a value")
    if path is not None and not isinstance(path, str):
        raise InvalidSyntax(f"the path of operation {index} must be text")
    return Operation(op, None if is_unassigned(path) else path, body.get("value"))
