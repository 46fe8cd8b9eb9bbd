"""The way back after Postgres was lost, as docs/how-to/back-up-and-restore.md tells it."""

import os
import signal
import sys
from asyncio import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from tests.chaos.ground import ground
from tests.chaos.load import Load
from tests.chaos.rig import Rig, rig
from tests.chaos.test_delivery import said
from tests.mutants.__main__ import ROOT
from tests.operations.backups import Backups

pytestmark = pytest.mark.timeout(400)
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
    return await running.load(directories=2)


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


@dataclass(slots=True)
class Past:
    """A moment, who was there then, and who came afterwards."""

    moment: datetime
    users: set[str]
    later: set[str]


async def past(running: Rig, load: Load, backups: Backups) -> Past:
    """Take a backup under load, remember a moment, and go on; all of it is in the archive."""
    async with load.running():
        await backups.take()
        await load.goes_on()
    for client in load.clients:
        await running.drained(client)
    before, moment = await users(running), await backups.moment()
    async with load.running():
        await load.goes_on()
    for client in load.clients:
        await running.drained(client)
    await backups.archived()
    return Past(moment, before, await users(running) - before)


async def assert_healed(running: Rig, load: Load, found: Past) -> None:
    """Whoever came after the moment is forgotten, and everybody agrees on all the others."""
    restored = await users(running)
    told = await rollcall(running, "after-restore", "--yes")
    for service in running.services.values():
        if service.child is None or service.child.returncode is not None:
            await service.start()
    async with load.running():
        await load.goes_on()
    report = await running.verdict(60, load.journal)

    assert found.later
    assert restored == found.users
    assert f"{len(load.clients)} directories start a new generation" in told
    assert load.refused == []
    assert report.exit_code == 0, said(report)


async def test_a_server_that_is_lost_comes_back_as_it_was_at_a_moment(
    running: Rig, load: Load, backups: Backups
) -> None:
    found = await past(running, load, backups)

    await backups.ground.end("postgres", signal.SIGKILL)
    for name in SERVICES:
        await running.services[name].kill()
    await backups.restore(found.moment)

    await assert_healed(running, load, found)


async def test_ingest_alone_goes_back_to_a_moment_and_a_mapping_saved_since_stays(
    running: Rig, load: Load, backups: Backups
) -> None:
    found = await past(running, load, backups)
    [first, *_] = load.clients
    roles = running.at(first, running.services["roles"])
    await roles.manage("PUT", "/roles/guest", {"name": "Guest"})
    rows = [{"groupId": load.groups[0], "role": role} for role in ("member", "guest")]
    place = f"/directories/{first.directory}/mapping"
    saved = await roles.manage("PUT", place, {"version": 1, "rows": rows})

    await running.services["ingest"].stop()
    async with backups.restored_beside(found.moment) as beside:
        database = running.databases.ingest.rpartition("/")[2]
        await backups.bring_back(database, "ingest", beside)

    assert saved.status == 200
    await assert_healed(running, load, found)
    assert (await roles.manage("GET", place)).body["version"] == 2
