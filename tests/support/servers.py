"""A real Postgres and a real Kafka for the tests, and a fresh database for each test.

Order: addresses in the environment (ROLLCALL_TEST_POSTGRES_URL of a superuser, ROLLCALL_TEST_KAFKA),
testcontainers when ROLLCALL_TEST_SERVERS=testcontainers, else servers of our own out of wheels.
"""

import asyncio
import os
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local import jars, ports
from deploy.local.kafka import Kafka
from deploy.local.postgres import SERVICES, Postgres, bootstrap, new_password
from shared.contracts.topics import TOPICS
from shared.kafka import ensure_topics

_JAR_CACHE = Path(".local/cache/jars")
_PASSWORD = "rollcall"


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses: a superuser's DSN, and host:port of Kafka."""

    postgres: str
    kafka: str


@dataclass(frozen=True, slots=True)
class Databases:
    """A database of its own, by the DSN of each service."""

    name: str
    ingest: str
    roles: str
    projector: str
    portal: str

    def of(self, service: str) -> str:
        return str(getattr(self, service))


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Yield running servers whose topics exist."""
    async with _chosen() as found:
        await ensure_topics(found.kafka, TOPICS)
        yield found


@asynccontextmanager
async def _chosen() -> AsyncIterator[Servers]:
    postgres, kafka = (
        os.environ.get(name) for name in ("ROLLCALL_TEST_POSTGRES_URL", "ROLLCALL_TEST_KAFKA")
    )
    if postgres and kafka:
        yield Servers(postgres, kafka)
    elif os.environ.get("ROLLCALL_TEST_SERVERS") == "testcontainers":
        async with _containers() as found:
            yield found
    else:
        async with _local() as found:
            yield found


@asynccontextmanager
async def _containers() -> AsyncIterator[Servers]:
    from testcontainers.kafka import KafkaContainer  # noqa: PLC0415  # needs a Docker engine
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415

    with (
        PostgresContainer("postgres:18", driver=None) as postgres,
        KafkaContainer("apache/kafka:4.1.1") as kafka,
    ):
        yield Servers(postgres.get_connection_url(), kafka.get_bootstrap_server())


@asynccontextmanager
async def _local() -> AsyncIterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="rollcall-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = Postgres(
            folder / "postgres", ports.choose(0), new_password(), folder / "postgres.log"
        )
        kafka = Kafka(
            folder / "kafka",
            ports.choose(0),
            ports.choose(0),
            jars.fetch(_JAR_CACHE.resolve()),
            folder / "kafka.log",
        )
        postgres.initialise()
        kafka.initialise()
        commands = [postgres.command(), kafka.command()]
        children = [command.start() for command in commands]
        try:
            await asyncio.gather(postgres.ready(), kafka.ready())
            yield Servers(postgres.dsn(), kafka.address)
        finally:
            for command, child in zip(commands, children, strict=True):
                command.stop(child)


@asynccontextmanager
async def fresh_database(found: Servers) -> AsyncIterator[Databases]:
    """Yield a new database with each service's schema and role; it is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    await bootstrap(found.postgres, name, dict.fromkeys(SERVICES, _PASSWORD))
    try:
        yield _addresses(found.postgres, name)
    finally:
        connection = await asyncpg.connect(found.postgres)
        await connection.execute(f'drop database "{name}" with (force)')
        await connection.close()


def _addresses(superuser: str, name: str) -> Databases:
    host = superuser.rpartition("@")[2].partition("/")[0]
    urls = {role: f"postgresql://{role}:{_PASSWORD}@{host}/{name}" for role in SERVICES}
    return Databases(name, **urls)
