"""A real Postgres and a real Kafka for the tests, and a fresh database for each test.

Order: addresses in the environment (ROLLCALL_TEST_POSTGRES_URL, a superuser's, and
ROLLCALL_TEST_KAFKA), testcontainers when ROLLCALL_TEST_SERVERS=testcontainers, else servers of our
own out of wheels. `python -m deploy.local servers --data-dir DIR` keeps a pair for many test runs.
"""

import asyncio
import os
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from deploy.local import ports
from deploy.local import servers as local
from deploy.local.postgres import new_password
from deploy.local.supervisor import Supervisor
from deploy.postgres.bootstrap import SERVICES, bootstrap
from shared.contracts.topics import TOPICS
from shared.kafka import ensure_topics

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

# Shared with `make run`, so that the jars are fetched once.
JAR_CACHE = Path(__file__).parents[2] / ".local" / "cache" / "jars"
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
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415  # needs a Docker engine

    port = ports.choose()
    with PostgresContainer("postgres:18", driver=None) as postgres, _kafka_container(port):
        await _until_listening(port)
        yield Servers(postgres.get_connection_url(), f"127.0.0.1:{port}")


def _kafka_container(port: int) -> "DockerContainer":
    """Return Apache's image (the package knows only another's), advertised where tests reach it."""
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    settings = {
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_NODE_ID": "1",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    container = DockerContainer("apache/kafka:4.1.1").with_bind_ports(9092, port)
    for name, value in settings.items():
        container = container.with_env(name, value)
    return container


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _local() -> AsyncIterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="rollcall-test-") as folder:
        places = local.Places(Path(folder), JAR_CACHE, local.any_ports(), new_password())
        supervisor = Supervisor(say=lambda _line: None, started=lambda _pids: None)
        try:
            found = await local.start(places, supervisor)
            yield Servers(found.postgres.dsn(), found.kafka.address)
        finally:
            await supervisor.stop(hurried=asyncio.Event())


@asynccontextmanager
async def fresh_database(
    found: Servers, template: Databases | None = None
) -> AsyncIterator[Databases]:
    """Yield a new database with each service's schema and role; it is dropped afterwards.

    With a template it is a copy of that database, to which nobody may be connected.
    """
    name = f"test_{uuid.uuid4().hex}"
    if template:
        await _as_superuser(found, f'create database "{name}" template "{template.name}"')
    # Also a copy: rights on the database itself are not copied.
    await bootstrap(found.postgres, name, dict.fromkeys(SERVICES, _PASSWORD))
    try:
        yield _addresses(found.postgres, name)
    finally:
        await _as_superuser(found, f'drop database "{name}" with (force)')


async def _as_superuser(found: Servers, statement: str) -> None:
    connection = await asyncpg.connect(found.postgres)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _addresses(superuser: str, name: str) -> Databases:
    host = superuser.rpartition("@")[2].partition("/")[0]
    urls = {role: f"postgresql://{role}:{_PASSWORD}@{host}/{name}" for role in SERVICES}
    return Databases(name, **urls)
