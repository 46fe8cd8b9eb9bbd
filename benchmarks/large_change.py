"""Measure a save that gives a group of 50,000 a role, and what it costs others meanwhile.

    python -m benchmarks.large_change [--people 50000] [--calls 600]

Two calm directories put somebody into a mapped group every 50 ms, by SCIM: one lives in the lane of
the large directory, one in another. Their latency is the time from ingest's reply to the role event
in the hands of a consumer, at rest and while the save is applied. Nothing is pinned: ingest, roles,
Postgres, Kafka, the load and the consumer share the machine.
"""

import asyncio
import itertools
import os
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import click
import orjson
import uvloop
from aiohttp import ClientSession
from aiokafka import AIOKafkaConsumer
from rich.console import Console
from rich.table import Table

from benchmarks import measure, rig, roles_rate
from benchmarks.measure import drive
from benchmarks.rig import Ingest
from benchmarks.roles_rate import API_KEY, Directory
from benchmarks.scenarios import Population, members
from shared import db, telemetry
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import ROLE_EVENTS, lane_of
from tests.support.service import Service
from tests.support.waiting import eventually

_EVERY_S = 0.05
_MORE = 8  # as many users for each call at rest, for as long as the change may take
_ASSIGNED = b'"rollcall.role.assigned.v1"'


@dataclass(slots=True)
class Watcher:
    """Reads all role events: when each of the calm ones came, how many large ones, and when."""

    large: str
    came: dict[tuple[str, str], float] = field(default_factory=dict)
    count: int = 0
    last: float = 0.0

    async def run(self, servers: str) -> None:
        """Read until cancelled."""
        consumer = AIOKafkaConsumer(
            ROLE_EVENTS.name, bootstrap_servers=servers, auto_offset_reset="earliest"
        )
        async with consumer:
            while True:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    self._take([(one.key.decode(), one.value) for one in records])

    def _take(self, records: Sequence[tuple[str, bytes]]) -> None:
        now = time.perf_counter()
        for key, value in records:
            if _ASSIGNED not in value:
                continue
            if key == self.large:
                self.count, self.last = self.count + 1, now
            else:
                self.came[key, orjson.loads(value)["data"]["user"]["id"]] = now


@dataclass(slots=True)
class Calm:
    """A directory whose users join a mapped group one after the other."""

    id: str
    population: Population
    watcher: Watcher
    joined: "itertools.count[int]" = field(default_factory=itertools.count)

    async def join(self) -> float:
        """Put the next user into the group; return the milliseconds from reply to event."""
        user = self.population.users[next(self.joined)][0]
        path = f"/Groups/{self.population.group}"
        reply = await self.population.target.call("PATCH", path, members("add", [user]))
        replied = time.perf_counter()
        if reply.is_refused:
            raise RuntimeError(f"the group took nobody in: {reply}")
        place = self.id, user
        async with asyncio.timeout(60):
            while place not in self.watcher.came:
                await asyncio.sleep(0.001)
        return max(self.watcher.came[place] - replied, 0) * 1000


async def compare(people: int, calls: int) -> None:
    """Print seconds to the last event, and the latencies of the others."""
    async with rig.backend(pinned=False) as backend, rig.ingest(backend, pinned=False) as ingest:
        # The same database and password: those of a role are the same in all databases.
        dsn = ingest.dsn.replace("//ingest:", "//roles:")
        same, other, large = await _directories(ingest, people, calls)
        async with db.connect(dsn, "roles") as its:
            await db.migrate(its, ["shared", "services.roles"])
            await roles_rate.begin(its, backend.kafka, [large])
        await roles_rate.publish(backend.kafka, large, large.joining(large.groups[0]))
        async with roles_rate.roles(backend, dsn) as service, ClientSession() as session:
            api = Api(session, service)
            await api.declare("admin")
            watcher = Watcher(large.id)
            calm = {"same lane": await _calm(api, same, watcher),
                    "another lane": await _calm(api, other, watcher)}  # fmt: skip
            await eventually(lambda: api.has_members(large.id, people), within_s=600)
            async with _beside(watcher.run(backend.kafka)):
                await _report(api, calm, large, watcher, calls)


async def _report(
    api: "Api", calm: dict[str, Calm], large: Directory, watcher: Watcher, calls: int
) -> None:
    rest = await _latencies(calm, lambda count: count < calls)
    rows = [(large.groups[0].id, "admin")]
    shown_s, shown = await _timed(api.preview(large.id, rows))
    pids = {"roles": api.service.child.pid if api.service.child else 0}
    cpu = measure.cpu_seconds(pids["roles"])
    started = time.perf_counter()
    busy: dict[str, list[float]] = {}
    saved_s = 0.0

    async def apply() -> None:
        nonlocal saved_s
        saved_s, _ = await _timed(api.save(large.id, rows, shown["effect"]))
        await eventually(lambda: watcher.count >= large.people, within_s=600)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(apply())
        busy |= await _latencies(calm, lambda _count: not task.done())
    spent = measure.cpu_seconds(pids["roles"]) - cpu
    console = Console(width=110, highlight=False)
    console.print(
        f"{large.people:,} users: preview {shown_s:.1f} s, answer to the save {saved_s:.1f} s, "
        f"last event {watcher.last - started:.1f} s after it was sent; "
        f"{spent:.1f} s of CPU in roles"
    )
    console.print(_table(rest, busy))
    console.print(
        f"load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


def _table(rest: dict[str, list[float]], busy: dict[str, list[float]]) -> Table:
    table = Table(title="another directory, from SCIM reply to role event")
    for heading in ("", "calls at rest, meanwhile", "p50 ms", "p99 ms"):
        table.add_column(heading)
    for name, calls in rest.items():
        both = (calls, busy[name])
        figures = [", ".join(f"{_at(one, share):.1f}" for one in both) for share in (0.5, 0.99)]
        table.add_row(name, ", ".join(f"{len(one)}" for one in both), *figures)
    return table


def _at(latencies: Sequence[float], share: float) -> float:
    return sorted(latencies)[min(int(len(latencies) * share), len(latencies) - 1)]


async def _latencies(calm: dict[str, Calm], goes_on: Any) -> dict[str, list[float]]:
    """Return the latencies of each calm directory, which takes its turn as long as it goes on."""
    found: dict[str, list[float]] = {name: [] for name in calm}

    async def one(name: str) -> None:
        calm[name].population.target.close()  # what stood idle may have been closed over there
        while goes_on(len(found[name])):
            started = time.perf_counter()
            found[name].append(await calm[name].join())
            await asyncio.sleep(max(_EVERY_S - (time.perf_counter() - started), 0))

    async with asyncio.TaskGroup() as group:
        for name in calm:
            group.create_task(one(name))
    return found


async def _timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    found = await work
    return time.perf_counter() - started, found


async def _directories(
    ingest: Ingest, people: int, calls: int
) -> tuple[Population, Population, Directory]:
    """Return two calm populations, and a large directory in the lane of the first."""
    same = await _population(ingest, "same", calls * _MORE)
    other = await _population(ingest, "other", calls * _MORE)
    while lane_of(_id(other)) == lane_of(_id(same)):
        other = await _population(ingest, "other", calls * _MORE)
    return same, other, Directory(people, id=_in_lane(lane_of(_id(same))))


def _in_lane(lane: int) -> DirectoryId:
    return next(one for one in iter(lambda: DirectoryId(str(uuid.uuid4())), "")
                if lane_of(one) == lane)  # fmt: skip


def _id(population: Population) -> DirectoryId:
    return DirectoryId(population.target.base_url.rpartition("/")[2])


async def _population(ingest: Ingest, name: str, size: int) -> Population:
    population = Population(await ingest.target(name), name)
    await population.grow(size, partial(drive, workers=4))
    await population.fill_group(0)
    return population


async def _calm(api: "Api", population: Population, watcher: Watcher) -> Calm:
    key = _id(population)
    await eventually(lambda: api.has_members(key, 0), within_s=120)
    await api.save(key, [(population.group, "admin")], None)
    return Calm(key, population, watcher)


@dataclass(frozen=True, slots=True)
class Api:
    """The `/v1` API of roles."""

    session: ClientSession
    service: Service

    async def declare(self, role: str) -> None:
        """Declare a role."""
        await self._call("PUT", f"/roles/{role}", {"name": role.title()})

    async def has_members(self, directory: str, count: int) -> bool:
        """Tell whether a group of the directory has so many members by now."""
        url = f"{self.service.url}/v1/directories/{directory}/groups"
        async with self.session.get(url, headers=_HEADERS) as answer:
            if not answer.ok:
                return False
            return count in {one["members"] for one in (await answer.json())["items"]}

    async def preview(self, directory: str, rows: Sequence[tuple[str, str]]) -> Any:
        """Return what a first mapping would do."""
        return await self._call("POST", f"/directories/{directory}/mapping/preview", _edit(rows))

    async def save(
        self, directory: str, rows: Sequence[tuple[str, str]], effect: str | None
    ) -> Any:
        """Save a first mapping."""
        edit = _edit(rows) | {"effect": effect}
        return await self._call("PUT", f"/directories/{directory}/mapping", edit)

    async def _call(self, method: str, path: str, body: Any) -> Any:
        url = f"{self.service.url}/v1{path}"
        async with self.session.request(method, url, json=body, headers=_HEADERS) as answer:
            answer.raise_for_status()
            return await answer.json()


_HEADERS = {"Authorization": f"Bearer {API_KEY}"}


def _edit(rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {"version": 0, "rows": [{"groupId": group, "role": role} for group, role in rows]}


@asynccontextmanager
async def _beside(work: Any) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


@click.command()
@click.option("--people", default=50_000, show_default=True)
@click.option("--calls", default=600, show_default=True)
def main(people: int, calls: int) -> None:
    """Print seconds to the last event of a large save, and what it costs others."""
    telemetry.setup("bench", log_format="console", log_level="ERROR")
    uvloop.run(compare(people, calls))


if __name__ == "__main__":
    main()
