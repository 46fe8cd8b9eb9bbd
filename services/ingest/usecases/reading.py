"""Reading users and groups, one or a page of them, with what is stored apart."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.ingest.domain.resources import Resource
from services.ingest.scim import filter as filters
from services.ingest.scim.definitions import USER
from services.ingest.scim.schema import Document, ResourceType
from services.ingest.store import memberships, resources
from services.ingest.store.filters import EVERYTHING, compiled
from shared import db
from shared.contracts.ids import DirectoryId


@dataclass(frozen=True, slots=True)
class Found:
    """A resource with its groups or members; `related` is empty where they were not wanted."""

    resource: Resource
    related: Mapping[str, list[Document]]


@dataclass(frozen=True, slots=True)
class Query:
    """A list request: filter text, 1-based start, page size, and whether to read the related."""

    filter: str | None
    start_index: int
    count: int
    with_related: bool


async def one(
    database: db.Database,
    resource_type: ResourceType,
    directory: DirectoryId,
    key: str,
    *,
    with_related: bool,
) -> Found:
    """Return a resource. Raises NotFound."""
    async with database.connection() as connection:
        resource = await resources.get(connection, resource_type, directory, key)
        [found] = await _with_related(connection, [resource], wanted=with_related)
    return found


async def page(
    database: db.Database, resource_type: ResourceType, directory: DirectoryId, query: Query
) -> tuple[int, list[Found]]:
    """Return how many resources match, and one page of them. Raises InvalidFilter."""
    tree = filters.parse(query.filter) if query.filter else None
    condition = compiled(tree, resource_type) if tree else EVERYTHING
    async with database.connection() as connection:
        total, found = await resources.page(
            connection,
            resource_type,
            directory,
            condition,
            limit=query.count,
            offset=query.start_index - 1,
        )
        return total, await _with_related(connection, found, wanted=query.with_related)


async def related(database: db.Database, resource: Resource) -> Found:
    """Return a resource that was just written, with its groups or members."""
    async with database.connection() as connection:
        [found] = await _with_related(connection, [resource], wanted=True)
    return found


async def _with_related(
    connection: db.Connection, found: list[Resource], *, wanted: bool
) -> list[Found]:
    if not wanted or not found:
        return [Found(resource, {}) for resource in found]
    ids = [resource.id for resource in found]
    directory = found[0].directory
    if found[0].type is USER:
        groups = await memberships.groups_of(connection, directory, ids)
        return [
            Found(
                each, _listed("groups", "/Groups", {g.id: g.display_name for g in groups[each.id]})
            )
            for each in found
        ]
    members = await memberships.members(connection, directory, ids)
    return [
        Found(each, _listed("members", "/Users", {u.id: u.user_name for u in members[each.id]}))
        for each in found
    ]


def _listed(name: str, endpoint: str, names: Mapping[str, str]) -> dict[str, list[Document]]:
    kind = {"groups": {"type": "direct"}, "members": {"type": "User"}}[name]
    listed: list[Document] = [
        {"value": key, "$ref": f"{endpoint}/{key}", "display": display, **kind}
        for key, display in names.items()
    ]
    return {name: listed} if listed else {}
