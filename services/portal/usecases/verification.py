"""One user on one page: groups, roles, why, and the way of the last change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.portal.clients import Services
from services.portal.domain import journey
from services.portal.domain.errors import PortalError
from services.portal.domain.journey import Change, Journey
from services.portal.domain.rows import DirectoryRow, UserDetail, UserFilter, UserRow
from services.portal.store import views
from shared import db
from shared.contracts.ids import DirectoryId, OrganizationId

_ALIKE = 10
_SHORTEST = 2

Found = tuple[DirectoryRow, UserRow]


@dataclass(frozen=True, slots=True)
class Verified:
    """A user with the way of its last change."""

    directory: DirectoryRow
    user: UserDetail
    change: Change
    journey: Journey


@dataclass(frozen=True, slots=True)
class Search:
    """What a name led to: one user in full, or several to choose from, or nobody."""

    directories: Sequence[DirectoryRow]
    verified: Verified | None = None
    candidates: Sequence[Found] = ()


async def search(
    database: db.Database, services: Services, organization: OrganizationId, name: str
) -> Search:
    """Return the user of this e-mail or user name in any directory of an organization."""
    wanted = name.lower()
    async with database.connection() as connection:
        directories = await views.directories(connection, organization)
        if len(wanted) < _SHORTEST:
            return Search(directories)
        found = await _named(connection, directories, wanted)
        found = found or await _alike(connection, directories, wanted)
    if len(found) == 1:
        directory, row = found[0]
        return Search(directories, await verify(database, services, directory, row.id))
    return Search(directories, candidates=found)


async def verify(
    database: db.Database, services: Services, directory: DirectoryRow, user: str
) -> Verified:
    """Return a user and how its last change came about. Raises MissingError."""
    async with database.connection() as connection:
        detail = await views.user(connection, directory.id, user)
        events = await views.traced_events(connection, directory.id, user)
    change = await _received(services, directory.id, journey.last_change(events))
    return Verified(directory, detail, change, journey.of(change))


async def _received(services: Services, directory: DirectoryId, change: Change) -> Change:
    """Return a change with when its request came in; the log of requests keeps some days."""
    if change.request_id is None:
        return change
    try:
        request = await services.request(directory, change.request_id)
    except PortalError:
        return replace(change, request_id=None)
    return replace(change, received_at=request.at)


async def _named(
    connection: db.Connection, directories: Sequence[DirectoryRow], name: str
) -> list[Found]:
    return [
        (directory, row)
        for directory in directories
        for row in await views.find_users(connection, directory.id, name)
    ]


async def _alike(
    connection: db.Connection, directories: Sequence[DirectoryRow], prefix: str
) -> list[Found]:
    found: list[Found] = []
    for directory in directories:
        rows, _ = await views.users(connection, directory.id, UserFilter(prefix=prefix), None)
        found += [(directory, row) for row in rows]
    return found[:_ALIKE]
