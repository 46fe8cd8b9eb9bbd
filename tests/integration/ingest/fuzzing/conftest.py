"""The directory that is attacked."""

import pytest

from tests.integration.ingest.client import Client
from tests.integration.ingest.fuzzing.target import Target


@pytest.fixture
async def target(client: Client) -> Target:
    ada = await client.user(
        "ada", title="Lead", emails=[{"value": "ada@globex.test", "type": "work", "primary": True}]
    )
    group = await client.group("Admins", ada)
    return Target(client.url, client.directory, client.token, ada, group)
