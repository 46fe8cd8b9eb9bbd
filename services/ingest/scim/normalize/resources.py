"""The body of a POST or PUT, as one canonical document."""

from collections.abc import Mapping
from typing import Any

from services.ingest.scim.definitions import MEMBERS, USER
from services.ingest.scim.errors import InvalidSyntax, InvalidValue
from services.ingest.scim.normalize.values import fields, member_ids
from services.ingest.scim.schema import Attribute, Chain, Document, ResourceType, path_text

# OneLogin's stock templates have no `active` (and Okta's reactivation PUT may lack it): a user
# that is being provisioned is active. This is the one place where that is decided.
_ABSENT_MEANS: Mapping[str, Document] = {USER.name: {"active": True}}

# Names by which resources are found or kept apart: bounded, since they are indexed.
_KEYS = frozenset({"userName", "displayName", "externalId"})
_MAX_KEY_CHARS = 512


def resource(resource_type: ResourceType, raw: object) -> Document:
    """Return the canonical document of a decoded POST or PUT body; unknown attributes are kept.

    Raises InvalidSyntax when it is no object, InvalidValue for a value that cannot be meant.
    """
    plain, nested = _apart(resource_type, _object(raw))
    document = fields(resource_type.attribute, plain)
    for each in nested:
        document = _joined(document, fields(resource_type.attribute, each))
    return complete(resource_type, document)


def group(resource_type: ResourceType, raw: object) -> tuple[Document, tuple[str, ...]]:
    """Return a Group's document without its members, and the ids of the members.

    The two are stored apart, and 50,000 members are too many to normalise one by one.
    Raises as `resource` does.
    """
    body = dict(_object(raw))
    listed = [body.pop(key) for key in tuple(body) if resource_type.resolve(key)[:1] == (MEMBERS,)]
    return resource(resource_type, body), member_ids(listed[-1] if listed else None)


def _object(raw: object) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise InvalidSyntax("it must be a JSON object with the attributes of the resource")
    return raw


def _apart(
    resource_type: ResourceType, raw: Mapping[str, Any]
) -> tuple[Mapping[str, Any], list[Document]]:
    """Return a body without the keys that are paths, and what each of these says, nested.

    Administrators name OneLogin parameters by paths (Iru's guide has "email.value") and write
    such names, and full URNs, into templates: "name.givenName" means the givenName in the name.
    """
    paths = {key: chain for key in raw if (chain := _path(resource_type, key))}
    plain = {key: value for key, value in raw.items() if key not in paths} if paths else raw
    return plain, [_nested(chain, raw[key]) for key, chain in paths.items()]


def _path(resource_type: ResourceType, key: str) -> tuple[Attribute, ...]:
    """Return where a key leads that is no name but a path; () for a name, known or made up."""
    if "." not in key or resource_type.attribute(key):
        return ()
    return resource_type.resolve(key)


def _nested(chain: tuple[Attribute, ...], value: Any) -> Document:
    for attribute in reversed(chain):
        value = {attribute.name: value}
    return dict(value)


def _joined(value: Any, added: Any) -> Any:
    """Return a canonical value completed by another; where both say something, the first holds."""
    if isinstance(value, dict) and isinstance(added, dict):
        return added | {name: _joined(each, added.get(name)) for name, each in value.items()}
    return value


def complete(
    resource_type: ResourceType, document: Document, before: Document | None = None
) -> Document:
    """Return the document with what absence means filled in; raise InvalidValue if it lacks more.

    Every write ends here, so that a stored document always has what the events need. What a
    PATCH found lacking `before` is not its fault: the schema may be younger than the document.
    """
    for chain in resource_type.required:
        if _lacks(document, chain) and not (before and _lacks(before, chain)):
            raise InvalidValue(path_text(chain), "it is required and must not be blank")
    for name in _KEYS & document.keys():
        if resource_type.attribute(name) and len(document[name]) > _MAX_KEY_CHARS:
            raise InvalidValue(name, f"it is longer than {_MAX_KEY_CHARS} characters")
    return _ABSENT_MEANS.get(resource_type.name, {}) | document


def _lacks(document: Document, chain: Chain) -> bool:
    """Whether the end of a path is missing where what holds it is there."""
    *above, leaf = chain
    holders: list[Any] = [document]
    for attribute in above:
        found = [each.get(attribute.name) for each in holders if isinstance(each, dict)]
        holders = [each for one in found for each in (one if isinstance(one, list) else [one])]
    return any(isinstance(each, dict) and leaf.name not in each for each in holders)
