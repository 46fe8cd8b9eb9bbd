"""Keeps child processes alive: starts in order, restarts what dies, stops in reverse."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from deploy.local import process
from deploy.local.errors import StartError
from deploy.local.process import Child, Command

READY_WITHIN_S = 90
_LOOK_EVERY_S = 0.05
_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 5.0
_STABLE_AFTER_S = 10.0

Say = Callable[[str], None]
Answers = Callable[[], Awaitable[bool]]


@dataclass(slots=True)
class Kept:
    """A command with its running process, and how often it failed in a row."""

    command: Command
    child: Child
    started_at: float
    failures: int = 0

    def died(self, now: float) -> float:
        """Count a death, forgetting those before a long life; return the seconds to wait."""
        self.failures = 0 if now - self.started_at > _STABLE_AFTER_S else self.failures + 1
        return delay_s(self.failures)


def delay_s(failures: int) -> float:
    """Return how long to wait after that many failures in a row: doubling, bounded."""
    return float(min(_FIRST_DELAY_S * 2**failures, _LONGEST_DELAY_S))


@dataclass(slots=True)
class Supervisor:
    """The children by name, in the order in which they were started.

    `say` gets a line for what a person should know, `started` all process ids at each change.
    """

    say: Say
    started: Callable[[Mapping[str, int]], None]
    kept: dict[str, Kept] = field(default_factory=dict)

    def start(self, command: Command) -> None:
        """Start a command and look after it from now on."""
        self.kept[command.name] = Kept(command, command.start(), time.monotonic())
        self.started(self.pids)

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each child."""
        return {name: kept.child.pid for name, kept in self.kept.items()}

    async def ready(self, name: str, answers: Answers) -> None:
        """Wait until a child answers. Raises StartError when it ends first, or takes too long."""
        kept = self.kept[name]
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not await answers():
                    if (code := kept.child.poll()) is not None:
                        raise StartError(name, f"ended with {code}", kept.command.log)
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError as error:
            fault = f"was not ready within {READY_WITHIN_S} s"
            raise StartError(name, fault, kept.command.log) from error

    async def watch(self, stopping: asyncio.Event) -> None:
        """Restart what dies until stopping is set."""
        async with asyncio.TaskGroup() as group:
            for kept in self.kept.values():
                group.create_task(self._keep(kept, stopping))

    async def _keep(self, kept: Kept, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            if kept.child.poll() is not None:
                await self._restart(kept, stopping)
            await _pause(_LOOK_EVERY_S, stopping)

    async def _restart(self, kept: Kept, stopping: asyncio.Event) -> None:
        name = kept.command.name
        # Its own children too: a Postgres whose backends live on refuses to start.
        process.kill(kept.child)
        self.say(f"{name} ended with {kept.child.returncode}; starting it again")
        delay = kept.died(time.monotonic()) * random.uniform(0.8, 1.2)  # noqa: S311  # jitter
        await _pause(delay, stopping)
        if stopping.is_set():
            return
        kept.child, kept.started_at = kept.command.start(), time.monotonic()
        self.started(self.pids)
        self.say(f"{name} runs again, pid {kept.child.pid}")

    async def stop(self, hurried: asyncio.Event) -> None:
        """Stop all children, the last one started first; kill what is left once hurried."""
        while self.kept:
            name, kept = self.kept.popitem()
            if kept.child.poll() is None:
                self.say(f"stopping {name}")
            await process.stop(kept.command, kept.child, hurried)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
