"""Keeps child processes alive: starts in order, restarts what dies, stops in reverse."""

import asyncio
import random
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from deploy.local.process import Command

_LOOK_EVERY_S = 0.1
_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 5.0
_STABLE_AFTER_S = 10.0

Say = Callable[[str], None]
Changed = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Child:
    """A running command, and how often it failed in a row."""

    command: Command
    process: "subprocess.Popen[bytes]"
    started_at: float
    failures: int = 0


@dataclass(slots=True)
class Supervisor:
    """The children by name, in the order in which they were started."""

    say: Say
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each child."""
        return {name: child.process.pid for name, child in self.children.items()}

    def start(self, command: Command) -> None:
        """Start a command and look after it from now on."""
        self.children[command.name] = Child(command, command.start(), time.monotonic())

    def exit_code(self, name: str) -> int | None:
        """Return the exit code of a child that ended, None while it runs."""
        return self.children[name].process.poll()

    async def watch(self, stopping: asyncio.Event, changed: Changed) -> None:
        """Restart what dies until stopping is set; `changed` is called with new process ids."""
        while not stopping.is_set():
            dead = [child for child in self.children.values() if child.process.poll() is not None]
            for child in dead:
                await self._restart(child, stopping)
            if dead and not stopping.is_set():
                await changed()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await stopping.wait()

    async def _restart(self, child: Child, stopping: asyncio.Event) -> None:
        name = child.command.name
        stable = time.monotonic() - child.started_at > _STABLE_AFTER_S
        child.failures = 0 if stable else child.failures + 1
        delay = min(_FIRST_DELAY_S * 2**child.failures, _LONGEST_DELAY_S)
        self.say(f"{name} ended with {child.process.returncode}; starting it again")
        with suppress(TimeoutError):
            async with asyncio.timeout(delay * random.uniform(0.8, 1.2)):  # noqa: S311  # jitter
                await stopping.wait()
                return
        child.process, child.started_at = child.command.start(), time.monotonic()
        self.say(f"{name} runs again, pid {child.process.pid}")

    def stop(self) -> None:
        """Stop all children, the last one started first."""
        for name, child in reversed(self.children.items()):
            if child.process.poll() is None:
                self.say(f"stopping {name}")
                child.command.stop(child.process)
        self.children.clear()
