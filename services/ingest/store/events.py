"""Events go into the outbox, in the statement or the transaction of what they tell."""

from collections.abc import Iterable, Sequence

from services.ingest.domain.resources import Act
from shared import db, outbox
from shared.contracts import envelope
from shared.contracts.directory_events import DirectoryEvent
from shared.contracts.envelope import Position
from shared.contracts.topics import DIRECTORY_EVENTS


async def append(tx: db.Connection, act: Act, events: Iterable[DirectoryEvent]) -> None:
    """Append the events in order. Locks the directory's counter: call it last."""
    await outbox.append(tx, act.directory, entries(act, events))


async def append_one(tx: db.Connection, act: Act, event: DirectoryEvent) -> Position:
    """Append an event; return where it stands. Locks the directory's counter: call it last."""
    [entry] = entries(act, [event])
    return await outbox.append_one(tx, act.directory, entry)


def entries(act: Act, events: Iterable[DirectoryEvent]) -> Sequence[outbox.Entry]:
    """Return the events of an act as the outbox holds them, in order."""
    origin = act.origin
    return [
        outbox.Entry(
            DIRECTORY_EVENTS.name,
            act.directory,
            envelope.tail(event.type, event.subject, origin, event),
        )
        for event in events
    ]
