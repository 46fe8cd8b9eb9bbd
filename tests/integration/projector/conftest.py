"""A migrated database for the projector, and the portal's view of it."""

import os
from collections.abc import AsyncIterator

import pytest

from deploy.local import ports
from services.projector.usecases import versions
from shared import db
from tests.integration.projector.world import Portal
from tests.support.servers import Databases, Servers
from tests.support.service import Service


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[db.Database]:
    """The first version of the read models, which is live."""
    await versions.migrate(databases.projector)
    async with db.connect(databases.projector, "rm_1") as found:
        yield found


@pytest.fixture
async def registry(databases: Databases, database: db.Database) -> AsyncIterator[db.Database]:
    """Where versions are known, and the live one is seen."""
    async with db.connect(databases.projector, "projector") as found:
        yield found


@pytest.fixture
async def portal(databases: Databases, database: db.Database) -> AsyncIterator[Portal]:
    """What the portal may see, with its own database role."""
    async with db.connect(databases.portal, "portal") as found:
        yield Portal(found)


@pytest.fixture
def service(servers: Servers, databases: Databases, database: db.Database) -> Service:
    port = ports.choose()
    environment = {
        **os.environ,
        "ROLLCALL_PROJECTOR_DATABASE_URL": databases.projector,
        "ROLLCALL_PROJECTOR_PORT": str(port),
        "ROLLCALL_API_KEY": "a key for the tests only",
        "ROLLCALL_KAFKA_SERVERS": servers.kafka,
        "ROLLCALL_LOG_LEVEL": "WARNING",
    }
    return Service("projector", environment, f"http://127.0.0.1:{port}")
