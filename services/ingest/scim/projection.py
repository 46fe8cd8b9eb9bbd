"""Strict out: which attributes of a resource leave in an answer (RFC 7644 §3.4.2.5, §3.9).

Only what the schema table knows leaves; attributes that a provider made up stay in the stored
document and in the events, since a strict client refuses names that /Schemas does not list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from services.ingest.scim import adoption
from services.ingest.scim.definitions import USER
from services.ingest.scim.errors import InvalidValue
from services.ingest.scim.schema import Attribute, Document, ResourceType

Names: TypeAlias = frozenset[str] | None
Tree: TypeAlias = dict[str, "Tree | None"]
"""Canonical names; below a name the chosen sub-attributes, None for all of them."""

# OneLogin reports a user as failed when the answer to its POST or PUT lacks `name` with both parts,
# also when it sent none. Empty text claims nothing, and means unassigned if it is sent back to us.
_ONELOGIN_EXPECTS: Mapping[str, Mapping[str, Document]] = {
    USER.name: {"name": {"givenName": "", "familyName": ""}}
}


@dataclass(frozen=True, slots=True)
class _Selection:
    wanted: Tree | None
    unwanted: Tree

    def includes(self, attribute: Attribute) -> bool:
        """Whether the attribute, or a part of it, is returned."""
        if attribute.returned in {"always", "never"}:
            return attribute.returned == "always"
        return attribute.holds_always or self._names(attribute)

    def _names(self, attribute: Attribute) -> bool:
        if self.wanted is not None:
            return attribute.name in self.wanted
        return attribute.returned == "default" and self.unwanted.get(attribute.name, {}) is not None

    def below(self, attribute: Attribute) -> "_Selection":
        """Return the selection among its sub-attributes."""
        if self is _ALL:
            return _ALL
        if attribute.returned != "always" and not self._names(attribute):
            return _NOTHING_ELSE
        wanted = self.wanted.get(attribute.name) if self.wanted else None
        return _Selection(wanted, self.unwanted.get(attribute.name) or {})


_ALL = _Selection(None, {})
_NOTHING_ELSE = _Selection({}, {})
"""What is always returned, and nothing else."""


def project(
    resource_type: ResourceType, document: Document, attributes: Names, excluded: Names
) -> Document:
    """Return what leaves of a full resource (see `full`); names in any case, URN-qualified or not.

    Unknown names select nothing. Raises InvalidValue when both sets are given.
    """
    document = adoption.fitting(resource_type, document)
    selection = _selection(resource_type, attributes, excluded)
    chosen = _chosen(resource_type.attribute, document, selection)
    return chosen | {"schemas": schemas(resource_type, chosen)}


def for_onelogin(resource_type: ResourceType, document: Document) -> Document:
    """Return a full resource with what OneLogin must find in the answer to a write."""
    expected = _ONELOGIN_EXPECTS.get(resource_type.name, {})
    return document | {name: least | document.get(name, {}) for name, least in expected.items()}


def wants(resource_type: ResourceType, name: str, attributes: Names, excluded: Names) -> bool:
    """Whether an attribute will be returned, so that costly ones (`members`) need not be read."""
    attribute = resource_type.attribute(name)
    selection = _selection(resource_type, attributes, excluded)
    return attribute is not None and selection.includes(attribute)


def full(
    resource_type: ResourceType,
    document: Document,
    *,
    resource_id: str,
    meta: Document,
    extra: Mapping[str, Any] | None = None,
) -> Document:
    """Return the whole resource, with what providers made up: what events carry.

    `extra` holds what is stored apart: groups of a User, members of a Group.
    """
    return {
        "schemas": schemas(resource_type, document),
        "id": resource_id,
        **document,
        **(extra or {}),
        "meta": meta,
    }


def schemas(resource_type: ResourceType, document: Document) -> list[str]:
    """Return the URNs in use: the type's own, and each extension that is present."""
    extensions = [each.id for each in resource_type.extensions if each.id in document]
    return [resource_type.schema.id, *extensions]


def _selection(resource_type: ResourceType, attributes: Names, excluded: Names) -> _Selection:
    if attributes and excluded:
        raise InvalidValue("excludedAttributes", "it cannot be combined with attributes")
    if not attributes and not excluded:
        return _ALL
    wanted = _tree(resource_type, attributes) if attributes else None
    return _Selection(wanted, _tree(resource_type, excluded or frozenset()))


def _tree(resource_type: ResourceType, names: frozenset[str]) -> Tree:
    tree: Tree = {}
    for name in names:
        if chain := resource_type.resolve(name.strip()):
            _grow(tree, [attribute.name for attribute in chain])
    return tree


def _grow(tree: Tree, names: list[str]) -> None:
    head, *rest = names
    if not rest:
        tree[head] = None
    elif (below := tree.setdefault(head, {})) is not None:
        _grow(below, rest)


def _chosen(
    find: Callable[[str], Attribute | None], document: Document, selection: _Selection
) -> Document:
    chosen: Document = {}
    for name, value in document.items():
        attribute = find(name)
        if attribute is not None and selection.includes(attribute):
            inside = _inside(attribute, value, selection)
            if inside not in ({}, []):
                chosen[attribute.name] = inside
    return chosen


def _inside(attribute: Attribute, value: Any, selection: _Selection) -> Any:
    if not attribute.sub_attributes:
        return value
    below = selection.below(attribute)
    if not attribute.multi_valued:
        return _part(attribute, value, below)
    elements = [_part(attribute, element, below) for element in value]
    return [element for element in elements if element]


def _part(attribute: Attribute, value: Document, selection: _Selection) -> Document:
    # Nearly every answer is whole, and so is nearly every part of it.
    if selection is _ALL and value.keys() <= attribute.leaves:
        return value
    return _chosen(attribute.sub, value, selection)
