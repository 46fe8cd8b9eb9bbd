"""The ingest process on a database and a Kafka of the test's own, and a directory in it."""

import os
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from deploy.local import ports
from shared import db
from tests.integration.ingest.client import API_KEY, Client, connect
from tests.support.servers import Databases, Servers, fresh_database
from tests.support.service import Service


@pytest.fixture(scope="module")
async def databases(servers: Servers) -> AsyncIterator[Databases]:
    """One database a module, since each test makes a directory of its own."""
    async with fresh_database(servers) as made:
        yield made


@pytest.fixture(scope="module")
async def service(servers: Servers, databases: Databases) -> AsyncIterator[Service]:
    async with db.connect(databases.ingest, "ingest") as database:
        await db.migrate(database, ["shared", "services.ingest"])
    port = ports.choose()
    environment = {
        **os.environ,
        "ROLLCALL_INGEST_DATABASE_URL": databases.ingest,
        "ROLLCALL_INGEST_PORT": str(port),
        "ROLLCALL_INGEST_TOKEN_PEPPER": "a pepper of the tests",
        "ROLLCALL_KAFKA_SERVERS": servers.kafka,
        "ROLLCALL_API_KEY": API_KEY,
        "ROLLCALL_LOG_LEVEL": "WARNING",
        # Tests ask faster than a provider may; the limit has its own.
        "ROLLCALL_INGEST_REQUESTS_PER_SECOND": "10000",
        "ROLLCALL_INGEST_BURST": "100000",
    }
    found = Service("ingest", environment, f"http://127.0.0.1:{port}")
    async with found.running():
        yield found


@pytest.fixture
async def client(service: Service) -> AsyncIterator[Client]:
    async with ClientSession() as session:
        yield await connect(session, service.url)
