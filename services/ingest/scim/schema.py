"""The characteristics of attributes (RFC 7643 §2.2, §7) as values, and finding one by its name.

An extension is one more complex attribute, named by its URN, so that a path of at most three
names (extension, attribute, sub-attribute) reaches everything. Every lookup is one dict access.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

Document: TypeAlias = dict[str, Any]
"""A resource or a part of one: decoded JSON under canonical attribute names."""

Type = Literal[
    "string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"
]
LARGEST_INTEGER = 2**63 - 1
"""As large as a bigint; JSON readers agree on less (RFC 8259 §6), but not on more."""

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
    holds_always: bool = field(init=False, repr=False, compare=False)
    """Whether something below is always returned, so that this cannot be left out."""
    leaves: frozenset[str] = field(init=False, repr=False, compare=False)
    """Sub-attributes without parts that are returned where nobody chooses."""
    _subs: Mapping[str, "Attribute"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        always = any(sub.returned == "always" or sub.holds_always for sub in self.sub_attributes)
        leaves = frozenset(
            sub.name
            for sub in self.sub_attributes
            if sub.returned in {"default", "always"} and not sub.sub_attributes
        )
        object.__setattr__(self, "holds_always", always)
        object.__setattr__(self, "leaves", leaves)
        object.__setattr__(self, "_subs", _by_name(self.sub_attributes))

    def sub(self, name: str) -> "Attribute | None":
        """Return the sub-attribute of that name, in any case, or None."""
        return self._subs.get(name.lower())


Chain: TypeAlias = tuple[Attribute, ...]
"""The attributes that a path leads through, from the top."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema; `aliases` are other URNs that providers send for it.

    One that `is_declared` came with a directory: documents may be older than it.
    """

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    aliases: tuple[str, ...] = ()
    is_declared: bool = False


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of resource: its own schema, its extensions, and what all resources share.

    `key` is the attribute that is unique in a directory, `apart` the one that is stored beside
    the document. `required` and `immutable` are the paths to what must be there, and to what is set
    once; `declared` are the extensions that came with a directory.
    """

    name: str
    endpoint: str
    description: str
    key: str
    apart: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()
    attributes: tuple[Attribute, ...] = field(init=False, repr=False, compare=False)
    required: tuple[Chain, ...] = field(init=False, repr=False, compare=False)
    immutable: tuple[Chain, ...] = field(init=False, repr=False, compare=False)
    declared: frozenset[str] = field(init=False, repr=False, compare=False)
    _index: Mapping[str, Attribute] = field(init=False, repr=False, compare=False)
    _core_urns: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        own = (*self.schema.attributes, *map(_as_attribute, self.extensions))
        attributes = (*COMMON, *own)
        urns = (self.schema.id, *self.schema.aliases)
        paths = [path for each in own if each.name != self.apart for path in _paths((each,))]
        declared = frozenset(each.id.lower() for each in self.extensions if each.is_declared)
        object.__setattr__(self, "attributes", attributes)
        object.__setattr__(self, "required", tuple(each for each in paths if each[-1].required))
        object.__setattr__(
            self, "immutable", tuple(each for each in paths if each[-1].mutability == "immutable")
        )
        object.__setattr__(self, "declared", declared)
        object.__setattr__(self, "_index", _by_name(attributes))
        object.__setattr__(self, "_core_urns", frozenset(urn.lower() for urn in urns))

    def attribute(self, name: str) -> Attribute | None:
        """Return the top-level attribute of that name (an extension: its URN), or None."""
        return self._index.get(name.lower())

    def knows(self, urn: str) -> bool:
        """Whether the URN is that of the resource's schema or of an extension."""
        return urn.lower() in self._core_urns or self.attribute(urn) is not None

    def resolve(self, path: str) -> Chain:
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


def is_unassigned(raw: object) -> bool:
    """Whether a value says nothing: null, [], {} (RFC 7643 §2.5) or blank text.

    An unset OneLogin macro gives "", and "{first} {last}" of an unset manager a lone space.
    """
    return not raw.strip() if isinstance(raw, str) else raw is None or raw in ([], {})


def instant(text: str) -> datetime:
    """Return the moment of an xsd:dateTime in UTC, which it is in without an offset.

    Raises ValueError.
    """
    if "T" not in text:
        raise ValueError("a moment has a time of day")
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("it is before the first year or after the last") from error


def moment_text(moment: datetime) -> str:
    """Return how a moment in UTC is stored: without the Z, texts sort as their moments do."""
    return moment.isoformat().replace("+00:00", "Z")


def path_text(chain: Chain) -> str:
    """Return the canonical path through attributes, as `ResourceType.resolve` reads it."""
    names = [attribute.name for attribute in chain]
    if ":" not in names[0] or len(names) == 1:
        return ".".join(names)
    return f"{names[0]}:{'.'.join(names[1:])}"


def _walk(find: Callable[[str], Attribute | None], names: str) -> Chain:
    chain: list[Attribute] = []
    for name in names.split("."):
        attribute = find(name)
        if attribute is None:
            return ()
        chain.append(attribute)
        find = attribute.sub
    return tuple(chain)


def _paths(chain: Chain) -> Iterator[Chain]:
    """Yield the path, and all below it."""
    yield chain
    for sub in chain[-1].sub_attributes:
        yield from _paths((*chain, sub))


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
