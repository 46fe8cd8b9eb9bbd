"""Directory and role events, batch by batch, into the use cases that apply them."""

from services.projector import usecases
from shared import consume, db
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

GROUP = "projector"


def consumer(database: db.Database, servers: str) -> consume.Consumer:
    """Return the consumer of both topics; no order is assumed between them."""
    handlers = {
        DIRECTORY_EVENTS.name: usecases.apply_directory_events,
        ROLE_EVENTS.name: usecases.apply_role_events,
    }
    return consume.Consumer(database, servers, GROUP, handlers)
