"""A public conformance suite, scim2-tester, against the running ingest: every check, no waiver."""

import asyncio

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from tests.integration.ingest.client import Client, connect

GOOD = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}
LEAST_CHECKS = 130
"""What the suite counts today; far fewer would mean that it stopped early."""


def checked(endpoint: str, token: str) -> list[CheckResult]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=endpoint, headers=headers, timeout=30) as http:
        return check_server(SyncSCIMClient(http))


@pytest.mark.parametrize("provider", ["generic", "onelogin"])
async def test_scim2_tester_passes_in_full(client: Client, provider: str) -> None:
    own = await connect(client.session, client.url, "Suite", provider)

    results = await asyncio.to_thread(checked, f"{own.url}/scim/v2/{own.directory}", own.token)

    failed = [f"{each.resource_type}: {each}" for each in results if each.status not in GOOD]
    assert not failed, "\n".join(failed)
    assert len(results) >= LEAST_CHECKS
