"""What the projector does: apply a batch of one topic to the read models."""

from collections.abc import Sequence

from services.projector import domain, store
from shared import db
from shared.contracts.envelope import Envelope
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS


async def apply_directory_events(tx: db.Connection, events: Sequence[Envelope]) -> None:
    """Write what directory events say, inside the consumer's transaction."""
    await store.put_directory_rows(tx, domain.directory_rows(events))
    await store.put_events(tx, [domain.event_row(DIRECTORY_EVENTS.name, one) for one in events])


async def apply_role_events(tx: db.Connection, events: Sequence[Envelope]) -> None:
    """Write what role events say, inside the consumer's transaction."""
    await store.put_role_rows(tx, domain.role_rows(events))
    await store.put_events(tx, [domain.event_row(ROLE_EVENTS.name, one) for one in events])
