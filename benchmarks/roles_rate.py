"""Measure how fast roles reads a full log of memberships, and what follows from them.

    python -m benchmarks.roles_rate [--events 120000] [--directories 24] [--mapped 1]

Each directory has four groups, so many of which are mapped to a role: a membership in one of them
assigns it, which is an event and a state of its own in the outbox. The memberships are published
by the real producer before roles, as it is deployed, reads them. Nothing is pinned: Kafka, Postgres
and roles share the machine, so compare the CPU time of an event rather than the rate.
"""

import asyncio
import os
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console

from benchmarks import measure, rig
from benchmarks.rig import Backend
from deploy.local import ports
from deploy.postgres.bootstrap import SERVICES, bootstrap
from services.roles import consumer
from services.roles.usecases import declare_role, mapping
from shared import db, kafka, telemetry
from shared.contracts import envelope, management
from shared.contracts.directory_events import (
    Cause,
    DirectoryCreated,
    DirectoryEvent,
    GroupCreated,
    GroupRef,
    MembershipAdded,
    UserCreated,
    UserRef,
)
from shared.contracts.envelope import Origin, Position
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, UserId
from shared.contracts.topics import DIRECTORY_EVENTS, lane_of
from tests.support.service import Service
from tests.support.waiting import eventually

API_KEY = "a key for the benchmark"
_EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
_MILLION = 1_000_000
_AT_ONCE = 2000
_GROUPS = 4
_APPLIED = "select coalesce(sum(next_offset), 0)::bigint from consumer_positions"
_TOLD = "select count(*) from outbox"


def _new_id() -> str:
    return str(uuid.uuid4())


@dataclass(slots=True)
class Directory:
    """A directory of so many people, none of whom is in a group yet; `told` counts its events."""

    people: int
    id: DirectoryId = field(default_factory=lambda: DirectoryId(_new_id()))
    organization: OrganizationId = field(default_factory=lambda: OrganizationId(_new_id()))
    told: int = 0
    users: list[UserRef] = field(init=False)
    groups: list[GroupRef] = field(init=False)

    def __post_init__(self) -> None:
        self.users = [
            UserRef(id=UserId(_new_id()), external_id=str(number),
                    user_name=f"user{number}@globex.example", active=True)
            for number in range(self.people)
        ]  # fmt: skip
        self.groups = [
            GroupRef(id=GroupId(_new_id()), external_id=str(number), display_name=f"Group {number}")
            for number in range(_GROUPS)
        ]

    def beginning(self) -> Iterator[bytes]:
        """Yield the records of the directory, its groups and its users."""
        yield self._record(
            DirectoryCreated(cause=_cause(), id=self.id, name="Globex", provider="onelogin")
        )
        for group in self.groups:
            named = {"id": group.id, "displayName": group.display_name,
                     "externalId": group.external_id}  # fmt: skip
            yield self._record(GroupCreated(cause=_cause(), resource=named, version=1))
        for user in self.users:
            resource: dict[str, Any] = {"id": user.id, "userName": user.user_name, "active": True,
                        "externalId": user.external_id}  # fmt: skip
            yield self._record(UserCreated(cause=_cause(), resource=resource, version=1))

    def memberships(self) -> Iterator[bytes]:
        """Yield a record for everybody joining each group, a group after the other."""
        for group in self.groups:
            yield from self.joining(group)

    def joining(self, group: GroupRef) -> Iterator[bytes]:
        """Yield a record for everybody joining a group."""
        for user in self.users:
            yield self._record(MembershipAdded(cause=_cause(), user=user, group=group))

    def _record(self, event: DirectoryEvent) -> bytes:
        self.told += 1
        origin = Origin(self.id, self.organization, _EPOCH + timedelta(milliseconds=self.told))
        head = envelope.head(self.id, Position(1, self.told))
        return head + envelope.tail(event.type, event.subject, origin, event)


def _cause() -> Cause:
    return Cause(kind="scim", id=_new_id(), actor="token:k7Jq")


async def publish(servers: str, directory: Directory, records: Iterator[bytes]) -> None:
    """Publish a directory's records in order."""
    lane, key, batch = lane_of(directory.id), directory.id.encode(), []
    async with kafka.publisher(servers, "bench") as publisher:
        for value in records:
            batch.append(kafka.Outgoing(DIRECTORY_EVENTS.name, key, value))
            if len(batch) == _AT_ONCE:
                await publisher.publish(lane, batch)
                batch = []
        await publisher.publish(lane, batch)


async def begin(its: db.Database, servers: str, directories: Sequence[Directory]) -> int:
    """Let roles learn of directories, groups and users; return how many events that took."""
    for one in directories:
        await publish(servers, one, one.beginning())
    total, stop = sum(one.told for one in directories), asyncio.Event()
    task = asyncio.create_task(consumer.consumer(its, servers, lambda: None).run(stop))
    await eventually(lambda: _has(its, total), within_s=600)
    stop.set()
    await task
    return total


async def give_roles(its: db.Database, directories: Sequence[Directory], mapped: int) -> None:
    """Map so many groups of each directory to a role."""
    await declare_role(its, "admin", management.RoleDeclaration(name="Administrator"))
    for one in directories:
        rows = [
            management.MappingRow(group_id=group.id, role="admin") for group in one.groups[:mapped]
        ]
        edit = management.MappingEdit(version=0, rows=rows, actor="operator:bench")
        await mapping.save(its, one.id, edit, now=_EPOCH, new_id=_new_id())


async def _applied(its: db.Database) -> int:
    async with its.connection() as connection:
        return int(await connection.fetchval(_APPLIED))


async def _has(its: db.Database, events: int) -> bool:
    return await _applied(its) >= events


async def database(backend: Backend) -> str:
    """Return roles' address of a new database."""
    name = f"bench_{secrets.token_hex(4)}"
    await bootstrap(backend.dsn, name, dict.fromkeys(SERVICES, "bench"))
    host = backend.dsn.rpartition("@")[2].partition("/")[0]
    dsn = f"postgresql://roles:bench@{host}/{name}"
    async with db.connect(dsn, "roles") as its:
        await db.migrate(its, ["shared", "services.roles"])
    return dsn


@asynccontextmanager
async def roles(backend: Backend, dsn: str) -> AsyncIterator[Service]:
    """Run roles as it is deployed."""
    port = ports.choose()
    environment = os.environ | {
        "ROLLCALL_ROLES_DATABASE_URL": dsn,
        "ROLLCALL_ROLES_PORT": str(port),
        "ROLLCALL_KAFKA_SERVERS": backend.kafka,
        "ROLLCALL_API_KEY": API_KEY,
    }
    service = Service("roles", environment, f"http://127.0.0.1:{port}", is_quiet=True)
    async with service.running():
        yield service


async def rate(events: int, directories: int, mapped: int) -> Sequence[str]:
    """Return the lines to print."""
    people = max(events // directories // _GROUPS, 1)
    made = [Directory(people) for _ in range(directories)]
    async with rig.backend(pinned=False) as backend:
        dsn = await database(backend)
        async with db.connect(dsn, "roles") as its:
            known = await begin(its, backend.kafka, made)
            await give_roles(its, made, mapped)
            for one in made:
                await publish(backend.kafka, one, one.memberships())
            total = sum(one.told for one in made)
            async with roles(backend, dsn) as service:
                pids = {"roles": service.child.pid if service.child else 0,
                        "postgres": backend.postgres_pid}  # fmt: skip
                await eventually(lambda: _has(its, known + 1), within_s=60)
                begun, started = await _applied(its), time.perf_counter()
                before = {name: measure.cpu_seconds(pid) for name, pid in pids.items()}
                await eventually(lambda: _has(its, total), within_s=3600)
                seconds = time.perf_counter() - started
                cpu = {name: measure.cpu_seconds(pid) - before[name] for name, pid in pids.items()}
    count = total - begun
    words = ", ".join(f"{name} {each / count * _MILLION:.0f} us CPU an event"
                      for name, each in cpu.items())  # fmt: skip
    line = f"roles, memberships   {count / seconds:10,.0f} events/s   ({count:,} events, "
    return (f"{line}{mapped} of {_GROUPS} groups mapped), {words}",)


@click.command()
@click.option("--events", default=120_000, show_default=True)
@click.option("--directories", default=24, show_default=True)
@click.option("--mapped", type=click.IntRange(0, _GROUPS), default=1, show_default=True)
def main(events: int, directories: int, mapped: int) -> None:
    """Print events a second, and the CPU time of each."""
    telemetry.setup("bench", log_format="console", log_level="ERROR")
    console = Console(width=120, highlight=False)
    for line in asyncio.run(rate(events, directories, mapped)):
        console.print(line, markup=False)
    console.print(
        f"load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
