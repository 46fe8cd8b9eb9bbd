"""The outbox: events are appended in the transaction of their state, and relayed to Kafka.

    use case ──append──▶ outbox rows ──Relay──▶ Kafka, in order, then exactly these rows deleted

A crash anywhere repeats and never skips; repeats die at the consumer's gate (ADR 0003).
"""

from shared.outbox.append import (
    MAX_EVENT_BYTES,
    Entry,
    EventTooLargeError,
    append,
    append_all,
    append_one,
    hold,
    holds_more_than,
    open_history,
    statement,
    store,
)
from shared.outbox.backlog import Backlog
from shared.outbox.progress import outgoing
from shared.outbox.relay import BrokenOrderError, Relay

__all__ = [
    "MAX_EVENT_BYTES",
    "Backlog",
    "BrokenOrderError",
    "Entry",
    "EventTooLargeError",
    "Relay",
    "append",
    "append_all",
    "append_one",
    "hold",
    "holds_more_than",
    "open_history",
    "outgoing",
    "statement",
    "store",
]
