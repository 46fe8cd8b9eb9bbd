"""The characteristics of attributes (RFC 7643 §2.2, §7) as values, and finding one by its name.

An extension is one more complex attribute, named by its URN, so that a path of at most three
names (extension, attribute, sub-attribute) reaches everything. Every lookup is one dict access.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

Document: TypeAlias = dict[str, Any]
"""A resource or a part of one: decoded JSON under canonical attribute names."""

Type = Literal[
    "string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"
]
Mutability = Literal["readOnly", "readWrite", "immutable", "writeOnly"]
Returned = Literal["always", "never", "default", "request"]
Uniqueness = Literal["none", "server", "global"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; `aliases` are names that providers use for it beside its own."""

    name: str
    description: str = ""
    type: Type = "string"
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: Mutability = "readWrite"
    returned: Returned = "default"
    uniqueness: Uniqueness = "none"
    canonical_values: tuple[str, ...] = ()
    reference_types: tuple[str, ...] = ()
    sub_attributes: tuple["Attribute", ...] = ()
    aliases: tuple[str, ...] = ()
    _subs: Mapping[str, "Attribute"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_subs", _by_name(self.sub_attributes))

    def sub(self, name: str) -> "Attribute | None":
        """Return the sub-attribute of that name, in any case, or None."""
        return self._subs.get(name.lower())


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema; `aliases` are other URNs that providers send for it."""

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of resource: its own schema, its extensions, and what all resources share."""

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()
    attributes: tuple[Attribute, ...] = field(init=False, repr=False, compare=False)
    _index: Mapping[str, Attribute] = field(init=False, repr=False, compare=False)
    _core_urns: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        attributes = (*COMMON, *self.schema.attributes, *map(_as_attribute, self.extensions))
        urns = (self.schema.id, *self.schema.aliases)
        object.__setattr__(self, "attributes", attributes)
        object.__setattr__(self, "_index", _by_name(attributes))
        object.__setattr__(self, "_core_urns", frozenset(urn.lower() for urn in urns))

    def attribute(self, name: str) -> Attribute | None:
        """Return the top-level attribute of that name (an extension: its URN), or None."""
        return self._index.get(name.lower())

    def knows(self, urn: str) -> bool:
        """Whether the URN is that of the resource's schema or of an extension."""
        return urn.lower() in self._core_urns or self.attribute(urn) is not None

    def resolve(self, path: str) -> tuple[Attribute, ...]:
        """Return the attributes that a path leads through, from the top; () if one is unknown.

        Paths are dotted, may start with a URN (RFC 7644 §3.10), and are read in any case.
        """
        if whole := self.attribute(path):
            return (whole,)
        urn, _, names = path.rpartition(":")
        if not urn or urn.lower() in self._core_urns:
            return _walk(self.attribute, names)
        extension = self.attribute(urn)
        if extension is None:
            return ()
        below = _walk(extension.sub, names)
        return (extension, *below) if below else ()


def folded(text: str) -> str:
    """Return the form in which texts that are not caseExact compare (RFC 7643 §2.2, RFC 7644 §5).

    Lower case and NFC, which a database can compute as well.
    """
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).lower()


def is_unassigned(raw: object) -> bool:
    """Whether a value says nothing: null, [], {} (RFC 7643 §2.5) or blank text.

    An unset OneLogin macro gives "", and "{first} {last}" of an unset manager a lone space.
    """
    return not raw.strip() if isinstance(raw, str) else raw is None or raw in ([], {})


def instant(text: str) -> datetime:
    """Return the moment of an xsd:dateTime; without an offset it is UTC. Raises ValueError."""
    if "T" not in text:
        raise ValueError("a moment has a time of day")
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def path_text(chain: tuple[Attribute, ...]) -> str:
    """Return the canonical path through attributes, as `ResourceType.resolve` reads it."""
    names = [attribute.name for attribute in chain]
    if ":" not in names[0] or len(names) == 1:
        return ".".join(names)
    return f"{names[0]}:{'.'.join(names[1:])}"


def _walk(find: Callable[[str], Attribute | None], names: str) -> tuple[Attribute, ...]:
    chain: list[Attribute] = []
    for name in names.split("."):
        attribute = find(name)
        if attribute is None:
            return ()
        chain.append(attribute)
        find = attribute.sub
    return tuple(chain)


def _by_name(attributes: Iterable[Attribute]) -> Mapping[str, Attribute]:
    return {name.lower(): each for each in attributes for name in (each.name, *each.aliases)}


def _as_attribute(extension: Schema) -> Attribute:
    return Attribute(
        extension.id,
        extension.description,
        type="complex",
        sub_attributes=extension.attributes,
        aliases=extension.aliases,
    )


COMMON = (
    Attribute(
        "schemas",
        "The URNs of the schemas in use; computed from what is present.",
        type="reference",
        multi_valued=True,
        required=True,
        case_exact=True,
        mutability="readOnly",
        returned="always",
        reference_types=("uri",),
    ),
    Attribute(
        "id",
        "The identifier that this service gave to the resource.",
        case_exact=True,
        mutability="readOnly",
        returned="always",
        uniqueness="server",
    ),
    Attribute("externalId", "The provider's own identifier of the resource.", case_exact=True),
    Attribute(
        "meta",
        "When and where; kept by this service.",
        type="complex",
        mutability="readOnly",
        sub_attributes=(
            Attribute("resourceType", case_exact=True, mutability="readOnly"),
            Attribute("created", type="dateTime", mutability="readOnly"),
            Attribute("lastModified", type="dateTime", mutability="readOnly"),
            Attribute("location", type="reference", case_exact=True, mutability="readOnly"),
            Attribute("version", case_exact=True, mutability="readOnly"),
        ),
    ),
)
"""What every resource has beside its schema (RFC 7643 §3.1); /Schemas does not list it."""
