"""A migrated schema with a table of effects, and topics of the test's own."""

from collections.abc import AsyncIterator

import pytest

from shared import db, kafka
from shared.contracts.topics import Topic
from tests.integration.shared import world
from tests.support.servers import Databases, Servers


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[db.Database]:
    async with db.connect(databases.projector, "projector") as found:
        await world.prepare(found)
        yield found


@pytest.fixture
async def topic(servers: Servers) -> str:
    """A topic with one partition a lane."""
    return await world.new_topic(servers.kafka)


@pytest.fixture
async def publisher(servers: Servers) -> AsyncIterator[kafka.Publisher]:
    async with kafka.publisher(servers.kafka, "test") as found:
        yield found


@pytest.fixture
def declared() -> Topic:
    """A topic that does not exist yet."""
    return world.declare(partitions=2)
