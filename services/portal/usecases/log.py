"""The log of a directory as applications get it: pages of it, one event, and who uncovered what."""

from dataclasses import dataclass

from services.portal.clients import Services
from services.portal.domain import log
from services.portal.domain.errors import DelayedError, MissingError
from services.portal.domain.log import Place
from services.portal.domain.rows import DirectoryRow, EventFilter, LoggedEvent
from services.portal.store import log as events
from services.portal.store import views
from shared import audit, db
from shared.contracts.ids import DirectoryId, OrganizationId, is_id
from shared.contracts.management import Reached
from shared.contracts.topics import DIRECTORY_EVENTS

_REVEALED = "event.revealed"


@dataclass(frozen=True, slots=True)
class Shown:
    """An event; `is_applied` says whether roles applied it, None where that is not known.

    Roles follows the events of the directory alone; its own it makes.
    """

    directory: DirectoryRow
    event: LoggedEvent
    is_applied: bool | None


async def page(
    database: db.Database, directory: DirectoryId, wanted: EventFilter, after: Place | None
) -> tuple[list[LoggedEvent], bool]:
    """Return a page of events, the newest first, and whether there are more."""
    async with database.connection() as connection:
        return await events.events(connection, directory, wanted, after)


async def subject(database: db.Database, directory: DirectoryId, name: str) -> str | None:
    """Return the id of the user or the group that is meant by a name or an id."""
    if is_id(name):
        return name
    async with database.connection() as connection:
        users = await views.find_users(connection, directory, name.lower())
        if users:
            return str(users[0].id)
        return await views.group_named(connection, directory, name.lower())


async def show(
    database: db.Database, services: Services, organization: OrganizationId, key: str
) -> Shown:
    """Return an event of an organization. Raises MissingError, also for another one's."""
    place = log.place_of(key)
    async with database.connection() as connection:
        found = {one.id: one for one in await views.directories(connection, organization)}
        if place is None or place.directory not in found:
            raise MissingError
        event = await events.event(connection, place)
    if event is None:
        raise MissingError
    return Shown(found[place.directory], event, await _is_applied(services, place))


async def _is_applied(services: Services, place: Place) -> bool | None:
    if place.topic != DIRECTORY_EVENTS.name:
        return None
    try:
        position = await services.roles_position(place.directory)
    except (DelayedError, MissingError):
        return None
    reached = Reached(generation=place.generation, sequence=place.sequence)
    return _pair(position.applied) >= _pair(reached)


def _pair(place: Reached) -> tuple[int, int]:
    return place.generation, place.sequence


async def note_revealed(database: db.Database, shown: Shown, actor: str) -> None:
    """Record that somebody looked at what is masked, before it is shown."""
    facts = {"event": shown.event.id}
    async with database.transaction() as tx:
        await audit.record(tx, actor, _REVEALED, shown.directory.id, facts)
