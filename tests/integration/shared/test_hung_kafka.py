"""A broker that hangs is given up on: the process lives, and publishes when Kafka is back."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.local import servers as local
from deploy.local.postgres import new_password
from deploy.local.supervisor import Supervisor
from shared import kafka
from shared.contracts.topics import TOPICS
from shared.kafka import clients, publishing
from tests.support.servers import JAR_CACHE

pytestmark = pytest.mark.faults
ONE = [kafka.Outgoing("directory.events.v1", b"key", b"{}")]


@pytest.fixture
async def broker() -> AsyncIterator[tuple[str, int]]:
    """A Kafka of the test's own, since it is stopped: its address and process id."""
    with tempfile.TemporaryDirectory(prefix="rollcall-hung-") as folder:
        places = local.Places(Path(folder), JAR_CACHE, local.any_ports(), new_password())
        supervisor = Supervisor(say=lambda _line: None, started=lambda _pids: None)
        try:
            found = await local.start(places, supervisor)
            await kafka.ensure_topics(found.kafka.address, TOPICS)
            yield found.kafka.address, supervisor.pids["kafka"]
        finally:
            await supervisor.stop(hurried=asyncio.Event())


async def test_a_publisher_on_a_hung_broker_is_cut_off_and_the_next_one_publishes(
    broker, monkeypatch
) -> None:
    address, pid = broker
    monkeypatch.setattr(publishing, "CALL_TIMEOUT_S", 2.0)
    monkeypatch.setattr(clients, "STOP_TIMEOUT_S", 1.0)
    before, began = asyncio.all_tasks(), time.monotonic()

    try:
        with pytest.raises(kafka.PublishError):
            await _publish_to_who_hangs(address, pid)
        took_s = time.monotonic() - began
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                while asyncio.all_tasks() > before:
                    await asyncio.sleep(0.05)
        left = asyncio.all_tasks() - before
    finally:
        os.kill(pid, signal.SIGCONT)

    assert took_s < 10
    assert {task.get_coro().__qualname__ for task in left} <= {"Sender._send_produce_req"}
    monkeypatch.undo()
    async with kafka.publisher(address, "test") as publisher:
        await publisher.publish(0, ONE)


async def _publish_to_who_hangs(address: str, pid: int) -> None:
    async with kafka.publisher(address, "test") as publisher:
        await publisher.publish(0, ONE)
        os.kill(pid, signal.SIGSTOP)
        await publisher.publish(0, ONE)
