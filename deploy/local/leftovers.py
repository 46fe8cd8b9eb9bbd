"""What an earlier run left running because it was killed: recorded by pid, ended at the next start.

On Linux the kernel ends children with their parent; this waits until they are gone. Elsewhere it
ends them. A pid counts only with the time at which its process started, so that a stranger who
has the number by now is left alone.
"""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

_WITHIN_S = 15
_LOOK_EVERY_S = 0.05


def record(file: Path, pids: Iterable[int]) -> None:
    """Write down which processes run now."""
    born = {str(pid): started for pid in pids if (started := _started(pid))}
    file.write_text(json.dumps(born), encoding="ascii")


async def end(file: Path) -> int:
    """End what still runs of the recorded processes; return how many there were."""
    recorded = json.loads(file.read_text(encoding="ascii")) if file.exists() else {}
    alive = _alive(recorded)
    # Not SIGINT: what a script starts in the background ignores it.
    _signal(alive, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(_WITHIN_S):
            while _alive(recorded):
                await asyncio.sleep(_LOOK_EVERY_S)
    _signal(_alive(recorded), signal.SIGKILL)
    file.unlink(missing_ok=True)
    return len(alive)


def _alive(recorded: Mapping[str, str]) -> list[int]:
    return [int(pid) for pid, started in recorded.items() if _started(int(pid)) == started]


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _started(pid: int) -> str | None:
    """Return when a process started, in whatever unit the system has; None when it is gone."""
    if not Path("/proc/self/stat").exists():
        done = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607  # where `ps` is, the PATH knows
            capture_output=True, check=False, text=True,
        )  # fmt: skip
        return done.stdout.strip() or None
    try:
        # After the name, which may hold anything: the state first, the start time as 20th.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]
