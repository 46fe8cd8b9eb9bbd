"""Measure what Kafka's absence costs SCIM, and how fast what piled up is published afterwards.

    python -m benchmarks.backlog [--minutes 1] [--rate 200] [--directories 8]

Clients create users at a steady rate before, while Kafka is stopped (the broker, not its
connections), and on until all is published. Nothing is pinned: ingest, Postgres, Kafka and the
clients share the machine, so compare ratios and CPU time rather than rates.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import click
import uvloop
from rich.console import Console

from benchmarks import measure, rig
from benchmarks.measure import Result
from benchmarks.rig import Ingest
from benchmarks.scenarios import Population, create
from shared import db, telemetry
from tests.support.brokers import Brokers

_BEFORE_S = 20
_WORKERS = 5  # in each directory
_LOOK_EVERY_S = 0.05
_DRAINED = 20  # rows that a steady rate keeps on their way
_WAITING = "select count(*) from outbox"


@dataclass(slots=True)
class Load:
    """Clients that together create `rate` users a second, as far as ingest lets them."""

    populations: Sequence[Population]
    rate: int
    pids: Mapping[str, int]

    async def during(self, goes_on: Callable[[], bool]) -> "Phase":
        """Create users, second after second."""
        phase = Phase()
        before = {name: measure.cpu_seconds(pid) for name, pid in self.pids.items()}
        while goes_on():
            started = time.perf_counter()
            phase.results += await self._second()
            phase.seconds += time.perf_counter() - started
        for name, pid in self.pids.items():
            phase.cpu[name] = measure.cpu_seconds(pid) - before[name]
        return phase

    async def _second(self) -> list[Result]:
        each = self.rate // len(self.populations)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    measure.measure(one, create, calls=each, workers=_WORKERS, pids={},
                                    every_s=_WORKERS / each)
                )
                for one in self.populations
            ]  # fmt: skip
        return [task.result() for task in tasks]


@dataclass(slots=True)
class Phase:
    """What a time of load came to; CPU in seconds by process."""

    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """How many calls were answered with success."""
        return sum(one.calls - sum(one.refused.values()) for one in self.results)

    @property
    def rate(self) -> float:
        """Successful calls a second."""
        return self.calls / self.seconds

    def at(self, share: float) -> float:
        """Return a quantile of the latencies in milliseconds."""
        found = sorted(ms for one in self.results for ms in one.latencies_ms)
        return found[min(int(len(found) * share), len(found) - 1)]

    def line(self, name: str) -> str:
        """Return what to print of it."""
        refused = sum(sum(one.refused.values()) for one in self.results)
        cpu = ", ".join(
            f"{process} {each / self.calls * 1000:.2f} ms CPU a write"
            for process, each in self.cpu.items()
        )
        return (
            f"{name:<16}{self.rate:7.0f} writes/s, p50 {self.at(0.5):.1f} ms, "
            f"p99 {self.at(0.99):.1f} ms, {refused} refused, {cpu}"
        )


@dataclass(slots=True)
class Drain:
    """How a backlog went: rows when Kafka answered, when the first was published, how many went."""

    rows: int
    published: int = 0
    idle_s: float = 0.0
    seconds: float = 0.0


async def _waiting(its: db.Database) -> int:
    async with its.connection() as connection:
        return int(await connection.fetchval(_WAITING))


async def _drain(its: db.Database, load: Load) -> tuple[Drain, Phase]:
    """Go on creating users until nothing waits any more."""
    drain, done = Drain(await _waiting(its)), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        loading = group.create_task(load.during(lambda: not done.is_set()))
        started = time.perf_counter()
        while await _waiting(its) >= drain.rows:
            drain.rows = max(drain.rows, await _waiting(its))
            await asyncio.sleep(_LOOK_EVERY_S)
        first = time.perf_counter()
        while await _waiting(its) > _DRAINED:
            await asyncio.sleep(_LOOK_EVERY_S)
        drain.idle_s, drain.seconds = first - started, time.perf_counter() - first
        done.set()
    drain.published = drain.rows + round(load.rate * drain.seconds)
    return drain, loading.result()


async def outage(minutes: float, rate: int, directories: int) -> Sequence[str]:
    """Return the lines to print."""
    async with (
        rig.backend(pinned=False) as backend,
        rig.ingest(backend, pinned=False) as ingest,
        db.connect(ingest.dsn, "ingest", max_size=2) as its,
    ):
        populations = [await _population(ingest, f"d{number}") for number in range(directories)]
        load = Load(populations, rate, ingest.pids)
        brokers = Brokers(backend.supervisor, backend.kafka)
        before = await load.during(_for(_BEFORE_S))
        await brokers.stop(1)
        during = await load.during(_for(minutes * 60))
        await brokers.start(1)
        drain, after = await _drain(its, load)
    ratio = during.rate / before.rate
    return [
        before.line("with Kafka"),
        during.line("without Kafka"),
        after.line("while draining"),
        f"SCIM's rate without Kafka over its rate with it: {ratio:.2f}",
        *_lines(drain, during, after),
    ]


def _lines(drain: Drain, during: Phase, after: Phase) -> Iterator[str]:
    growth, speed = drain.rows / during.seconds, drain.published / drain.seconds
    cpu = sum(after.cpu.values()) - after.calls * sum(during.cpu.values()) / during.calls
    yield (
        f"backlog: {drain.rows:,} events after {during.seconds:.0f} s, {growth:.0f} a second; "
        f"the first went {drain.idle_s:.1f} s after Kafka answered"
    )
    yield (
        f"drained at {speed:,.0f} events/s in {drain.seconds:.1f} s under load: "
        f"{speed / growth:.0f} times as fast as it grew, "
        f"{max(cpu, 0) / drain.published * 1_000_000:.0f} us CPU an event (ingest + Postgres)"
    )


async def _population(ingest: Ingest, name: str) -> Population:
    return Population(await ingest.target(name), name)


def _for(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


@click.command()
@click.option("--minutes", default=1.0, show_default=True, help="How long Kafka is away.")
@click.option("--rate", default=200, show_default=True, help="Writes a second.")
@click.option("--directories", default=8, show_default=True)
def main(minutes: float, rate: int, directories: int) -> None:
    """Print SCIM's rate with and without Kafka, and how fast the backlog went."""
    telemetry.setup("bench", log_format="console", log_level="CRITICAL")
    lines = uvloop.run(outage(minutes, rate, directories))
    console = Console(width=120, highlight=False)
    for line in lines:
        console.print(line, markup=False)
    console.print(
        f"load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
