"""Directory events, batch by batch, into the use case that applies them."""

from collections.abc import Callable

from services.roles import usecases
from shared import consume, db
from shared.contracts.topics import DIRECTORY_EVENTS

GROUP = "roles"


def consumer(
    database: db.Database, servers: str, committed: Callable[[], None]
) -> consume.Consumer:
    """Return the consumer of `directory.events.v1`; `committed` wakes the relay."""
    handlers = {DIRECTORY_EVENTS.name: usecases.apply_events}
    return consume.Consumer(database, servers, GROUP, handlers, committed)
