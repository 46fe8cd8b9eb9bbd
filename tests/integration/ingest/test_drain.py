"""Stopping under load: every request is answered, or its connection refused, never reset."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest
from aiohttp import ClientConnectorError, ClientSession, TCPConnector

from deploy.local import ports
from tests.integration.ingest.client import Client, connect
from tests.support.servers import Databases
from tests.support.service import Service

DRAIN_WAIT_S = 2
SENDERS = 12
MEMBERS = "select owner from relay_members"
HELD = "select count(*) from relay_lanes where owner = any($1::uuid[])"
STORED = "select count(*) from users where directory_id = $1"


@pytest.fixture
async def leaving(service: Service) -> AsyncIterator[Service]:
    """An ingest that goes on for a moment when it is told to stop."""
    port = ports.choose()
    own = {
        "ROLLCALL_INGEST_PORT": str(port),
        "ROLLCALL_DRAIN_WAIT_S": str(DRAIN_WAIT_S),
        "ROLLCALL_INGEST_REQUESTS_PER_SECOND": "10000",
        "ROLLCALL_INGEST_BURST": "10000",
    }
    found = Service("ingest", service.environment | own, f"http://127.0.0.1:{port}")
    async with found.running():
        yield found


async def _send_until_refused(
    client: Client, name: str, seen: Counter[int | str], pause_s: float
) -> None:
    """Send one request after the other; count what came back."""
    number = 0
    while True:
        number += 1
        try:
            answer = await client.scim("POST", "/Users", {"userName": f"{name}-{number}"})
        except ClientConnectorError:
            seen["refused"] += 1
            return
        except Exception as error:  # noqa: BLE001  # whatever it is, the test says it
            seen[f"{name}: {error!r}"] += 1
            return
        seen[answer.status] += 1
        await asyncio.sleep(pause_s)


async def test_who_keeps_sending_is_answered_until_the_connection_is_refused(
    leaving: Service, service: Service, databases: Databases
) -> None:
    seen: Counter[int | str] = Counter()
    assert leaving.child is not None
    async with (
        ClientSession() as keeping,
        ClientSession(connector=TCPConnector(force_close=True)) as closing,
    ):
        client = await connect(keeping, leaving.url)
        fresh = Client(closing, client.url, client.directory, client.token)
        own = {"search_path": "ingest"}
        postgres = await asyncpg.connect(databases.ingest, server_settings=own)
        before = {row["owner"] for row in await postgres.fetch(MEMBERS)}
        async with asyncio.TaskGroup() as group:
            for number in range(SENDERS):
                sender, pause_s = (client if number % 2 else fresh), (number % 3) / 10
                group.create_task(_send_until_refused(sender, f"u{number}", seen, pause_s))
            await asyncio.sleep(1)
            began = time.monotonic()
            os.kill(leaving.child.pid, signal.SIGTERM)
            await asyncio.sleep(0.3)
            ready = await leaving.is_ready()
            served = seen[201]
            await asyncio.sleep(0.5)
            still_served = seen[201]
        code = await leaving.child.wait()
        took_s = time.monotonic() - began
        gone = before - {row["owner"] for row in await postgres.fetch(MEMBERS)}
        held = await postgres.fetchval(HELD, list(gone))
        stored = await postgres.fetchval(STORED, client.directory)
        await postgres.close()

    assert set(seen) == {201, "refused"}, seen
    assert seen["refused"] == SENDERS
    assert stored == seen[201]
    assert not ready
    assert still_served > served, "it goes on until the balancer has seen that it is not ready"
    assert DRAIN_WAIT_S <= took_s < 30
    assert code == 0
    assert len(gone) == 1
    assert held == 0, "its lanes are free for others at once"
