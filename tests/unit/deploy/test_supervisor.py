"""The supervisor with small programs of the system in the place of servers."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.local import leftovers, process
from deploy.local.errors import StartError
from deploy.local.process import Command
from deploy.local.supervisor import Kept, Supervisor, delay_s
from tests.support.waiting import eventually

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


@dataclass
class Told:
    lines: list[str] = field(default_factory=list)
    pids: list[dict[str, int]] = field(default_factory=list)

    def started(self, pids: Mapping[str, int]) -> None:
        self.pids.append(dict(pids))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def supervisor(told: Told) -> AsyncIterator[Supervisor]:
    made = Supervisor(told.lines.append, told.started)
    yield made
    await made.stop(hurried=set_event())


def sleeper(folder: Path, name: str = "sleeper") -> Command:
    return Command(name, ["sleep", "600"], folder / f"{name}.log")


def python(folder: Path, code: str, within_s: float = 0.2) -> Command:
    stopping = ((signal.SIGTERM, within_s),)
    return Command("python", [sys.executable, "-c", code], folder / "python.log", stopping=stopping)


def set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_what_dies_is_started_again_and_said(
    supervisor: Supervisor, told: Told, tmp_path: Path
) -> None:
    supervisor.start(sleeper(tmp_path))
    first = supervisor.pids["sleeper"]
    stopping = asyncio.Event()

    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.watch(stopping))
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: supervisor.pids["sleeper"] != first)
        stopping.set()

    assert told.pids == [{"sleeper": first}, supervisor.pids]
    assert told.lines == [
        "sleeper ended with -9; starting it again",
        f"sleeper runs again, pid {supervisor.pids['sleeper']}",
    ]


async def test_children_stop_in_the_reverse_order_of_their_start(
    supervisor: Supervisor, told: Told, tmp_path: Path
) -> None:
    supervisor.start(sleeper(tmp_path, "first"))
    supervisor.start(sleeper(tmp_path, "second"))
    pids = supervisor.pids.values()

    await supervisor.stop(hurried=asyncio.Event())

    assert told.lines == ["stopping second", "stopping first"]
    assert all(is_gone(pid) for pid in pids)


async def test_a_child_that_ignores_its_signal_is_killed_in_time(tmp_path: Path) -> None:
    command = python(tmp_path, STUBBORN)
    child = command.start()
    await eventually(lambda: "up" in command.log.read_text())

    await process.stop(command, child, hurried=asyncio.Event())

    assert child.returncode == -signal.SIGKILL


async def test_a_second_signal_does_not_wait_for_the_stubborn(tmp_path: Path) -> None:
    command = python(tmp_path, STUBBORN, within_s=600)
    child = command.start()
    await eventually(lambda: "up" in command.log.read_text())

    await process.stop(command, child, hurried=set_event())

    assert child.returncode == -signal.SIGKILL


async def test_what_a_child_has_started_ends_with_it(tmp_path: Path) -> None:
    command = python(tmp_path, "import os; os.system('sleep 600 & echo $!')")
    child = command.start()
    grandchild = int(await eventually(command.log.read_text))

    await process.stop(command, child, hurried=asyncio.Event())

    await eventually(lambda: is_gone(grandchild) or is_zombie(grandchild))


def is_zombie(pid: int) -> bool:
    # Where nothing collects orphans, a dead one stays listed.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


async def test_a_child_that_ends_before_it_answers_is_an_error_with_its_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(python(tmp_path, "import sys; sys.exit('port taken')"))

    async def never() -> bool:
        return False

    with pytest.raises(StartError, match=r"(?s)python ended with 1.*python\.log.*port taken"):
        await supervisor.ready("python", never)


async def test_a_command_that_fails_is_an_error_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"(?s)ended with 3.*no schema"):
        await process.run(python(tmp_path, "import sys; print('no schema'); sys.exit(3)"))


async def test_a_cancelled_command_leaves_no_process(tmp_path: Path) -> None:
    command = python(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    running = asyncio.ensure_future(process.run(command))
    pid = int(await eventually(lambda: command.log.exists() and command.log.read_text()))

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert is_gone(pid)


def test_the_wait_before_a_restart_grows_and_is_bounded() -> None:
    waits = [delay_s(failures) for failures in range(10)]

    assert waits == sorted(waits)
    assert waits[0] < 1
    assert waits[-1] == 5


def test_a_long_life_makes_earlier_deaths_forgotten(tmp_path: Path) -> None:
    child = sleeper(tmp_path).start()
    kept = Kept(sleeper(tmp_path), child, started_at=100)
    process.kill(child)

    soon = [kept.died(101), kept.died(101)]
    later = kept.died(200)

    assert soon[0] < soon[1]
    assert later < soon[0]


async def test_what_a_killed_run_left_is_ended_at_the_next_start(tmp_path: Path) -> None:
    child = sleeper(tmp_path).start()
    leftovers.record(tmp_path / "pids.json", [child.pid])

    ended = await leftovers.end(tmp_path / "pids.json")

    assert ended == 1
    assert child.wait() == -signal.SIGTERM
    assert await leftovers.end(tmp_path / "pids.json") == 0


async def test_a_stranger_with_a_recorded_pid_is_left_alone(tmp_path: Path) -> None:
    child = sleeper(tmp_path).start()
    (tmp_path / "pids.json").write_text(f'{{"{child.pid}": "another time"}}')

    ended = await leftovers.end(tmp_path / "pids.json")

    assert ended == 0
    assert child.poll() is None
    process.kill(child)
