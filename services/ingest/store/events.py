"""Events go into the outbox, in the transaction of what they tell."""

from collections.abc import Iterable

from services.ingest.domain.resources import Act
from shared import db, outbox
from shared.contracts import envelope
from shared.contracts.directory_events import DirectoryEvent
from shared.contracts.topics import DIRECTORY_EVENTS


async def append(tx: db.Connection, act: Act, events: Iterable[DirectoryEvent]) -> None:
    """Append the events in order. Locks the directory's counter: call it last."""
    origin = act.origin
    await outbox.append(
        tx,
        act.directory,
        [
            outbox.Entry(
                DIRECTORY_EVENTS.name,
                act.directory,
                envelope.tail(event.type, event.subject, origin, event),
            )
            for event in events
        ],
    )
