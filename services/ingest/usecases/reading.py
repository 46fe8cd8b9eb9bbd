"""Reading users and groups, one or a page of them, with what is stored apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ingest.domain.resources import Resource
from services.ingest.scim import filter as filters
from services.ingest.scim import projection
from services.ingest.scim.cursor import Position
from services.ingest.scim.schema import ResourceType
from services.ingest.scim.search import SearchRequest
from services.ingest.store import ordering, pages
from services.ingest.store.filters import EVERYTHING, compiled
from services.ingest.store.pages import Named, Part, Place, Row, Window
from shared import db
from shared.contracts.ids import DirectoryId


@dataclass(frozen=True, slots=True)
class Found:
    """A resource with its groups or members by id and name; none where they were not wanted."""

    resource: Resource
    related: Named


@dataclass(frozen=True, slots=True)
class Page:
    """A page of `total` resources; `next` is where the page behind it starts, if there is one."""

    found: list[Found]
    total: int
    next: Position | None


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
        row = await pages.one(connection, resource_type, directory, key, with_related=with_related)
    return Found(row.resource, row.related)


async def related(database: db.Database, resource: Resource) -> Found:
    """Return a resource that was just written, with its groups or members."""
    async with database.connection() as connection:
        return Found(resource, await pages.related(connection, resource))


async def search(
    database: db.Database,
    directory: DirectoryId,
    types: Sequence[ResourceType],
    request: SearchRequest,
    after: Position | None = None,
) -> Page:
    """Return a page of the resources of several types that match, behind `after` if that is given.

    Raises InvalidFilter, InvalidPath, InvalidValue.
    """
    wanted = parts(types, request)
    async with database.connection() as connection:
        rows = await pages.page(connection, directory, wanted, _window(request, after))
        shown, is_last = rows[: request.count], len(rows) <= request.count
        if after:
            total = after.total
        elif is_last and request.count and (shown or request.start_index == 1):
            # Nothing lies beyond the page: a lookup is one statement.
            total = request.start_index - 1 + len(shown)
        else:
            total = await pages.count(connection, directory, wanted)
    found = [Found(row.resource, row.related) for row in shown]
    return Page(found, total, None if is_last else _behind(shown, total))


def parts(types: Sequence[ResourceType], request: SearchRequest) -> list[Part]:
    """Return what a request wants of each type. Raises InvalidFilter, InvalidPath, InvalidValue."""
    tree = filters.parse(request.filter) if request.filter else None
    return [
        Part(
            each,
            compiled(tree, each, types) if tree else EVERYTHING,
            key,
            projection.wants(each, each.apart, request.attributes, request.excluded),
        )
        for each, key in zip(types, ordering.keys(request.sort_by, types), strict=True)
    ]


def _window(request: SearchRequest, after: Position | None) -> Window:
    """Return the window with one resource more than asked for, which tells whether it is last."""
    limit, is_descending = request.count + 1, request.is_descending
    if after:
        return Window(limit, 0, Place(after.key, after.id), is_descending)
    return Window(limit, request.start_index - 1, None, is_descending)


def _behind(rows: Sequence[Row], total: int) -> Position | None:
    return Position(total, rows[-1].place.key, rows[-1].place.id) if rows else None
