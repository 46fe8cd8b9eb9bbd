"""Who held what on a date."""

from datetime import UTC, datetime

from services.roles.store import directories, history
from shared import db
from shared.contracts.ids import RoleKey, UserId, is_id
from shared.contracts.management import AssignmentPage, AssignmentQuery

_LATEST = datetime.max.replace(tzinfo=UTC)


async def held(
    database: db.Database, directory: str, wanted: AssignmentQuery, *, now: datetime
) -> AssignmentPage:
    """Return a page of who held what at the moment that is asked for, or holds now.

    A user that was deleted is found by its id alone. Raises UnknownError.
    """
    async with database.connection() as connection:
        found = await directories.find(connection, directory)
        user = wanted.user
        if user and not is_id(user):
            user = (await directories.find_user(connection, found.id, user)).id
        asked = history.Asked(
            # Now is whatever was told last, also by a source whose clock is ahead of this one.
            wanted.at or _LATEST,
            UserId(user) if user else None,
            RoleKey(wanted.role) if wanted.role else None,
            _place(wanted.after),
        )
        items = await history.held(connection, found.id, asked, wanted.limit + 1)
    page, has_more = items[: wanted.limit], len(items) > wanted.limit
    following = f"{page[-1].user_id}/{page[-1].role.key}" if has_more else None
    return AssignmentPage(at=wanted.at or now, items=page, next=following)


def _place(after: str | None) -> tuple[str, str] | None:
    if after is None:
        return None
    user, _, role = after.partition("/")
    return user, role
