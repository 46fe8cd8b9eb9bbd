"""Measure ingest, durable and with an outbox, beside a SCIM server that keeps all in memory.

    python -m benchmarks.against_peer [--rounds 5] [--calls 1000] [--only create]

Each round measures both, in turn, and the order turns too; figures are medians over the rounds.
"""

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.table import Table

from benchmarks import measure, rig
from benchmarks.measure import Result, median
from benchmarks.scenarios import SCENARIOS, Population

_GROUPS = {"member add 100": 100, "member add 1,000": 1000, "member add 10,000": 10_000}
_SERIAL_CALLS = 30


@dataclass(slots=True)
class Side:
    """One of the two servers: what it holds, its processes, its results by question."""

    population: Population
    pids: Mapping[str, int]
    results: dict[str, list[Result]] = field(default_factory=dict)


async def compare(rounds: int, calls: int, only: str | None) -> None:
    """Measure both and print the table."""
    async with rig.backend() as backend, rig.ingest(backend) as ingest, rig.peer() as (peer, pids):
        ours = Side(Population(await ingest.target("rollcall"), "a"), ingest.pids)
        theirs = Side(Population(peer, "b"), pids)
        for side in (ours, theirs):
            await side.population.grow(1000, measure.drive)
        for turn in range(rounds):
            for side in (ours, theirs) if turn % 2 else (theirs, ours):
                await _measure_calls(side, calls, only)
        if only is None:
            for side in (ours, theirs):
                await _measure_groups(side)
        _print(ours, theirs)


async def _measure_calls(side: Side, calls: int, only: str | None) -> None:
    for name, make in SCENARIOS.items():
        if name == "member add" or only not in {None, name}:
            continue
        result = await measure.measure(
            side.population, make, calls=calls, workers=16, pids=side.pids
        )
        side.results.setdefault(name, []).append(result)


async def _measure_groups(side: Side) -> None:
    """One call at a time: a provider changes members one request after the other."""
    await side.population.grow(max(_GROUPS.values()) + 100, measure.drive)
    for name, size in _GROUPS.items():
        await side.population.fill_group(size)
        result = await measure.measure(
            side.population, SCENARIOS["member add"], calls=_SERIAL_CALLS, workers=1,
            pids=side.pids,
        )  # fmt: skip
        side.results[name] = [result]


def _print(ours: Side, theirs: Side) -> None:
    table = Table(title="ingest beside scim2-server (in memory, gunicorn); one core each")
    for heading in ("call", "calls/s", "peer", "ratio", "p50 ms", "p99 ms", "peer p50",
                    "CPU ms a call", "peer"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "call" else "right")
    for name, results in ours.results.items():
        table.add_row(name, *_row(results, theirs.results[name]))
    console = Console(width=120)
    console.print(table)
    for side in (ours, theirs):
        for name, pid in side.pids.items():
            console.print(f"{name}: {measure.memory_mib(pid):.0f} MiB", highlight=False)
        refused = [each.refused for found in side.results.values() for each in found]
        console.print(f"  not 2xx: {sum(sum(each.values()) for each in refused)}", highlight=False)


def _row(ours: Sequence[Result], theirs: Sequence[Result]) -> tuple[str, ...]:
    rate, other = median(ours, lambda one: one.rate), median(theirs, lambda one: one.rate)
    return (
        f"{rate:,.0f}",
        f"{other:,.0f}",
        f"{rate / other:.1f}x",
        f"{median(ours, lambda one: one.at(0.5)):.1f}",
        f"{median(ours, lambda one: one.at(0.99)):.1f}",
        f"{median(theirs, lambda one: one.at(0.5)):.1f}",
        _cpu(ours),
        _cpu(theirs),
    )


def _cpu(results: Sequence[Result]) -> str:
    names = results[0].cpu
    return " + ".join(
        f"{statistics.median(one.cpu[name] for one in results):.2f}" for name in names
    )


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--calls", default=1000, show_default=True, help="Calls of each kind a round.")
@click.option("--only", type=click.Choice([name for name in SCENARIOS if name != "member add"]))
def main(rounds: int, calls: int, only: str | None) -> None:
    """Compare ingest with scim2-server in gunicorn."""
    asyncio.run(compare(rounds, calls, only))


if __name__ == "__main__":
    main()
