"""Starting and stopping a client of aiokafka within a bounded time."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.kafka.access import Access, Servers, refusal
from shared.kafka.records import KafkaStuckError, KafkaUnavailableError

_log = structlog.get_logger(__name__)
CALL_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
_START_TIMEOUT_S = 30.0
_CUT_OFF_TIMEOUT_S = 15.0


async def start(begin: Callable[[], Awaitable[None]], servers: Servers) -> None:
    """Start a client, waiting a bounded time for a broker.

    Raises KafkaUnavailableError after 30 s, KafkaRefusedError at once where waiting is vain.
    """
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            while True:
                if refused := await refusal(servers):
                    raise refused
                try:
                    await begin()
                except (KafkaError, OSError) as error:
                    _log.warning("kafka.awaited", error=type(error).__name__)
                    await asyncio.sleep(0.5)
                else:
                    return
    except TimeoutError as error:
        address = servers.servers if isinstance(servers, Access) else servers
        raise KafkaUnavailableError(
            f"Kafka at {address} did not answer within {_START_TIMEOUT_S:.0f} s; check "
            "ROLLCALL_KAFKA_SERVERS and ROLLCALL_KAFKA_SECURITY_PROTOCOL, and that the broker is up"
        ) from error


async def stop(end: Callable[[], Awaitable[None]], within_s: float = STOP_TIMEOUT_S) -> None:
    """Stop a client. Raises KafkaStuckError."""
    try:
        async with asyncio.timeout(within_s):
            await end()
    except TimeoutError as error:
        raise KafkaStuckError("a Kafka client did not stop in time") from error


async def stop_publisher(producer: AIOKafkaProducer) -> None:
    """Stop a producer, by force if Kafka hangs. Raises KafkaStuckError.

    A broker that accepts connections and says nothing must not end the process: it would not start
    again before Kafka is back, and what it serves beside Kafka would be gone meanwhile.
    """
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await producer.stop()
    except TimeoutError:
        _log.warning("kafka.publisher_cut_off")
        await stop(lambda: _cut_off(producer), _CUT_OFF_TIMEOUT_S)


async def _cut_off(producer: AIOKafkaProducer) -> None:
    """End the tasks and connections of a producer; what was not acknowledged is in the outbox."""
    # aiokafka has no way to give up, so its parts are ended one by one.
    sender, waiting = producer._sender.sender_task, producer._message_accumulator  # noqa: SLF001
    # Cancelled once it finishes what is in flight; once more ends that too.
    while not sender.done():
        sender.cancel()
        await asyncio.wait([sender], timeout=0.1)
    await producer.client.close()
    queued = (batch for batches in waiting._batches.values() for batch in batches)  # noqa: SLF001
    for batch in [*waiting._pending_batches, *queued]:  # noqa: SLF001
        batch.future.cancel()
