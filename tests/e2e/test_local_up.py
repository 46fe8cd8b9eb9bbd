"""`rollcall local up`: one command brings everything up, keeps it alive, and leaves nothing."""

import os
import signal
import socket
import stat
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support import system as systems
from tests.support.system import System
from tests.support.waiting import eventually

PARTS = ("postgres", "kafka", "ingest", "roles", "projector", "portal")


@pytest.fixture
async def stopped(tmp_path: Path) -> AsyncIterator[System]:
    """A system of this test's own, in a path with a space, not yet started."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    own = systems.prepare(folder)
    yield own
    await own.stop()


async def test_run_json_says_where_everything_is(system: System) -> None:
    mode = stat.S_IMODE((system.data / "run.json").stat().st_mode)

    assert mode == 0o600
    assert set(system.run) == {
        "portal", "sign_in", "scim", "ingest", "roles", "projector", "api_key", "kafka", "postgres",
        "pids",
    }  # fmt: skip
    assert set(system.run["postgres"]) == {"ingest", "roles", "projector", "portal"}
    assert set(system.run["pids"]) == set(PARTS)
    assert system.run["scim"] == f"{system.run['ingest']}/scim/v2"
    assert system.run["sign_in"] in system.said
    assert "Example" in await organizations(system)


async def test_ports_other_than_the_usual_ones_are_said(system: System) -> None:
    port = port_of(system.run["portal"])

    assert port != 8083
    assert f"portal listens on port {port}, not 8083" in system.said


async def test_a_stop_leaves_no_process_and_the_next_start_keeps_the_data(stopped: System) -> None:
    await stopped.start()
    first = stopped.run
    await create_organization(stopped, "Globex")

    code = await stopped.signal(signal.SIGTERM)

    assert code == 0
    assert not alive(first["pids"].values())
    assert not stopped.is_ready
    await stopped.start()
    assert without_pids(stopped.run) == without_pids(first)
    assert sorted(await organizations(stopped)) == ["Example", "Globex"]


@pytest.mark.faults
async def test_nothing_outlives_a_killed_supervisor_and_nothing_is_lost(stopped: System) -> None:
    await stopped.start()
    first = stopped.run
    await create_organization(stopped, "Globex")

    await stopped.signal(signal.SIGKILL)

    await eventually(lambda: not alive(first["pids"].values()), within_s=20)
    with taken(port_of(first["ingest"])):
        await stopped.start()
        assert port_of(stopped.run["ingest"]) != port_of(first["ingest"])
        assert stopped.run["scim"] in stopped.said
        assert sorted(await organizations(stopped)) == ["Example", "Globex"]


async def test_java_writes_nothing_outside_the_data_directory(system: System) -> None:
    assert not performance_data_of(system.run["pids"]["kafka"])


@pytest.mark.faults
@pytest.mark.parametrize("part", PARTS)
async def test_what_is_killed_runs_again_at_the_same_address(system: System, part: str) -> None:
    before = system.run

    pid = await system.kill(part)

    assert alive([pid])
    assert without_pids(system.run) == without_pids(before)
    assert f"{part} runs again, pid {pid}" in system.said
    assert "Example" in await organizations(system)


async def test_a_second_system_on_the_same_data_is_refused(system: System) -> None:
    refused = await system.rollcall("local", "up")

    assert refused.code == 1
    assert "runs on" in refused.errors
    assert "--data-dir" in refused.errors
    assert await system.answers()


async def organizations(system: System) -> list[str]:
    async with client(system) as session, session.get("/v1/organizations") as response:
        return [item["name"] for item in (await response.json())["items"]]


async def create_organization(system: System, name: str) -> None:
    async with (
        client(system) as session,
        session.post("/v1/organizations", json={"name": name}) as response,
    ):
        assert response.status == 201


def client(system: System) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {system.run['api_key']}"}
    return aiohttp.ClientSession(system.run["ingest"], headers=headers)


def alive(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if runs(pid)]


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def performance_data_of(pid: int) -> list[Path]:
    """What a JVM writes unless it is told not to; it heeds no TMPDIR."""
    return list(Path("/tmp").glob(f"hsperfdata_*/{pid}"))  # noqa: S108


def taken(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def without_pids(run: dict[str, Any]) -> dict[str, Any]:
    """What stays the same from start to start; a sign-in link is made anew."""
    return {name: value for name, value in run.items() if name not in {"pids", "sign_in"}}
