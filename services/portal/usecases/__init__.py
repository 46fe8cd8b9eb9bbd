"""What people do in the portal: look things up.

access.py        sign-in links and sessions
setup.py         where a directory stands: status, checklist, tokens
verification.py  one user on one page: groups, roles, why, and the way of the last change
mapping.py       group-to-role mapping
live.py          what changed since a page was made
log.py           the events that applications get
health.py        how far each stage is with a directory
exports.py       lists in full
signing_in.py    operators, by OpenID Connect
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from services.portal.clients import Services
from services.portal.domain.errors import DelayedError, MissingError
from services.portal.domain.rows import (
    DirectoryRow,
    EventRow,
    GroupRow,
    Rebuild,
    RoleRow,
    UserDetail,
    UserFilter,
    UserRow,
)
from services.portal.store import progress, views
from services.portal.store.selection import Cursor
from shared import db
from shared.contracts.ids import OrganizationId


async def choose(
    database: db.Database, organization: OrganizationId, wanted: str | None
) -> tuple[DirectoryRow | None, list[DirectoryRow]]:
    """Return the directory to show, the newest unless one is named, and all there are.

    Raises MissingError for one that is not this organization's.
    """
    async with database.connection() as connection:
        found = await views.directories(connection, organization)
    if wanted is None:
        return (found[0] if found else None), found
    chosen = next((one for one in found if one.id == wanted), None)
    if chosen is None:
        raise MissingError
    return chosen, found


async def rebuild(database: db.Database) -> Rebuild | None:
    """Return the rebuild of the read models that runs; pages say so, and go on as they are."""
    async with database.connection() as connection:
        return await progress.rebuild(connection)


async def users(
    database: db.Database, directory: DirectoryRow, wanted: UserFilter, after: Cursor
) -> tuple[list[UserRow], Cursor]:
    """Return a page of users."""
    async with database.connection() as connection:
        return await views.users(connection, directory.id, wanted, after)


async def count_users(
    database: db.Database, directory: DirectoryRow, wanted: UserFilter, most: int
) -> int:
    """Count the users of a selection, up to a number where it stops."""
    async with database.connection() as connection:
        return await views.count_users(connection, directory.id, wanted, most)


@dataclass(frozen=True, slots=True)
class Choices:
    """What a list of users can be filtered by: some groups by name, and the roles in use."""

    groups: Sequence[str]
    roles: Sequence[tuple[str, str]]


async def choices(database: db.Database, directory: DirectoryRow) -> Choices:
    """Return what a list of users can be filtered by."""
    async with database.connection() as connection:
        return Choices(
            await views.some_groups(connection, directory.id),
            await views.mapped_roles(connection, directory.id),
        )


async def group_named(database: db.Database, directory: DirectoryRow, name: str) -> str | None:
    """Return the id of the group with this name, in any case; None where there is none."""
    async with database.connection() as connection:
        return await views.group_named(connection, directory.id, name.lower())


async def user(
    database: db.Database, services: Services, directory: DirectoryRow, key: str
) -> UserDetail:
    """Return what the page of a user shows. Raises MissingError.

    Why it holds its roles now is asked of the roles service; while that is away, or has not heard
    of the user, the page shows why each was given.
    """
    async with database.connection() as connection:
        found = await views.user(connection, directory.id, key)
    with suppress(DelayedError, MissingError):
        explanation = await services.explain(directory.id, key)
        return replace(found, roles=[RoleRow.of(one) for one in explanation.roles])
    return found


async def groups(
    database: db.Database, directory: DirectoryRow, *, search: str | None, after: Cursor
) -> tuple[list[GroupRow], Cursor]:
    """Return a page of groups."""
    async with database.connection() as connection:
        return await views.groups(connection, directory.id, search=search, after=after)


async def group(
    database: db.Database, directory: DirectoryRow, key: str, after: Cursor
) -> tuple[GroupRow, list[UserRow], Cursor, list[EventRow]]:
    """Return what the page of a group shows. Raises MissingError."""
    async with database.connection() as connection:
        return await views.group(connection, directory.id, key, after)
