"""The partition loop: Kafka decides who reads, Postgres decides what counts (ADR 0005).

records → offset row locked → gate → apply, own outbox rows, positions, offset: one commit

plan.py        pure: a batch and the positions → what to apply, drop, keep
store.py       all SQL: offsets, positions, parked records, dead letters
applying.py    run the handler; find what fails for good
loop.py        Consumer: batch after batch
parking.py     what an operator may do with records that wait
healing.py     ask ingest for a snapshot of each stalled directory
counting.py    how many directories are stopped
letters.py     copy what parked to `dead-letters.v1`
operations.py  `/v1/parked`
truncation.py  a log that was cut off: halt, `/v1/losses`, go on
"""

from shared.consume.applying import Apply
from shared.consume.counting import Stopped
from shared.consume.healing import Healer, Ingest
from shared.consume.letters import DeadLetters
from shared.consume.loop import Consumer, ConsumerError, LogTruncatedError, MassParkingError
from shared.consume.operations import STATUSES, Operations
from shared.consume.store import position
from shared.consume.truncation import Halting, Losses, NothingLostError

__all__ = [
    "STATUSES",
    "Apply",
    "Consumer",
    "ConsumerError",
    "DeadLetters",
    "Halting",
    "Healer",
    "Ingest",
    "LogTruncatedError",
    "Losses",
    "MassParkingError",
    "NothingLostError",
    "Operations",
    "Stopped",
    "position",
]
