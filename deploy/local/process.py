"""Child processes that never outlive their parent, and stop within a bound."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_KILLED_WITHIN_S = 5


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: arguments, where its output goes, and which signals stop it, in order."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 15

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it in a session of its own, so that Ctrl-C reaches us alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                list(self.arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=None if self.environment is None else dict(self.environment),
                start_new_session=True,
                # Safe: children are started by the main thread alone.
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509
            )

    def stop(self, child: "subprocess.Popen[bytes]") -> None:
        """Stop it: the polite signal, a bound, then SIGKILL to its whole group."""
        with suppress(ProcessLookupError):
            child.send_signal(self.stop_signal)
        try:
            child.wait(self.stop_within_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait(_KILLED_WITHIN_S)


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return a hook for the child: when the parent dies, even by SIGKILL, so does the child."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def hook() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return hook


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, for an error message."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
