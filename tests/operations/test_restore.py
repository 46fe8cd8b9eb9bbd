"""The way back after Postgres was lost, as docs/how-to/back-up-and-restore.md tells it."""

import os
import signal
import sys
from asyncio import subprocess
from collections.abc import AsyncIterator

import pytest

from tests.chaos.ground import Ground, ground
from tests.chaos.load import Load
from tests.chaos.rig import Rig, rig
from tests.chaos.test_delivery import said
from tests.mutants.__main__ import ROOT
from tests.operations.backups import Backups

pytestmark = pytest.mark.timeout(240)
SERVICES = ("ingest", "roles", "projector")


@pytest.fixture(scope="module")
async def backups() -> AsyncIterator[Backups]:
    """A server of our own that archives."""
    async with ground() as found:
        made = Backups(found)
        await made.begin()
        yield made


@pytest.fixture
async def running(backups: Backups) -> AsyncIterator[Rig]:
    async with rig(backups.ground, ROOT) as found:
        yield found


@pytest.fixture
async def load(running: Rig) -> Load:
    clients = [await running.directory() for _ in range(2)]
    groups = [await client.group("Everybody") for client in clients]
    for client, group in zip(clients, groups, strict=True):
        await running.grant(client, group, "member")
    return Load(clients, groups)


async def rollcall(running: Rig, *arguments: str) -> str:
    """Run the command line on the databases of the rig; return what it says."""
    urls = {f"ROLLCALL_{name.upper()}_DATABASE_URL": running.databases.of(name)
            for name in SERVICES}  # fmt: skip
    child = await subprocess.create_subprocess_exec(
        sys.executable, "-m", "cli", *arguments, cwd=ROOT, env=os.environ | urls,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await child.communicate()
    assert child.returncode == 0, output.decode()
    return output.decode()


async def users(running: Rig) -> set[str]:
    """Return the names that ingest knows."""
    async with running.database("ingest") as database, database.connection() as connection:
        return {row["name_key"] for row in await connection.fetch("select name_key from users")}


async def test_a_server_restored_to_a_time_before_its_last_writes_heals_everybody(
    running: Rig, load: Load, backups: Backups
) -> None:
    async with load.running():
        await backups.take()
        await load.goes_on()
    for client in load.clients:
        await running.drained(client)
    before, moment = await users(running), await backups.moment()
    lost = Load(load.clients, load.groups, numbers=load.numbers)
    async with lost.running():
        await lost.goes_on()
    await backups.archived()
    last = await users(running)

    await backups.ground.end("postgres", signal.SIGKILL)
    for name in SERVICES:
        await running.services[name].kill()
    await backups.restore(moment)
    restored = await users(running)
    told = await rollcall(running, "after-restore", "--yes")
    for name in SERVICES:
        await running.services[name].start()
    async with load.running():
        await load.goes_on()
    report = await running.verdict(60, load.journal)

    assert restored == before < last
    assert "2 directories start a new generation" in told
    assert load.refused == lost.refused == []
    assert report.exit_code == 0, said(report)
