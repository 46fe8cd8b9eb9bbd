"""Measure what a directory at 20 times its limit, and Kafka's absence, cost the others.

    python -m benchmarks.noisy_neighbour [--rounds 5] [--times 20]

A calm directory is measured alone and beside a loud one, in turn, in the same ingest; the loud one
comes from a process of its own. Then the calm rate with Kafka stopped (SIGSTOP), in the same way.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
import uvloop
from aiohttp import ClientSession
from rich.console import Console
from rich.table import Table

from benchmarks import measure, rig
from benchmarks.http_client import Target
from benchmarks.measure import Result, drive, median
from benchmarks.rig import Backend, Ingest
from benchmarks.scenarios import Population, create, lookup
from tests.integration.ingest.client import API_KEY

_LIMIT_PER_S, _BURST = 50, 200
_AT_ONCE = 64  # as many connections as the loud one has
_EVERY_S = {"alone": 0.025, "beside": 0.025}
"""The calm directory keeps within the limit too; its rate is measured as fast as it goes."""


async def compare(rounds: int, times: int) -> None:
    """Print latencies with and without a neighbour, rates with and without Kafka, and ratios."""
    found: dict[tuple[str, str], list[Result]] = {}
    async with rig.backend() as backend, rig.ingest(backend) as ingest:
        calm = await _population(ingest, "calm")
        loud = await ingest.target("loud")
        await _limit(ingest, loud)
        for _ in range(rounds):
            await _measure(found, "alone", calm, ingest)
            async with _noise(loud, _LIMIT_PER_S * times):
                await _measure(found, "beside", calm, ingest)
            await _measure(found, "with Kafka", calm, ingest)
            async with _stopped(backend):
                await _measure(found, "without", calm, ingest)
            await asyncio.sleep(3)  # what waited is published before the next round
    _print(found)


async def _limit(ingest: Ingest, target: Target) -> None:
    directory = target.base_url.rpartition("/")[2]
    async with ClientSession(headers={"Authorization": f"Bearer {API_KEY}"}) as session:
        place = f"{ingest.service.url}/v1/directories/{directory}/limit"
        limit = {"requestsPerSecond": _LIMIT_PER_S, "burst": _BURST}
        async with session.put(place, json=limit) as answer:
            answer.raise_for_status()


async def _population(ingest: Ingest, name: str) -> Population:
    population = Population(await ingest.target(name), name)
    await population.grow(100, drive)
    return population


async def _measure(
    found: dict[tuple[str, str], list[Result]], name: str, calm: Population, ingest: Ingest
) -> None:
    for call, make in {"create": create, "lookup": lookup}.items():
        result = await measure.measure(
            calm, make, calls=300, workers=1, pids=ingest.pids, every_s=_EVERY_S.get(name, 0.0)
        )
        found.setdefault((call, name), []).append(result)


@asynccontextmanager
async def _noise(target: Target, per_s: int) -> AsyncIterator[None]:
    arguments = ["-m", "benchmarks.noisy_neighbour", "--noise", str(per_s), target.base_url]
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=os.environ | {"TOKEN": target.token}
    )
    try:
        await asyncio.sleep(2)  # its burst is over
        yield
    finally:
        child.send_signal(signal.SIGINT)
        await child.wait()


@asynccontextmanager
async def _stopped(backend: Backend) -> AsyncIterator[None]:
    os.kill(backend.kafka_pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(backend.kafka_pid, signal.SIGCONT)


async def shout(url: str, token: str, per_s: int) -> None:
    """Send so many creations a second, whatever is answered, until interrupted; print statuses.

    Evenly, at most 64 at once, and as cheaply as can be: it shares the core of the measured load.
    """
    target, seen, number = Target("loud", url, token), Counter[int | str](), 0
    stop, clock = asyncio.Event(), asyncio.get_running_loop().time
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    began = clock()

    async def one(name: str) -> None:
        try:
            reply = await target.call("POST", "/Users", {"userName": name})
            seen[reply.status] += 1
        except (OSError, EOFError) as error:
            seen[type(error).__name__] += 1

    async with asyncio.TaskGroup() as group:
        while not stop.is_set():
            while number < (clock() - began) * per_s:
                number += 1
                if number - seen.total() < _AT_ONCE:
                    group.create_task(one(f"loud-{os.getpid()}-{number}"))
                else:
                    seen["not sent"] += 1
            await asyncio.sleep(1 / per_s)
    rate = seen.total() / (clock() - began)
    print(f"the loud one: {rate:,.0f} a second, by status {dict(seen)}", flush=True)


def _print(found: dict[tuple[str, str], list[Result]]) -> None:
    table = Table(title="a calm directory")
    for heading in ("call", "", "rate", "ratio", "p50 ms", "p99 ms", "ratio", "not 2xx"):
        table.add_column(heading, justify="left" if heading in {"call", ""} else "right")
    for before, after in (("alone", "beside"), ("with Kafka", "without")):
        for call in ("create", "lookup"):
            base = found[call, before]
            for name in (before, after):
                results = found[call, name]
                rate = median(results, lambda one: one.rate)
                p99 = median(results, lambda one: one.at(0.99))
                table.add_row(
                    call,
                    name,
                    f"{rate:,.0f}",
                    f"{rate / median(base, lambda one: one.rate):.2f}",
                    f"{median(results, lambda one: one.at(0.5)):.2f}",
                    f"{p99:.2f}",
                    f"{p99 / median(base, lambda one: one.at(0.99)):.2f}",
                    str(sum(sum(one.refused.values()) for one in results)),
                )
    Console(width=100).print(table)


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--times", default=20, show_default=True)
@click.option("--noise", type=int, hidden=True)
@click.argument("url", required=False)
def main(rounds: int, times: int, noise: int | None, url: str | None) -> None:
    """Compare a calm directory alone, beside a loud one, and without Kafka."""
    if noise and url:
        uvloop.run(shout(url, os.environ["TOKEN"], noise))
    else:
        asyncio.run(compare(rounds, times))


if __name__ == "__main__":
    main()
