"""What the projector does: apply a batch of one topic to the read models, tell what is in them."""

from collections.abc import Sequence

from services.projector import domain, store
from shared import db
from shared.contracts import management
from shared.contracts.envelope import Envelope
from shared.contracts.ids import is_id
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS


async def apply_directory_events(tx: db.Connection, events: Sequence[Envelope]) -> None:
    """Write what directory events say, inside the consumer's transaction."""
    await store.put_directory_rows(tx, domain.directory_rows(events))
    await store.put_events(tx, [domain.event_row(DIRECTORY_EVENTS.name, one) for one in events])


async def apply_role_events(tx: db.Connection, events: Sequence[Envelope]) -> None:
    """Write what role events say, inside the consumer's transaction."""
    await store.put_role_rows(tx, domain.role_rows(events))
    await store.put_events(tx, [domain.event_row(ROLE_EVENTS.name, one) for one in events])


async def known_users(
    database: db.Database, directory: str, user: str
) -> list[management.KnownUser]:
    """Return who the read models tell of by this id, or this userName in any case."""
    if not is_id(directory):
        return []
    async with database.connection() as connection:
        key = user if is_id(user) else None
        return await store.known_users(connection, directory, key, user)
