"""Kafka as it is: one partition at a time, from its first record to an end that stands still."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from shared import kafka
from shared.kafka import Incoming, Place

_WAIT_MS = 500
_MAX_RECORDS = 2000
_PATIENCE = 40  # empty fetches in a row, 20 s


@dataclass(slots=True)
class Log:
    """Reads partitions without a group; `advanced` is told of each batch's records."""

    reader: kafka.Subscriber
    advanced: Callable[[int], None] = lambda _records: None
    starts: dict[Place, int] = field(default_factory=dict)

    async def end(self, place: Place) -> int:
        """Return the offset behind the last record there is now; note where the log starts."""
        start, end = (await self.reader.log_bounds([place]))[place]
        self.starts[place] = start
        return end

    async def records(self, place: Place, end: int) -> AsyncIterator[Incoming]:
        """Yield every record before the end, in order. Raises KafkaUnavailableError."""
        start = self.starts[place]
        if start >= end:
            return
        self.reader.read_alone(place, start)
        offset, waited = start, 0
        while offset < end:
            batches = await self.reader.batches(wait_ms=_WAIT_MS, max_records=_MAX_RECORDS)
            for batch in batches:
                offset, waited = batch.end, 0
                self.advanced(len(batch.records))
                for record in batch.records:
                    if record.offset < end:
                        yield record
            if not batches:
                offset, waited = await self.reader.position(place), waited + 1
            if waited > _PATIENCE:
                raise kafka.KafkaUnavailableError(f"Kafka gave nothing of {place} from {offset} on")
