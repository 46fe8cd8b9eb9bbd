"""A migrated database for the projector, and the portal's view of it."""

from collections.abc import AsyncIterator

import pytest

from shared import db
from tests.integration.projector.world import Portal
from tests.support.servers import Databases


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[db.Database]:
    async with db.connect(databases.projector, "projector") as found:
        await db.migrate(found, ["shared", "services.projector"])
        yield found


@pytest.fixture
async def portal(databases: Databases, database: db.Database) -> AsyncIterator[Portal]:
    """What the portal may see, with its own database role."""
    async with db.connect(databases.portal, "portal") as found:
        yield Portal(found)
