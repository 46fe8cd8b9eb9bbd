"""Reading resources of one type or several, with their groups or members, in one statement.

    inner, one a type: filter, order, limit      outer: order, limit, offset, what is stored apart

So only the resources of the page cost a look into memberships. Keyset pages (`after`) compare with
the last resource instead of counting rows, so that none is skipped or repeated when others come
and go, and the last page costs as much as the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.ingest.domain.resources import Resource
from services.ingest.scim.errors import NotFound
from services.ingest.scim.schema import ResourceType
from services.ingest.store.filters import Condition
from services.ingest.store.ordering import Key
from services.ingest.store.paths import APART, Apart
from shared import db
from shared.contracts.ids import DirectoryId, is_id

Named = list[tuple[str, str]]
"""Ids and names, by id."""


@dataclass(frozen=True, slots=True)
class Part:
    """The share of one resource type in a search; `with_related`: read groups or members too."""

    type: ResourceType
    condition: Condition
    key: Key
    with_related: bool

    @property
    def table(self) -> str:
        """The table of the type."""
        return _TABLES[self.type.name]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands in an order: its sort value as Postgres writes it, and its id."""

    key: str | None
    id: str


@dataclass(frozen=True, slots=True)
class Window:
    """Which resources of an order: so many, beyond an offset or behind a place."""

    limit: int
    offset: int = 0
    after: Place | None = None
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A resource of a page, its place, and what is stored apart, if that was wanted."""

    resource: Resource
    place: Place
    related: Named


_TABLES: Mapping[str, str] = {name: f"{name.lower()}s" for name in APART}


async def page(
    connection: db.Connection, directory: DirectoryId, parts: Sequence[Part], window: Window
) -> list[Row]:
    """Return the resources of a window, in its order."""
    statement, values = page_statement(directory, parts, window)
    types = {part.type.name: part.type for part in parts}
    rows = await connection.fetch(statement, *values)
    return [_row(types[row["type"]], directory, row) for row in rows]


def page_statement(
    directory: DirectoryId, parts: Sequence[Part], window: Window
) -> tuple[str, list[object]]:
    """Return the statement that reads a window, and its values."""
    place = (window.after.key, window.after.id) if window.after else ()
    fixed = [directory, window.limit, window.offset, *place]
    conditions, values = _numbered([part.condition for part in parts], first=len(fixed) + 1)
    return _statement(parts, conditions, window), [*fixed, *values]


async def count(connection: db.Connection, directory: DirectoryId, parts: Sequence[Part]) -> int:
    """Return how many resources match."""
    statement, values = count_statement(directory, parts)
    return int(await connection.fetchval(statement, *values))


def count_statement(directory: DirectoryId, parts: Sequence[Part]) -> tuple[str, list[object]]:
    """Return the statement that counts, and its values."""
    conditions, values = _numbered([part.condition for part in parts], first=2)
    counts = " + ".join(
        f"(select count(*) from {part.table} as resource"
        f" where resource.directory_id = $1 and {condition})"
        for part, condition in zip(parts, conditions, strict=True)
    )
    return f"select {counts}", [directory, *values]


async def one(
    connection: db.Connection, resource_type: ResourceType, directory: DirectoryId, key: str,
    *, with_related: bool,
) -> Row:  # fmt: skip
    """Return a resource. Raises NotFound."""
    row = (
        await connection.fetchrow(_ONE[resource_type.name, with_related], directory, key)
        if (is_id(key))
        else None
    )
    if row is None:
        raise NotFound(resource_type.name, key)
    return _row(resource_type, directory, row)


async def related(connection: db.Connection, resource: Resource) -> Named:
    """Return the groups of a user or the members of a group."""
    statement = _RELATED[resource.type.name]
    listed = await connection.fetchval(statement, resource.directory, resource.id)
    return listed or []


def _statement(parts: Sequence[Part], conditions: Sequence[str], window: Window) -> str:
    shares = "\nunion all ".join(
        _share(part, condition, window) for part, condition in zip(parts, conditions, strict=True)
    )
    related = " ".join(
        f"when '{part.type.name}' then {_aggregated(APART[part.type.name], 'resource.id')}"
        for part in parts
        if part.with_related
    )
    return f"""
select resource.type, resource.id, resource.document, resource.version, resource.created_at,
       resource.updated_at, resource.sort_key::text as sort_key,
       {f"case resource.type {related} end" if related else "null"} as related
from ({shares}) as resource
{_order(parts[0].key, "resource.sort_key", window)}
limit $2 offset $3
"""


def _share(part: Part, condition: str, window: Window) -> str:
    """Return the part of the union that reads one table: no more than the window may need."""
    return f"""(
select '{part.type.name}' as type, resource.id, resource.document, resource.version,
       resource.created_at, resource.updated_at, {_in_byte_order(part.key)} as sort_key
from {part.table} as resource
where resource.directory_id = $1 and {condition}{_behind(part.key, window)}
{_order(part.key, _in_byte_order(part.key), window)}
limit $2::bigint + $3::bigint)"""


def _in_byte_order(key: Key) -> str:
    return f'{key.sql} collate "C"' if key.type == "text" else key.sql


def _order(key: Key, expression: str, window: Window) -> str:
    """Return the order; the id breaks ties. An outer sort key keeps the collation of the inner."""
    direction = "desc" if window.is_descending else "asc"
    first = "" if key.is_id else f"{expression} {direction}, "
    return f"order by {first}resource.id {direction}"


def _behind(key: Key, window: Window) -> str:
    """Return the condition to stand behind a place ($4, $5); nulls are last ascending, else first.

    $4 is named in every case: Postgres wants to know the type of each parameter.
    """
    if window.after is None:
        return ""
    x = _in_byte_order(key)
    or_missing = "" if key.is_required else f" or {x} is null"
    behind = {
        (False, False): f"(({x}, resource.id) > ($4::text::{key.type}, $5::uuid){or_missing})",
        (False, True): f"({x}, resource.id) < ($4::text::{key.type}, $5::uuid)",
        (True, False): f"{x} is null and resource.id > $5::uuid and $4::text is null",
        (True, True): f"({x} is null and resource.id < $5::uuid or {x} is not null)"
        " and $4::text is null",
    }[window.after.key is None, window.is_descending]
    return f" and {behind}"


def _aggregated(apart: Apart, of: str) -> str:
    return f"""(
select json_agg(json_build_array(other.id, other.document ->> '{apart.name}') order by other.id)
from memberships as m
join {apart.table} as other on other.directory_id = $1 and other.id = m.{apart.other}
where m.directory_id = $1 and m.{apart.own} = {of})"""


_ONE: Mapping[tuple[str, bool], str] = {
    (name, with_related): f"""
select id, document, version, created_at, updated_at, null as sort_key,
       {_aggregated(apart, "$2") if with_related else "null"} as related
from {_TABLES[name]} where directory_id = $1 and id = $2
"""
    for name, apart in APART.items()
    for with_related in (True, False)
}
_RELATED: Mapping[str, str] = {
    name: f"select {_aggregated(apart, '$2')}" for name, apart in APART.items()
}


def _numbered(conditions: Sequence[Condition], *, first: int) -> tuple[list[str], list[object]]:
    """Return conditions as SQL with their parameters numbered through, and the values of these."""
    texts: list[str] = []
    values: list[object] = []
    for condition in conditions:
        texts.append(condition.sql(first=first + len(values)))
        values.extend(condition.values)
    return texts, values


def _row(resource_type: ResourceType, directory: DirectoryId, row: db.Record) -> Row:
    resource = Resource(
        resource_type,
        directory,
        row["id"],
        row["document"],
        row["version"],
        row["created_at"],
        row["updated_at"],
    )
    return Row(resource, Place(row["sort_key"], row["id"]), row["related"] or [])
