"""The roles process, as it is deployed, with a real Postgres and a real Kafka."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local import ports
from shared import kafka
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS, ROLE_STATE, lane_of
from tests.integration.roles.world import API_KEY, Api
from tests.support.directory_log import DirectoryLog
from tests.support.servers import Databases, Servers
from tests.support.waiting import eventually


@dataclass(slots=True)
class Service:
    """`python -m services roles`; it may be killed and started again."""

    environment: dict[str, str]
    url: str
    child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services", "roles", env=self.environment
        )
        await eventually(self.is_ready, within_s=40)

    async def is_ready(self) -> bool:
        assert self.child is not None
        assert self.child.returncode is None, "it ended by itself"
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=2)) as session,
                session.get(f"{self.url}/readyz") as answer,
            ):
                return answer.status == 200
        except (ClientError, TimeoutError):
            return False

    async def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        await self.child.wait()

    async def stop(self) -> int:
        assert self.child is not None
        if self.child.returncode is None:
            self.child.terminate()
        async with asyncio.timeout(30):
            return await self.child.wait()

    async def consumed(self, verdict: str) -> float:
        """Return how many directory events it counted with this verdict."""
        async with ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            text = await answer.text()
        labels = f'{{topic="{DIRECTORY_EVENTS.name}",verdict="{verdict}"}}'
        name = f"rollcall_consumer_events_total{labels} "
        return sum(float(line[len(name) :]) for line in text.splitlines() if line.startswith(name))


@asynccontextmanager
async def running(servers: Servers, databases: Databases) -> AsyncIterator[Service]:
    """Yield the service, ready; it is stopped afterwards, unless it was killed."""
    port = ports.choose()
    service = Service(environment(servers, databases, port), f"http://127.0.0.1:{port}")
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


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
