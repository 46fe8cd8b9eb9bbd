"""Where attributes stand in the tables: paths → SQL over the row `resource`; $1 is the directory.

Names come from the schema table, never from a request. Comparable means: folded where the
attribute is not caseExact, else typed by `SQL_TYPES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.schema import Attribute, ResourceType

SQL_TYPES = {
    "boolean": "boolean",
    "dateTime": "timestamptz",
    "integer": "numeric",
    "decimal": "numeric",
}
"""Attribute type → type of its comparable value; the others are text."""

_COMPARABLE = {
    "boolean": "(case {x} when 'true' then true when 'false' then false end)",
    "dateTime": "as_instant({x})",
    "integer": "as_number({x})",
    "decimal": "as_number({x})",
}

COLUMNS: Mapping[tuple[str, str], str] = {
    ("", "id"): "resource.id::text",
    ("", "externalId"): "resource.external_id",
    ("", "meta"): "resource.created_at",
    # To the millisecond, as the resource shows it.
    ("", "meta.created"): "date_trunc('milliseconds', resource.created_at)",
    ("", "meta.lastModified"): "date_trunc('milliseconds', resource.updated_at)",
    (USER.name, "meta.resourceType"): f"'{USER.name}'::text",
    (GROUP.name, "meta.resourceType"): f"'{GROUP.name}'::text",
    (USER.name, "userName"): "resource.name_key",
    (USER.name, "displayName"): "resource.display_key",
    (USER.name, "active"): "resource.active",
    (GROUP.name, "displayName"): "resource.name_key",
}
"""(type or "", path) → the comparable value of what has a column."""
REQUIRED = frozenset(
    {"resource.id", "resource.name_key"}
    | {COLUMNS["", path] for path in ("meta.created", "meta.lastModified")}
)
"""Columns without null."""


@dataclass(frozen=True, slots=True)
class Apart:
    """How the attribute that is stored beside the document is read: memberships."""

    own: str
    other: str
    table: str
    name: str
    kind: str


APART: Mapping[str, Apart] = {
    USER.name: Apart("user_id", "group_id", "groups", "displayName", "direct"),
    GROUP.name: Apart("group_id", "user_id", "users", "userName", "User"),
}

# Addresses are written when a resource leaves, versions by the edge: no column has them.
_COMPUTED = frozenset({"meta.location", "meta.version"})


def column(resource_type: ResourceType, path: str) -> str | None:
    """Return the comparable value of an attribute that has a column of its own."""
    return COLUMNS.get((resource_type.name, path)) or COLUMNS.get(("", path))


def is_computed(resource_type: ResourceType, path: str) -> bool:
    """Whether an attribute is made when the resource leaves, so that no table knows it."""
    return path in _COMPUTED or path == f"{resource_type.apart}.$ref"


def comparable(attribute: Attribute, text: str) -> str:
    """Return the comparable value of an attribute from the SQL text of its JSON value."""
    if attribute.type in _COMPARABLE:
        return _COMPARABLE[attribute.type].format(x=text)
    return text if attribute.case_exact else f"folded({text})"


def quoted(name: str) -> str:
    """Return a name as an SQL string."""
    return "'" + name.replace("'", "''") + "'"


def inside(document: str, chain: tuple[Attribute, ...]) -> str:
    """Return the SQL of the JSON value that singular attributes lead to."""
    for attribute in chain:
        document = f"({document} -> {quoted(attribute.name)})"
    return document


def elements(document: str, chain: tuple[Attribute, ...]) -> str:
    """Return the elements of a multi-valued attribute as rows `element` with a JSON `value`."""
    return f"jsonb_path_query({inside(document, chain)}, '$[*]') as element (value)"


def elements_of(resource_type: ResourceType, chain: tuple[Attribute, ...]) -> str:
    """Return the elements of a multi-valued attribute of the resource, wherever it is stored."""
    if chain[0].name == resource_type.apart:
        return _related(APART[resource_type.name])
    if chain[0].name == "schemas":
        return _schemas(resource_type)
    return elements("resource.document", chain)


def _related(apart: Apart) -> str:
    return f"""(
select jsonb_build_object('value', other.id, 'display', other.document ->> '{apart.name}',
                          'type', '{apart.kind}') as value
from memberships as m
join {apart.table} as other on other.directory_id = $1 and other.id = m.{apart.other}
where m.directory_id = $1 and m.{apart.own} = resource.id
order by other.id) as element"""


def _schemas(resource_type: ResourceType) -> str:
    used = [f"({quoted(resource_type.schema.id)}, true)"] + [
        f"({quoted(each.id)}, resource.document ? {quoted(each.id)})"
        for each in resource_type.extensions
    ]
    return (
        "(select to_jsonb(urn) as value"
        f" from (values {', '.join(used)}) as each (urn, is_used) where is_used) as element"
    )
