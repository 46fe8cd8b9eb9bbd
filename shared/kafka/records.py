"""Records, batches, and what can go wrong with a broker."""

from dataclasses import dataclass
from typing import TypeAlias

from aiokafka.errors import KafkaError

Error = KafkaError
Place: TypeAlias = tuple[str, int]
"""A partition: its topic and number."""


class KafkaUnavailableError(Exception):
    """Kafka could not be reached in time."""


class KafkaRefusedError(KafkaUnavailableError):
    """A setting is wrong: brokers will never let us in with it. The message names the variable."""


class KafkaStuckError(Exception):
    """A client could not be stopped in time; only ending the process helps."""


class PublishError(Exception):
    """A batch was not acknowledged; it may or may not be in the log."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be published; a null value deletes the key of a compacted topic."""

    topic: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A record as read; `key` and `value` may be anything that somebody wrote.

    `timestamp_ms` is when it was published, by the publisher's clock; None where it was kept since.
    """

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one partition, in order."""

    topic: str
    partition: int
    records: tuple[Incoming, ...]

    @property
    def place(self) -> Place:
        """Where it comes from."""
        return self.topic, self.partition

    @property
    def start(self) -> int:
        """The offset of the first record."""
        return self.records[0].offset

    @property
    def end(self) -> int:
        """The offset that follows the last record."""
        return self.records[-1].offset + 1
