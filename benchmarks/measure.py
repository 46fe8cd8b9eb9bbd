"""A closed loop of workers, and what it took: rate, latency, CPU of process trees, memory."""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.scenarios import Population, Scenario

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement; latencies in milliseconds, CPU in seconds per 1,000 calls by process."""

    calls: int
    seconds: float
    latencies_ms: Sequence[float]
    cpu: Mapping[str, float]
    refused: Mapping[int, int]

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    def at(self, share: float) -> float:
        """Return a quantile of the latencies in milliseconds."""
        return sorted(self.latencies_ms)[min(int(len(self.latencies_ms) * share), self.calls - 1)]


@dataclass(slots=True)
class _Tally:
    latencies_ms: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)


async def measure(
    population: Population,
    make: Scenario,
    *,
    calls: int,
    workers: int,
    pids: Mapping[str, int],
    every_s: float = 0.0,
) -> Result:
    """Send so many calls, each worker its next one when its last was answered.

    With `every_s` not before so long after its last one began: latency, not capacity.
    """
    tally = _Tally()

    async def one() -> None:
        call = make(population)
        started = time.perf_counter()
        reply = await population.target.call(call.method, call.path, call.document)
        tally.latencies_ms.append((time.perf_counter() - started) * 1000)
        if reply.is_refused:
            tally.refused[reply.status] += 1
        await asyncio.sleep(max(every_s - (time.perf_counter() - started), 0))

    population.target.close()  # what stood idle may have been closed on the other side
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    started = time.perf_counter()
    await drive([one] * calls, workers)
    seconds = time.perf_counter() - started
    cpu = {name: (cpu_seconds(pid) - before[name]) * 1000 / calls for name, pid in pids.items()}
    return Result(calls, seconds, tally.latencies_ms, cpu, tally.refused)


async def drive(work: Sequence[Callable[[], Awaitable[None]]], workers: int = 16) -> None:
    """Do all the work, `workers` at a time."""
    rest: Iterator[Callable[[], Awaitable[None]]] = iter(work)

    async def worker() -> None:
        for each in rest:
            await each()

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker())


def median(results: Sequence[Result], figure: Callable[[Result], float]) -> float:
    """Return the median of a figure over the rounds of a run."""
    return statistics.median(figure(each) for each in results)


def cpu_seconds(root: int) -> float:
    """Return the user and system time of a process, its children, and those it has reaped."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in tree(root)) / _TICKS


def memory_mib(root: int) -> float:
    """Return the proportional set size of a process tree: shared pages count once."""
    total = 0
    for pid in tree(root):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(rollup.partition("\nPss:")[2].split()[0])
    return total / 1024


def tree(root: int) -> list[int]:
    """Return a process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, rest = [], [root]
    while rest:
        found.append(rest.pop())
        rest += children.get(found[-1], [])
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name, none for a process that has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
