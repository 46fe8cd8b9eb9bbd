"""Child processes that never outlive their parent, and stop within a bound."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from deploy.local.errors import StartError

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY_S = 0.02

Child: TypeAlias = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, where its output goes, and which signals stop it, each with seconds to obey.

    Without an environment it gets ours. `dies_by` reaches it when we are killed.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    stopping: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 15),)
    dies_by: signal.Signals = signal.SIGKILL

    def start(self) -> Child:
        """Start it in a session of its own, so that Ctrl-C reaches us alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=self.environment,
                start_new_session=True,
                # Safe here: this process starts children from its main thread, and has no other.
                preexec_fn=_die_with(os.getpid(), self.dies_by),  # noqa: PLW1509
            )


async def run(command: Command) -> None:
    """Run a command to its end. Raises StartError unless it ends well."""
    child = command.start()
    try:
        while child.poll() is None:
            await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        kill(child)
    if child.returncode:
        raise StartError(command.name, f"ended with {child.returncode}", command.log)


async def stop(command: Command, child: Child, hurried: asyncio.Event) -> None:
    """Stop a child by the command's signals in turn; by SIGKILL at the end, or when hurried."""
    for number, within_s in command.stopping:
        if child.poll() is None and not hurried.is_set():
            child.send_signal(number)
            await _ended(child, within_s, hurried)
    kill(child)


def kill(child: Child) -> None:
    """Kill a child and all that it started, and collect it."""
    # macOS answers "not permitted" for a group that is gone.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


async def _ended(child: Child, within_s: float, hurried: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while child.poll() is None and not hurried.is_set():
                await asyncio.sleep(_LOOK_EVERY_S)


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None] | None:
    """Return a hook for the child: when the parent dies, even by SIGKILL, it gets the signal."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def hook() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return hook
