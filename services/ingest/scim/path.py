"""Where a PATCH operation applies (RFC 7644 §3.5.2): text → attributes, a filter in between."""

from dataclasses import dataclass

from services.ingest.scim import filter as filters
from services.ingest.scim.errors import InvalidPath
from services.ingest.scim.filter import Filter
from services.ingest.scim.schema import Attribute, ResourceType, path_text

_MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Path:
    """`[extension:]attribute[filter].sub`; a whole extension is an attribute by itself."""

    extension: Attribute | None
    attribute: Attribute
    filter: Filter | None = None
    sub: Attribute | None = None

    @property
    def chain(self) -> tuple[Attribute, ...]:
        """The attributes that the path leads through, from the top."""
        return (*self.container, self.sub) if self.sub else self.container

    @property
    def container(self) -> tuple[Attribute, ...]:
        """The chain without the sub-attribute."""
        return (self.extension, self.attribute) if self.extension else (self.attribute,)

    @property
    def is_list(self) -> bool:
        """Whether it means all of a multi-valued attribute, not some elements or parts of them."""
        return self.attribute.multi_valued and self.filter is None and self.sub is None

    def __str__(self) -> str:
        if self.filter is None:
            return path_text(self.chain)
        # Errors show paths, and a filter may hold a person's address.
        selected = f"{path_text(self.container)}[…]"
        return f"{selected}.{self.sub.name}" if self.sub else selected


def parse(text: str, resource_type: ResourceType) -> Path:
    """Return the path; names in any case, URNs as in `ResourceType.resolve`.

    Raises InvalidPath, and InvalidFilter for what stands in the brackets.
    """
    head, bracket, rest = text.strip().partition("[")
    chain = resource_type.resolve(head)
    if not chain:
        raise InvalidPath(_shown(text))
    top, *below = chain
    extension = top if below and ":" in top.name else None
    attribute, *subs = below if extension else chain
    if bracket:
        return _filtered(Path(extension, attribute, sub=subs[0] if subs else None), rest, text)
    return Path(extension, attribute, sub=subs[0] if subs else None)


def _filtered(path: Path, rest: str, text: str) -> Path:
    inside, bracket, tail = rest.rpartition("]")
    sub = path.attribute.sub(tail.removeprefix(".")) if tail.startswith(".") else None
    is_whole = bracket and not path.sub and path.attribute.multi_valued and (sub or not tail)
    if not is_whole:
        raise InvalidPath(_shown(text))
    term = filters.resolve_within(filters.parse(inside), path.attribute)
    return Path(path.extension, path.attribute, term, sub)


def _shown(text: str) -> str:
    """Return the text of a path for an error, without the filter."""
    head, bracket, rest = text.strip().partition("[")
    _, closing, tail = rest.rpartition("]")
    return f"{head}[…]{tail if closing else ''}"[:_MAX_SHOWN] if bracket else head[:_MAX_SHOWN]
