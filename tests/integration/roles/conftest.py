"""A migrated database for roles, and its `/v1` API on top."""

from collections.abc import AsyncIterator

import pytest

from shared import db
from tests.integration.roles.company import log
from tests.integration.roles.world import Api, api_of
from tests.support.servers import Databases


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[db.Database]:
    async with db.connect(databases.roles, "roles") as found:
        await db.migrate(found, ["shared", "services.roles"])
        yield found


@pytest.fixture
async def api(database: db.Database) -> AsyncIterator[Api]:
    async with api_of(database) as client:
        yield client


__all__ = ["api", "database", "log"]
