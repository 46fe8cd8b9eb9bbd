"""Sort path → SQL (RFC 7644 §3.4.2.3): of several values the primary, else the first.

Postgres puts null last ascending and first descending, as the RFC wants missing values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ingest.scim.errors import InvalidPath, InvalidValue
from services.ingest.scim.schema import Attribute, ResourceType, path_text
from services.ingest.store import paths

_MAX_SHOWN = 100
# A cursor holds the value, and it must fit into a URL; columns are bounded when they are written.
_MAX_CHARS = 512
_UNSORTABLE = frozenset({"complex", "binary"})


@dataclass(frozen=True, slots=True)
class Key:
    """A comparable value of the row `resource`, and its SQL type."""

    sql: str
    type: str = "text"

    @property
    def is_required(self) -> bool:
        """Whether every resource has it, so that an index alone finds those behind a place."""
        return self.sql in paths.REQUIRED

    @property
    def is_id(self) -> bool:
        """Whether it breaks ties by itself."""
        return self == _BY_ID


_BY_ID = Key("resource.id", "uuid")


def keys(path: str | None, types: Sequence[ResourceType]) -> list[Key]:
    """Return what orders resources of each type; by id without a path.

    Where a type lacks the attribute, its resources lack the value (§3.4.2.1).
    Raises InvalidPath if no type knows it, InvalidValue for what has no order.
    """
    if path is None:
        return [_BY_ID] * len(types)
    chains = [each.resolve(path.strip()) for each in types]
    known = [
        _key(each, chain) if chain else None for each, chain in zip(types, chains, strict=True)
    ]
    sql_types = {key.type for key in known if key}
    if not sql_types:
        raise InvalidPath(path[:_MAX_SHOWN])
    if len(sql_types) > 1:
        return [Key(f"({key.sql})::text") if key else Key("null::text") for key in known]
    [sql_type] = sql_types
    return [key or Key(f"null::{sql_type}", sql_type) for key in known]


def _key(resource_type: ResourceType, chain: tuple[Attribute, ...]) -> Key:
    if chain[-1].type == "complex" and (value := chain[-1].sub("value")):
        chain = (*chain, value)
    path, attribute = path_text(chain), chain[-1]
    if path == "id":
        return _BY_ID
    if attribute.type in _UNSORTABLE or attribute.returned == "never":
        raise InvalidValue("sortBy", f'"{path}" has no order')
    if paths.is_computed(resource_type, path):
        raise InvalidValue("sortBy", f'"{path}" cannot be sorted by')
    sql_type = paths.SQL_TYPES.get(attribute.type, "text")
    if column := paths.column(resource_type, path):
        return Key(column, sql_type)
    sql = _in_document(resource_type, chain)
    return Key(f"left({sql}, {_MAX_CHARS})" if sql_type == "text" else sql, sql_type)


def _in_document(resource_type: ResourceType, chain: tuple[Attribute, ...]) -> str:
    attribute = chain[-1]
    several = next((n for n, each in enumerate(chain, 1) if each.multi_valued), None)
    if several is None:
        return _value("resource.document", chain, attribute)
    source = paths.elements_of(resource_type, chain[:several])
    return f"""(
select {_value("element.value", chain[several:], attribute)}
from (select element.value, row_number() over () as place from {source}) as element
order by (element.value ->> 'primary') is not distinct from 'true' desc, element.place
limit 1)"""


def _value(document: str, chain: tuple[Attribute, ...], attribute: Attribute) -> str:
    text = f"({paths.inside(document, chain)} #>> '{{}}')"
    return paths.comparable(attribute, text)
