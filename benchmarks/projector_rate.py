"""Measure how fast the projector reads a full log, and how fast it makes the read models anew.

    python -m benchmarks.projector_rate [--events 200000] [--directories 48] [--single 2000]

User events of OneLogin's size, published by the real producer before anything reads them. First a
consumer that applies one event at a time, then the projector as it is deployed; then a rebuild
beside the live version. Nothing is pinned: Kafka, Postgres and projector share the machine.
"""

import asyncio
import os
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from aiohttp import ClientSession
from rich.console import Console

from benchmarks import measure, rig
from benchmarks.rig import Backend
from deploy.local import ports
from deploy.postgres.bootstrap import SERVICES, bootstrap
from services.projector.consumer import consumer
from services.projector.usecases import versions
from shared import db, kafka, telemetry
from shared.contracts import envelope
from shared.contracts.directory_events import Cause, DirectoryCreated, UserCreated
from shared.contracts.envelope import Origin, Position
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.topics import DIRECTORY_EVENTS, lane_of
from tests.support.service import Service
from tests.support.waiting import eventually

_API_KEY = "a key for the benchmark"
_EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
_MILLION = 1_000_000
_AT_ONCE = 2000
_APPLIED = "select coalesce(sum(next_offset), 0)::bigint from consumer_positions"


def history(directory: DirectoryId, events: int) -> Iterator[bytes]:
    """Yield the records of a directory in which so many users are created."""
    organization = OrganizationId(str(uuid.uuid4()))
    cause = Cause(kind="scim", id=str(uuid.uuid4()), actor="token:k7Jq")
    created = DirectoryCreated(cause=cause, id=directory, name="Globex", provider="onelogin")
    for number in range(1, events + 1):
        event = created if number == 1 else _user(directory, number)
        origin = Origin(directory, organization, _EPOCH + timedelta(milliseconds=number))
        head = envelope.head(directory, Position(1, number))
        yield head + envelope.tail(event.type, event.subject, origin, event)


def _user(directory: DirectoryId, number: int) -> UserCreated:
    name, key = f"user{number}@globex.example", str(uuid.uuid4())
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    resource: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise],
        "id": key,
        "externalId": str(number),
        "userName": name,
        "name": {"givenName": "Ada", "familyName": f"Number{number}"},
        "displayName": f"Ada Number{number}",
        "emails": [{"value": name, "type": "work", "primary": True}],
        "title": "Engineer",
        "active": True,
        enterprise: {"department": "R&D", "employeeNumber": str(number)},
        "meta": {
            "resourceType": "User",
            "created": "2026-03-02T09:00:00Z",
            "lastModified": "2026-03-02T09:00:00Z",
            "location": f"https://rollcall.example/scim/v2/{directory}/Users/{key}",
            "version": 'W/"1"',
        },
    }
    cause = Cause(kind="scim", id=str(uuid.uuid4()), actor="token:k7Jq")
    return UserCreated(cause=cause, resource=resource, version=1)


async def fill(servers: str, directories: int, events: int) -> None:
    """Publish so many events in all, each directory's in order."""
    async with kafka.publisher(servers, "bench") as publisher:
        for _ in range(directories):
            directory = DirectoryId(str(uuid.uuid4()))
            batch: list[kafka.Outgoing] = []
            for value in history(directory, events // directories):
                batch.append(kafka.Outgoing(DIRECTORY_EVENTS.name, directory.encode(), value))
                if len(batch) == _AT_ONCE:
                    await publisher.publish(lane_of(directory), batch)
                    batch = []
            await publisher.publish(lane_of(directory), batch)


async def database(backend: Backend) -> str:
    """Return the projector's address of a new database."""
    name = f"bench_{secrets.token_hex(4)}"
    await bootstrap(backend.dsn, name, dict.fromkeys(SERVICES, "bench"))
    host = backend.dsn.rpartition("@")[2].partition("/")[0]
    dsn = f"postgresql://projector:bench@{host}/{name}"
    await versions.migrate(dsn)
    return dsn


async def one_by_one(backend: Backend, events: int) -> float:
    """Return events a second when each is a transaction of its own."""
    async with db.connect(await database(backend), "rm_1") as its:
        single = replace(consumer(its, backend.kafka), max_records=1)
        stop = asyncio.Event()
        task = asyncio.create_task(single.run(stop))
        begun, started = await _from_first(its)
        await eventually(lambda: _has(its, begun + events), within_s=600)
        rate = (await _applied(its) - begun) / (time.perf_counter() - started)
        stop.set()
        await task
    return rate


async def _from_first(its: db.Database) -> tuple[int, float]:
    """Wait for the first events, so that joining the group is not measured."""
    begun = await eventually(lambda: _applied(its), within_s=60)
    return begun, time.perf_counter()


async def _applied(its: db.Database) -> int:
    async with its.connection() as connection:
        return int(await connection.fetchval(_APPLIED))


async def _has(its: db.Database, events: int) -> bool:
    return await _applied(its) >= events


@asynccontextmanager
async def projector(backend: Backend, dsn: str) -> AsyncIterator[Service]:
    """Run the projector as it is deployed."""
    port = ports.choose()
    environment = os.environ | {
        "ROLLCALL_PROJECTOR_DATABASE_URL": dsn,
        "ROLLCALL_PROJECTOR_PORT": str(port),
        "ROLLCALL_KAFKA_SERVERS": backend.kafka,
        "ROLLCALL_API_KEY": _API_KEY,
    }
    service = Service("projector", environment, f"http://127.0.0.1:{port}", is_quiet=True)
    async with service.running():
        yield service


async def rebuild(service: Service) -> dict[str, Any]:
    """Make the read models anew, and wait until the new version is live."""
    headers = {"Authorization": f"Bearer {_API_KEY}"}
    async with ClientSession(f"{service.url}/v1/", headers=headers) as session:
        started = time.perf_counter()
        async with session.post("rebuilds", json={"actor": "bench"}) as answer:
            answer.raise_for_status()

        async def is_live() -> Any:
            async with session.get("rebuilds/current") as answer:
                found = await answer.json()
            if found["state"] in {"differing", "failed"}:
                raise click.ClickException(found["reason"])
            return found if found["isLive"] else None

        done: dict[str, Any] = await eventually(is_live, within_s=3600)
    return done | {"seconds": time.perf_counter() - started}


async def compare(events: int, directories: int, single: int) -> Sequence[str]:
    """Return the lines to print."""
    async with rig.backend(pinned=False) as backend:
        await fill(backend.kafka, directories, events)
        slow = await one_by_one(backend, single)
        dsn = await database(backend)
        async with db.connect(dsn, "rm_1") as its, projector(backend, dsn) as service:
            pids = {"projector": service.child.pid if service.child else 0,
                    "postgres": backend.postgres_pid}  # fmt: skip
            begun, started = await _from_first(its)
            before = {name: measure.cpu_seconds(pid) for name, pid in pids.items()}
            await eventually(lambda: _has(its, events), within_s=3600)
            rate = (events - begun) / (time.perf_counter() - started)
            cpu = {
                name: (measure.cpu_seconds(pid) - before[name]) / (events - begun) * _MILLION
                for name, pid in pids.items()
            }
            done = await rebuild(service)
    filled = datetime.fromisoformat(done["filledAt"]) - datetime.fromisoformat(done["startedAt"])
    scale = _MILLION / events
    return (
        f"one event a transaction   {slow:10,.0f} events/s   ({single:,} events)",
        f"the projector, live       {rate:10,.0f} events/s   {rate / slow:.1f} times as many, "
        + ", ".join(f"{name} {each:.0f} us CPU an event" for name, each in cpu.items()),
        f"a rebuild, filling        {events / filled.total_seconds():10,.0f} events/s",
        f"a rebuild, all of it      {done['seconds']:10.1f} s for {events:,} events: filled, "
        f"indexed, compared, live; {done['seconds'] * scale:.0f} s for a million"
        + ("" if events == _MILLION else " (extrapolated)"),
    )


@click.command()
@click.option("--events", default=200_000, show_default=True)
@click.option("--directories", default=48, show_default=True)
@click.option("--single", default=2000, show_default=True, help="Events to apply one by one.")
def main(events: int, directories: int, single: int) -> None:
    """Print events a second, and what a rebuild takes."""
    telemetry.setup("bench", log_format="console", log_level="ERROR")
    lines = asyncio.run(compare(events // directories * directories, directories, single))
    console = Console(width=120, highlight=False)
    for line in lines:
        console.print(line, markup=False)
    console.print(
        f"load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
