"""A person's data is erased: who has copies is told to forget them (ADR 0033)."""

from datetime import datetime

from services.ingest.domain.directories import StillThereError, UnknownError
from services.ingest.domain.resources import Act
from services.ingest.store import directories, events, resources
from shared import audit, db
from shared.contracts.directory_events import Cause, UserErased
from shared.contracts.envelope import Position
from shared.contracts.ids import UserId, is_id


async def erase(
    database: db.Database, key: str, user: str, cause: Cause, now: datetime
) -> Position:
    """Tell that a deleted user is to be forgotten; return where the event stands.

    Nothing of it is stored here any more, so whether it ever was there is not known. A second time
    is told a second time. Raises UnknownError, StillThereError.
    """
    if not is_id(user):
        raise UnknownError(f"{user} is not the id of a user.")
    erased = UserErased(cause=cause, id=UserId(user))
    async with database.transaction() as tx:
        found = await directories.lock(tx, key)
        if await resources.has_user(tx, found.id, erased.id):
            raise StillThereError(
                "The user is still in the directory: let the provider delete it first."
            )
        facts = {"user": user, "request": cause.id}
        await audit.record(tx, str(cause.actor), "user.erased", found.id, facts)
        act = Act(found.id, found.organization, cause, now)
        return await events.append_one(tx, act, erased)
