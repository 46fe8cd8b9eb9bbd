"""Directory events, batch by batch, into the use case that applies them."""

from collections.abc import Callable, Sequence

from services.roles import usecases
from shared import consume, db, kafka, telemetry
from shared.contracts import directory_events
from shared.contracts.envelope import Envelope
from shared.contracts.topics import DIRECTORY_EVENTS

GROUP = "roles"
SNAPSHOTS = frozenset({DIRECTORY_EVENTS.name})
"""The topics on which a snapshot heals what is missing."""


def consumer(
    database: db.Database, servers: kafka.Servers, committed: Callable[[], None]
) -> consume.Consumer:
    """Return the consumer of `directory.events.v1`; `committed` wakes the relay."""
    handlers = {DIRECTORY_EVENTS.name: apply}
    return consume.Consumer(database, servers, GROUP, handlers, committed)


async def apply(tx: db.Connection, envelopes: Sequence[Envelope]) -> None:
    """Apply a batch inside the consumer's transaction; types of a newer version are skipped.

    Raises pydantic.ValidationError for data that does not fit its type, and RolesError.
    """
    decoded = [(one, directory_events.decode(one)) for one in envelopes]
    events = [(one, event) for one, event in decoded if event]
    telemetry.CONSUMED.labels(DIRECTORY_EVENTS.name, "unknown").inc(len(decoded) - len(events))
    await usecases.apply_events(tx, events)
