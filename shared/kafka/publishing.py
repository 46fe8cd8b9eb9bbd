"""Publishing: acknowledged batches, in order."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.contracts.envelope import CONTENT_TYPE
from shared.kafka.access import Servers, client_options
from shared.kafka.clients import CALL_TIMEOUT_S, start, stop_publisher
from shared.kafka.records import Outgoing, PublishError

_HEADERS = [("content-type", CONTENT_TYPE.encode())]
_MAX_BATCH_BYTES = 960 * 1024


@dataclass(frozen=True, slots=True)
class Publisher:
    """An idempotent producer that returns only once everything is acknowledged by all replicas."""

    producer: AIOKafkaProducer

    async def publish(self, partition: int, records: Sequence[Outgoing]) -> None:
        """Publish the records in order, in as few batches as they fit. Raises PublishError.

        One batch is in flight at a time, so that a failure can only repeat, never reorder.
        """
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                for topic, values in _by_topic(records).items():
                    await self._publish_topic(topic, partition, values)
        except (KafkaError, TimeoutError) as error:
            raise PublishError(f"partition {partition}: {error!r}") from error

    async def _publish_topic(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        rest = list(records)
        while rest:
            batch = self.producer.create_batch()
            taken = 0
            for record in rest:
                if not batch.append(
                    key=record.key, value=record.value, timestamp=None, headers=_HEADERS
                ):
                    break
                taken += 1
            if not taken:
                raise PublishError(f"partition {partition}: a record exceeds the batch size")
            acknowledged = await self.producer.send_batch(batch, topic, partition=partition)
            await acknowledged
            rest = rest[taken:]


def _by_topic(records: Iterable[Outgoing]) -> dict[str, list[Outgoing]]:
    topics: dict[str, list[Outgoing]] = {}
    for record in records:
        topics.setdefault(record.topic, []).append(record)
    return topics


@asynccontextmanager
async def publisher(servers: Servers, client_id: str) -> AsyncIterator[Publisher]:
    """Open a publisher. Raises KafkaUnavailableError at start, KafkaStuckError at the end."""
    producer = AIOKafkaProducer(
        **client_options(servers),
        client_id=client_id,
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=_MAX_BATCH_BYTES,
        max_request_size=_MAX_BATCH_BYTES + 64 * 1024,
    )
    try:
        await start(producer.start, servers)
        yield Publisher(producer)
    finally:
        await stop_publisher(producer)
