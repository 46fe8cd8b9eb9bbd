"""Directory and role events, batch by batch, into the use cases that apply them.

Each version of the read models has a consumer of its own (`versions.py`).
"""

from collections.abc import Container, Sequence

from services.projector import usecases
from shared import consume, db, kafka, telemetry
from shared.contracts import directory_events, role_events
from shared.contracts.envelope import Envelope
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

GROUP = "projector"
SNAPSHOTS = frozenset({DIRECTORY_EVENTS.name})
"""The topics on which a snapshot heals what is missing."""


def consumer(database: db.Database, servers: kafka.Servers, group: str = GROUP) -> consume.Consumer:
    """Return the consumer of both topics; no order is assumed between them."""
    directory, role = DIRECTORY_EVENTS.name, ROLE_EVENTS.name
    handlers = {
        directory: _counted(directory, directory_events.EVENTS, usecases.apply_directory_events),
        role: _counted(role, role_events.EVENTS, usecases.apply_role_events),
    }
    return consume.Consumer(database, servers, group, handlers)


def _counted(topic: str, known: Container[str], apply: consume.Apply) -> consume.Apply:
    """Count the types of a newer version; they stand in the event log and nowhere else."""

    async def counted(tx: db.Connection, events: Sequence[Envelope]) -> None:
        await apply(tx, events)
        unknown = sum(event.type not in known for event in events)
        telemetry.CONSUMED.labels(topic, "unknown").inc(unknown)

    return counted
