"""The roles process, as it is deployed, with a real Postgres and a real Kafka."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientSession
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local import ports
from shared import kafka
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS, ROLE_STATE, lane_of
from tests.integration.roles.world import API_KEY, Api
from tests.support.directory_log import DirectoryLog
from tests.support.servers import Databases, Servers
from tests.support.service import Service


@asynccontextmanager
async def running(servers: Servers, databases: Databases) -> AsyncIterator[Service]:
    """Yield the service, ready; it is stopped afterwards, unless it was killed."""
    port = ports.choose()
    service = Service("roles", environment(servers, databases, port), f"http://127.0.0.1:{port}")
    async with service.running():
        yield service


async def consumed(service: Service, verdict: str) -> float:
    """Return how many directory events it counted with this verdict."""
    labels = f'{{topic="{DIRECTORY_EVENTS.name}",verdict="{verdict}"}}'
    return await service.metric(f"rollcall_consumer_events_total{labels}")


def environment(servers: Servers, databases: Databases, port: int) -> dict[str, str]:
    return {
        **os.environ,
        "ROLLCALL_ROLES_DATABASE_URL": databases.roles,
        "ROLLCALL_ROLES_PORT": str(port),
        "ROLLCALL_KAFKA_SERVERS": servers.kafka,
        "ROLLCALL_API_KEY": API_KEY,
        "ROLLCALL_LOG_LEVEL": "WARNING",
    }


@asynccontextmanager
async def api_at(service: Service) -> AsyncIterator[Api]:
    async with ClientSession() as session:
        yield Api(session, service.url)


@dataclass(frozen=True, slots=True)
class Published:
    """A record read from Kafka; `document` is None for a tombstone."""

    key: str
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)

    @property
    def document(self) -> Any:
        return self.value and orjson.loads(self.value)


@dataclass(frozen=True, slots=True)
class Log:
    """Kafka as its clients see it: writes as ingest does, reads with aiokafka alone."""

    servers: str

    async def publish(self, log: DirectoryLog, records: Sequence[bytes] | None = None) -> None:
        values = log.records if records is None else records
        outgoing = [
            kafka.Outgoing(DIRECTORY_EVENTS.name, log.id.encode(), value) for value in values
        ]
        async with kafka.publisher(self.servers, "test") as publisher:
            await publisher.publish(lane_of(log.id), outgoing)

    async def events(self, log: DirectoryLog) -> list[Published]:
        return await self._read(ROLE_EVENTS.name, log)

    async def states(self, log: DirectoryLog) -> list[Published]:
        return await self._read(ROLE_STATE.name, log)

    async def end(self, log: DirectoryLog) -> int:
        """Return where the log of a directory's lane ends."""
        place = TopicPartition(DIRECTORY_EVENTS.name, lane_of(log.id))
        async with _consumer(self.servers) as consumer:
            return int((await consumer.end_offsets([place]))[place])

    async def _read(self, topic: str, log: DirectoryLog) -> list[Published]:
        place = TopicPartition(topic, lane_of(log.id))
        found: list[Published] = []
        async with _consumer(self.servers) as consumer:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += [
                        Published(record.key.decode(), record.value, dict(record.headers))
                        for record in records
                    ]
        return [one for one in found if one.key.startswith(log.id)]


@asynccontextmanager
async def _consumer(servers: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
