"""The gate: one event and the position of its directory decide what happens to it (ADR 0005).

Kafka may repeat, never reorder; so an event is the next one, an old one, or proof of a gap. What
opens a snapshot may stand anywhere further on: what follows it tells everything again (ADR 0015).
"""

from enum import Enum, auto

from shared.contracts.envelope import Position

START = Position(generation=1, sequence=0)


class Verdict(Enum):
    """What to do with an event."""

    APPLY = auto()
    DROP = auto()
    STALL = auto()
    RESUME = auto()


def judge(position: Position, event: Position, *, opens_snapshot: bool = False) -> Verdict:
    """Return the verdict on an event, given the last applied position of its directory.

    A new generation is entered by a snapshot alone: nothing of the old one can be relied on.
    """
    if (event.generation, event.sequence) <= (position.generation, position.sequence):
        return Verdict.DROP
    if opens_snapshot:
        return Verdict.RESUME
    if event == Position(position.generation, position.sequence + 1):
        return Verdict.APPLY
    return Verdict.STALL
