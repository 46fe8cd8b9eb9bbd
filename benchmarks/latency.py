"""Measure how long after SCIM's answer an app reads the role event that follows.

    python -m benchmarks.latency [--seconds 20] [--directories 8] [--workers 16] [--rate 10]

Clients add users to mapped groups and take them out again, each in turn: a role event a call. As
fast as they are answered (saturation), then at half that rate; or at a rate of yours. A consumer
in a process of its own reads both topics. Nothing is pinned: all share the machine.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import click
import orjson
import uvloop
from aiohttp import ClientSession
from aiokafka import AIOKafkaConsumer
from rich.console import Console
from rich.table import Table

from benchmarks import rig, roles_rate
from benchmarks.measure import drive
from benchmarks.rig import Backend, Ingest
from benchmarks.scenarios import Population, members
from shared import db, telemetry
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS
from tests.support.service import Service
from tests.support.waiting import eventually

_USERS = 100
_WARM_UP_S = 5.0
_AGAIN_S = 0.05
_ARRIVED_WITHIN_S = 120
_HOPS = ("directory event sent", "directory event read", "role event sent", "role event read")


class Read(NamedTuple):
    """An event that the consumer read: when it was sent, in whole ms, and read; Unix seconds."""

    topic: str
    user: str
    sent: float
    read: float


@dataclass(slots=True)
class App:
    """The consumer in its own process, and what it said so far."""

    output: asyncio.StreamReader
    lines: list[bytes] = field(default_factory=list)

    async def listen(self) -> None:
        """Take in what it says, until it ends."""
        async for line in self.output:
            self.lines.append(line)

    def reads(self) -> list[Read]:
        """Return what it read, in order, and forget it."""
        found, self.lines = self.lines, []
        return [Read(*orjson.loads(line)) for line in found]


@dataclass(slots=True)
class Company:
    """A directory with a mapped group; its users join and leave in turn."""

    population: Population
    turn: int = 0
    refused: int = 0
    answered: list[tuple[str, float]] = field(default_factory=list)

    async def change(self) -> None:
        """Change the membership of the user whose turn it is, and note when that was answered."""
        users = self.population.users
        round_, place = divmod(self.turn, len(users))
        self.turn += 1
        user, body = users[place][0], members("remove" if round_ % 2 else "add", [users[place][0]])
        path = f"/Groups/{self.population.group}"
        while (await self.population.target.call("PATCH", path, body)).is_refused:
            self.refused += 1  # too much at once
            await asyncio.sleep(_AGAIN_S)
        self.answered.append((user, time.time()))


@dataclass(frozen=True, slots=True)
class Phase:
    """A time of load: calls a second, and for each call how long after its answer each hop was."""

    rate: float
    after_ms: Mapping[str, Sequence[float]]
    load_average: float

    def at(self, hop: str, share: float) -> float:
        """Return a quantile of a hop, in milliseconds after the answer."""
        found = sorted(self.after_ms[hop])
        return found[min(int(len(found) * share), len(found) - 1)]


async def consume(servers: str) -> None:
    """Read both topics as an app does, and say each event on standard output."""
    async with AIOKafkaConsumer(
        DIRECTORY_EVENTS.name, ROLE_EVENTS.name, bootstrap_servers=servers
    ) as consumer:
        for place in consumer.assignment():
            await consumer.position(place)
        print("ready", flush=True)
        while True:
            for place, records in (await consumer.getmany(timeout_ms=1000)).items():
                now = time.time()
                for record in records:
                    user = orjson.loads(record.value)["data"].get("user", {}).get("id", "")
                    said = (place.topic, user, record.timestamp / 1000, now)
                    sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
            sys.stdout.buffer.flush()


@asynccontextmanager
async def app(backend: Backend) -> AsyncIterator[App]:
    """Run the consumer, ready."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.latency", "--consume", backend.kafka,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout, "a pipe was asked for"  # noqa: S101  # mypy cannot know it
    found = App(child.stdout)
    try:
        await found.output.readline()
        async with asyncio.TaskGroup() as group:
            group.create_task(found.listen())
            yield found
            child.send_signal(signal.SIGTERM)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def company(ingest: Ingest, roles: Service, name: str) -> Company:
    """Make a directory whose group of nobody is mapped to a role; it has no fence.

    Users that leave as often as here are what a fence is there to hold back.
    """
    population = Population(await ingest.target(name), name)
    await population.grow(_USERS, partial(drive, workers=4))
    await population.fill_group(0)
    directory = population.target.base_url.rpartition("/")[2]
    headers = {"Authorization": f"Bearer {roles_rate.API_KEY}"}
    async with ClientSession(f"{roles.url}/v1/", headers=headers) as session:
        await session.put("roles/admin", json={"name": "Administrator"})
        edit = {"version": 0, "rows": [{"groupId": population.group, "role": "admin"}]}

        async def is_saved() -> bool:
            async with session.put(f"directories/{directory}/mapping", json=edit) as answer:
                return answer.ok

        await eventually(is_saved, within_s=60)
        await session.put(f"directories/{directory}/fence", json={"enabled": False})
    return Company(population)


async def load(
    companies: Sequence[Company], reader: App, seconds: float, workers: int, rate: float = 0.0
) -> Phase:
    """Change memberships for so long, at a rate or as fast as they are answered."""
    reader.lines.clear()
    for one in companies:
        one.answered.clear()
    started = time.perf_counter()
    every_s = workers / rate if rate else 0.0

    async def work(number: int) -> None:
        await asyncio.sleep(every_s * number / workers)
        while (began := time.perf_counter()) < started + seconds:
            await companies[number % len(companies)].change()
            if every_s:
                await asyncio.sleep(max(0.0, every_s - (time.perf_counter() - began)))

    async with asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(work(number))
    took, average = time.perf_counter() - started, os.getloadavg()[0]
    calls = sum(len(one.answered) for one in companies)
    await eventually(lambda: len(reader.lines) >= 2 * calls, within_s=_ARRIVED_WITHIN_S)
    return Phase(calls / took, _after(companies, reader.reads()), average)


def _after(companies: Sequence[Company], reads: Sequence[Read]) -> dict[str, list[float]]:
    """Return for each hop how long after the answer it was, in milliseconds, call by call.

    The n-th answer about a user goes with the n-th event about it; an event may be faster than
    the answer on its way back.
    """
    told: dict[tuple[str, str], Iterator[Read]] = {}
    grouped: dict[tuple[str, str], list[Read]] = {}
    for one in reads:
        grouped.setdefault((one.topic, one.user), []).append(one)
    told = {key: iter(found) for key, found in grouped.items()}
    after: dict[str, list[float]] = {hop: [] for hop in _HOPS}
    for user, at in (each for one in companies for each in one.answered):
        source, role = next(told[DIRECTORY_EVENTS.name, user]), next(told[ROLE_EVENTS.name, user])
        for hop, when in zip(_HOPS, (source.sent, source.read, role.sent, role.read), strict=True):
            after[hop].append((when - at) * 1000)
    return after


async def measured(seconds: float, directories: int, workers: int, rate: float) -> dict[str, Phase]:
    """Return the phases by name; with a rate, that alone."""
    async with rig.backend(pinned=False) as backend, rig.ingest(backend, pinned=False) as ingest:
        dsn = ingest.dsn.replace("//ingest:", "//roles:")
        async with db.connect(dsn, "roles") as its:
            await db.migrate(its, ["shared", "services.roles"])
        async with roles_rate.roles(backend, dsn) as roles:
            names = [f"d{number}" for number in range(directories)]
            companies = [await company(ingest, roles, name) for name in names]
            async with app(backend) as reader:
                await load(companies, reader, _WARM_UP_S, workers)
                if rate:
                    return {"as given": await load(companies, reader, seconds, workers, rate)}
                full = await load(companies, reader, seconds, workers)
                half = await load(companies, reader, seconds, workers, full.rate / 2)
    return {"half load": half, "saturation": full}


def _print(phases: Mapping[str, Phase]) -> None:
    table = Table(title="ms after SCIM's answer")
    for heading in ("load", "calls/s", "hop", "p50", "p90", "p99", "load average"):
        table.add_column(heading, justify="left" if heading in {"load", "hop"} else "right")
    for name, phase in phases.items():
        for hop in _HOPS:
            quantiles = [f"{phase.at(hop, share):.1f}" for share in (0.5, 0.9, 0.99)]
            table.add_row(name, f"{phase.rate:.0f}", hop, *quantiles, f"{phase.load_average:.1f}")
    Console(width=110).print(table)


@click.command()
@click.option("--seconds", default=20.0, show_default=True, help="How long each load lasts.")
@click.option("--directories", default=8, show_default=True)
@click.option("--workers", default=16, show_default=True, help="Calls at once, in all.")
@click.option("--rate", default=0.0, help="Calls a second, instead of the two loads.")
@click.option("--consume", "servers", hidden=True)
def main(seconds: float, directories: int, workers: int, rate: float, servers: str | None) -> None:
    """Print how long after SCIM's answer each hop was, at half load and at saturation."""
    if servers:
        asyncio.run(consume(servers))
        return
    telemetry.setup("bench", log_format="console", log_level="CRITICAL")
    _print(uvloop.run(measured(seconds, directories, workers, rate)))


if __name__ == "__main__":
    main()
