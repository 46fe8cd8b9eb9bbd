"""The outbox: events are appended in the transaction of their state, and relayed to Kafka.

    use case ──append──▶ outbox rows ──Relay──▶ Kafka, in order, then exactly these rows deleted

A crash anywhere repeats and never skips; repeats die at the consumer's gate (ADR 0003).
"""

from shared.outbox.append import Entry, EventTooLargeError, append, open_history
from shared.outbox.relay import BrokenOrderError, Relay

__all__ = ["BrokenOrderError", "Entry", "EventTooLargeError", "Relay", "append", "open_history"]
