"""The whole of Rollcall for the e2e tests: `rollcall local up` as a child, in a folder of its own.

`system.run` is its run.json, `system.rollcall(…)` the command line beside it.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from deploy.local import ports, process
from deploy.local.process import Child, Command
from deploy.local.state import USUAL_PORTS
from shared.kafka import wait_for_broker
from tests.support.servers import JAR_CACHE
from tests.support.waiting import eventually

_READY_WITHIN_S = 100
_STOPPED_WITHIN_S = 60
_CLI = (sys.executable, "-P", "-m", "cli")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


@dataclass(slots=True)
class System:
    """A system whose data is in `folder/.local`; start it as often as you like."""

    folder: Path
    child: Child | None = None

    @property
    def data(self) -> Path:
        return self.folder / ".local"

    @property
    def log(self) -> Path:
        """What `rollcall local up` says."""
        return self.folder / "up.log"

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    @property
    def is_ready(self) -> bool:
        return (self.data / "run.json").exists()

    @property
    def run(self) -> dict[str, Any]:
        """The content of run.json as it is now."""
        return dict(json.loads((self.data / "run.json").read_text(encoding="utf-8")))

    @property
    def env(self) -> dict[str, str]:
        """The environment without what would point the command line elsewhere."""
        return {name: v for name, v in os.environ.items() if not name.startswith("ROLLCALL_")}

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.log.unlink(missing_ok=True)
        self.child = self._command().start()
        # Not run.json: one that a killed run left may be there for a moment.
        await eventually(
            lambda: "Rollcall is ready" in self.said or self._ended(), within_s=_READY_WITHIN_S
        )
        assert self.child.poll() is None, self.said

    def _command(self) -> Command:
        stopping = ((signal.SIGTERM, _STOPPED_WITHIN_S),)
        arguments = [*_CLI, "local", "up"]
        return Command("up", arguments, self.log, self.env, self.folder, stopping)

    def _ended(self) -> bool:
        return self.child is None or self.child.poll() is not None

    async def signal(self, number: signal.Signals) -> int:
        """Send a signal to `rollcall local up`; return the exit code that it leads to."""
        assert self.child is not None
        self.child.send_signal(number)
        await eventually(self._ended, within_s=_STOPPED_WITHIN_S)
        return self.child.wait()

    async def stop(self) -> None:
        """Stop it if it runs."""
        if self.child is not None:
            await process.stop(self._command(), self.child, hurried=asyncio.Event())

    async def kill(self, name: str) -> int:
        """SIGKILL one of its processes; return the new one's pid once everything is ready again."""
        before = self.run["pids"][name]
        os.kill(before, signal.SIGKILL)
        await eventually(lambda: self.run["pids"][name] != before, within_s=30)
        await eventually(self.answers, within_s=60)
        await wait_for_broker(self.run["kafka"])
        return int(self.run["pids"][name])

    async def answers(self) -> bool:
        """Tell whether each service is ready."""
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for url in self._readiness():
                try:
                    async with session.get(url) as response:
                        if response.status != 200:
                            return False
                except (aiohttp.ClientError, TimeoutError):
                    return False
        return True

    def _readiness(self) -> list[str]:
        chosen = json.loads((self.data / "ports.json").read_text(encoding="utf-8"))
        services = ("ingest", "roles", "projector", "portal")
        return [f"http://127.0.0.1:{chosen[name]}/readyz" for name in services]

    async def rollcall(
        self, *arguments: str, within_s: float = 60, given: Mapping[str, str] | None = None
    ) -> Outcome:
        """Run the command line where it finds this system, save for the variables given."""
        child = await asyncio.create_subprocess_exec(
            *_CLI, *arguments, cwd=self.folder, env=self.env | dict(given or {}),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(within_s):
            output, errors = await child.communicate()
        return Outcome(child.returncode or 0, output.decode(), errors.decode())


def prepare(folder: Path) -> System:
    """Return a system that is not running, with ports of its own and the shared jars."""
    system = System(folder)
    JAR_CACHE.mkdir(parents=True, exist_ok=True)
    system.data.mkdir()
    (system.data / "cache").symlink_to(JAR_CACHE.parent, target_is_directory=True)
    chosen: dict[str, int] = {}
    for name in USUAL_PORTS:
        chosen[name] = ports.choose(taken=chosen.values())
    (system.data / "ports.json").write_text(json.dumps(chosen), encoding="ascii")
    return system


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[System]:
    """Yield a system that is ready; it is stopped at the end."""
    system = prepare(folder)
    try:
        await system.start()
        yield system
    finally:
        await system.stop()
