"""The running services, shared by the attacks on their APIs."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.http import site as sites
from tests.integration.http.site import Site
from tests.support.servers import Servers, fresh_database


@pytest.fixture(scope="module")
async def site(servers: Servers) -> AsyncIterator[Site]:
    async with fresh_database(servers) as databases, sites.running(servers, databases) as found:
        yield found
