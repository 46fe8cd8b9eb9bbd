"""deploy/compose.yaml, started as its page says, by each Compose that is here; killed, and gone."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.deploy import docker
from tests.deploy.compose import Stack, commands, copied, kinds
from tests.support.waiting import eventually

SERVICES = ("ingest", "roles", "projector", "portal")
KEPT = (*SERVICES, "postgres", "kafka")
KILL = "import os, sys; os.kill(int(sys.argv[1]), 9)"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stack" in metafunc.fixturenames:
        metafunc.parametrize("stack", kinds() or [""], indirect=True, scope="module")


@pytest.fixture(scope="module")
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Everything, started by the page's commands; whatever they made is gone at the end."""
    if not request.param or not docker.is_there():
        pytest.skip("no Docker engine answers, or there is no Compose")
    with copied(tmp_path_factory.mktemp("clone"), request.param) as made:
        secrets, up, _ = commands()
        made.do(secrets)
        made.do(up)
        yield made
    assert made.leftovers() == ""


def killed(stack: Stack, service: str) -> None:
    """SIGKILL the process of a container, as a crash would; `docker kill` counts as a wish."""
    pid = str(stack.inspect(service)["State"]["Pid"])
    image = stack.inspect("ingest")["Config"]["Image"]
    docker.call(
        "run", "--rm", "--pid=host", "--user=0", "--entrypoint=python", image, "-c", KILL, pid
    )


async def provided(stack: Stack, made: dict[str, Any], done: asyncio.Event) -> int:
    """Play OneLogin from outside, company after company, until done; return how many requests.

    As OneLogin, it begins a company again where nobody answered for a while. Fails when anything
    was refused.
    """
    count, seed = 0, 1
    while not done.is_set():
        arguments = ("--endpoint", made["endpoint"], "--token", made["token"], "--json")
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "cli", "simulate", "onelogin", *arguments,
            "--users=30", "--groups=4", "--days=3", f"--seed={seed}",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await child.communicate()
        if output:
            summary = json.loads(output)
            assert summary["refusals"] == 0, summary["refused"]
            count, seed = count + sum(summary["requests"].values()), seed + 1
    return count


async def test_the_last_command_of_the_page_syncs_and_verifies(stack: Stack) -> None:
    [*_, first_sync] = commands()

    said = stack.do(first_sync)

    words = [line.split()[0] for line in said.splitlines()]
    assert words == ["ready", "synced", "mapped", "verified", "sign"]
    async with ClientSession() as session, session.get(said.split()[-1]) as page:
        assert page.status == 200


async def test_what_is_killed_while_a_provider_writes_comes_back_and_loses_nothing(
    stack: Stack,
) -> None:
    made = stack.rollcall("directories", "create", "Killed", "--provider", "onelogin")
    before = {name: stack.inspect(name)["RestartCount"] for name in KEPT}
    done = asyncio.Event()

    def came_back(name: str) -> bool:
        return stack.inspect(name)["RestartCount"] > before[name] and stack.is_healthy(name)

    provider = asyncio.create_task(provided(stack, made, done))

    try:
        for name in KEPT:
            killed(stack, name)
            await eventually(lambda name=name: came_back(name), within_s=180)
    finally:
        done.set()

    requests = await provider
    verdict = stack.rollcall("verify", "--directory", made["id"], "--within", "120")
    assert verdict["exit_code"] == 0
    assert verdict["checks"]["C3"]["figures"]["events"] > 100
    print(f"{requests} requests while {', '.join(KEPT)} were killed, none refused")  # noqa: T201


async def test_starting_again_changes_nothing(stack: Stack) -> None:
    _, up, _ = commands()

    def directories() -> set[str]:
        return {one["id"] for one in stack.rollcall("directories", "list")}

    before = directories()

    stack.do(up)

    await eventually(lambda: all(stack.is_healthy(name) for name in KEPT), within_s=180)
    for job in ("bootstrap", "migrate", "topics"):
        await eventually(lambda job=job: not stack.inspect(job)["State"]["Running"], within_s=60)
        assert stack.inspect(job)["State"]["ExitCode"] == 0
    assert directories() == before


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_cannot_write_and_is_not_root(stack: Stack, service: str) -> None:
    found = stack.inspect(service)

    assert found["HostConfig"]["ReadonlyRootfs"]
    assert found["HostConfig"]["CapDrop"] == ["ALL"]
    assert found["HostConfig"]["Memory"] == 512 * 1024 * 1024
    assert found["Config"]["User"] == "10001:10001"


def test_no_secret_is_in_an_environment_a_command_line_or_a_log(stack: Stack) -> None:
    everything = stack.call("logs", "--no-color")
    for name in (*KEPT, "bootstrap", "migrate", "topics"):
        everything += json.dumps(stack.inspect(name))

    shown = [name for name, text in stack.secrets().items() if text in everything]

    assert "service.started" in everything
    assert shown == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_wrong_password_stops_a_service_with_a_line_that_names_the_setting(
    stack: Stack, service: str, tmp_path: Path
) -> None:
    variable = f"ROLLCALL_{service.upper()}_DATABASE_URL"
    for name, text in stack.secrets().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    tmp_path.chmod(0o755)
    (tmp_path / variable).write_text(
        f"postgresql://{service}:marked@postgres:5432/rollcall", "utf-8"
    )
    image = stack.inspect("ingest")["Config"]["Image"]
    options = (f"--network={stack.project}_data", f"--volume={tmp_path}:/run/secrets:ro",
               "--env=ROLLCALL_KAFKA_SERVERS=kafka:9092")  # fmt: skip

    ended = docker.run(image, service, options=options)

    [line] = ended.errors.splitlines()
    assert ended.code == 2
    assert json.loads(line)["reason"] == (
        f"{variable}: Postgres refuses the user or the password in the database URL"
    )
