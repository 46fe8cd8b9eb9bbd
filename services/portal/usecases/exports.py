"""Lists in full, page by page, so that none of them is ever in memory as a whole."""

from collections.abc import AsyncIterator, Sequence

from services.portal.clients import Services
from services.portal.domain.rows import UserFilter, UserRow
from services.portal.store import views
from services.portal.store.selection import Cursor
from shared import db
from shared.contracts.ids import DirectoryId
from shared.contracts.management import Request, RequestQuery

_USERS_AT_ONCE = 500
_CALLS_AT_ONCE = 200


async def users(
    database: db.Database, directory: DirectoryId, wanted: UserFilter
) -> AsyncIterator[Sequence[UserRow]]:
    """Yield all users of a selection, in its order."""
    after: Cursor = None
    while True:
        async with database.connection() as connection:
            found, after = await views.users(connection, directory, wanted, after, _USERS_AT_ONCE)
        yield found
        if after is None:
            return


async def calls(
    services: Services, directory: DirectoryId, wanted: RequestQuery
) -> AsyncIterator[Sequence[Request]]:
    """Yield all calls of a selection, the newest first."""
    after: str | None = None
    while True:
        page = wanted.model_copy(update={"after": after, "limit": _CALLS_AT_ONCE})
        found = await services.requests(directory, page)
        yield found.items
        after = found.next
        if after is None:
            return
