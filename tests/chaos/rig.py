"""All services from some tree on servers of our own, whose processes can be stopped at will."""

import asyncio
import os
import shutil
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO

from aiohttp import ClientSession
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from cli.verify import run
from cli.verify.journal import Journal
from cli.verify.log import Log
from cli.verify.report import Report
from deploy.local import ports
from services.__main__ import migrate
from shared import db, kafka, outbox
from shared.contracts import envelope
from shared.contracts.directory_events import Cause, UserCreated
from shared.contracts.envelope import Origin
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.topics import DIRECTORY_EVENTS, TOPICS, lane_of
from tests.chaos.ground import Ground
from tests.chaos.load import Load
from tests.integration.ingest.client import API_KEY, Client, connect
from tests.support.servers import Databases, fresh_database
from tests.support.service import Service
from tests.support.waiting import eventually

_WAITING = """
select exists (select from pg_stat_activity
               where wait_event_type = 'Lock' and datname = current_database())
"""
_POSITION = "select sequence from directory_positions where directory_id = $1 and topic = $2"
_ADD_USER = """
insert into users (directory_id, id, name_key, version, document, created_at, updated_at)
values ($1, $2, $3, 1, $4, $5, $5)
"""

Migrate = Callable[[Mapping[str, str]], Awaitable[object]]
"""Brings the schemas of services up to date, given the address of each one's database."""


@dataclass(slots=True)
class Rig:
    """The services of one run, each a process: `ingest`, `standby` (a second ingest), `roles`…"""

    ground: Ground
    databases: Databases
    services: dict[str, Service]
    maker: "_Maker"
    session: ClientSession
    clients: list[Client] = field(default_factory=list)

    async def directory(self, provider: str = "generic") -> Client:
        """Return a client of a new directory."""
        url = self.services["ingest"].url
        made = await connect(self.session, url, f"org {uuid.uuid4()}", provider)
        self.clients.append(made)
        return made

    async def load(self, directories: int) -> Load:
        """Return calls to so many new directories, each with a group that grants a role."""
        clients = [await self.directory() for _ in range(directories)]
        groups = [await client.group("Everybody") for client in clients]
        for client, group in zip(clients, groups, strict=True):
            await self.grant(client, group, "member")
        return Load(clients, groups)

    async def neighbours(self) -> tuple[Client, Client]:
        """Return clients of two directories in one lane."""
        seen: dict[int, Client] = {}
        while True:
            made = await self.directory()
            lane = lane_of(DirectoryId(made.directory))
            if lane in seen:
                return seen[lane], made
            seen[lane] = made

    def at(self, client: Client, service: Service) -> Client:
        """Return a client of the same directory that calls another process."""
        return replace(client, url=service.url)

    def database(self, service: str) -> AbstractAsyncContextManager[db.Database]:
        """Connect to a service's database."""
        return db.connect(self.databases.of(service), service, max_size=1)

    async def somebody_waits(self, tx: db.Connection) -> bool:
        """Tell whether a session of these databases waits for a lock."""
        return bool(await tx.fetchval(_WAITING))

    async def records(self, client: Client) -> list[kafka.Incoming]:
        """Return the records of a directory."""
        place = (DIRECTORY_EVENTS.name, lane_of(DirectoryId(client.directory)))
        async with kafka.reader(self.ground.servers.kafka, (), past=True) as reader:
            log = Log(reader)
            end = await log.end(place)
            return [one async for one in log.records(place, end)
                    if one.key == client.directory.encode()]  # fmt: skip

    def signal(self, service: str, number: signal.Signals) -> None:
        child = self.services[service].child
        assert child is not None
        child.send_signal(number)

    async def drained(self, client: Client, service: str = "ingest") -> None:
        """Wait until everything that a service committed for a directory was published."""

        async def is_empty() -> bool:
            async with self.database(service) as database, database.connection() as connection:
                return not await connection.fetchval(
                    "select count(*) from outbox where directory_id = $1", client.directory
                )

        await eventually(is_empty, within_s=30)

    async def applied(self, client: Client, service: str) -> None:
        """Wait until a consumer applied everything of a directory that ingest gave out."""

        async def is_there() -> bool:
            async with self.database("ingest") as ingest, ingest.connection() as connection:
                wanted = await connection.fetchval(
                    "select sequence from directory_sequences where directory_id = $1",
                    client.directory,
                )
            async with self.database(service) as database, database.connection() as connection:
                found = await connection.fetchval(
                    _POSITION, client.directory, DIRECTORY_EVENTS.name
                )
            return bool(found == wanted)

        await eventually(is_there, within_s=30)

    async def grant(self, client: Client, group: str, role: str) -> None:
        """Declare a role, and map a group to it, once roles knows the group."""
        roles = self.at(client, self.services["roles"])
        await self.applied(client, "roles")
        await roles.manage("PUT", f"/roles/{role}", {"name": role.title()})
        rows = {"version": 0, "rows": [{"groupId": group, "role": role}]}
        answer = await roles.manage("PUT", f"/directories/{client.directory}/mapping", rows)
        assert answer.status == 200, answer

    async def delete_records(self, client: Client, topic: str) -> None:
        """Let a topic forget everything in a directory's lane."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.ground.servers.kafka)
        await admin.start()
        place = TopicPartition(topic, lane_of(DirectoryId(client.directory)))
        await admin.delete_records({place: RecordsToDelete(before_offset=-1)})
        await admin.close()

    def another(self, service: str, name: str, **more: str) -> Service:
        """Return one more process of a service, by a name of its own, not started yet."""
        tree = Path(more.pop("tree")) if "tree" in more else self.maker.tree
        made = self.maker.service(service, self.services["ingest"].url, tree)
        made.environment.update(more)
        self.services[name] = made
        return made

    def copied_tree(self, name: str) -> Path:
        """Return a copy of the services' code, to be changed."""
        tree = self.ground.folder / name
        for each in ("services", "shared"):
            shutil.copytree(self.maker.tree / each, tree / each)
        return tree

    async def verdict(self, within_s: float, journal: Journal | None = None) -> Report:
        """Bring up what ended by itself, as a supervisor would, and verify."""
        for service in self.services.values():
            if service.child is None or service.child.returncode is not None:
                with suppress(AssertionError):  # it ends by itself again: then it has a reason
                    await service.start()
        urls = {name: self.databases.of(name) for name in run.SERVICES}
        wanted = run.Wanted(self.ground.servers.kafka, urls, within_s)
        silent = run.Progress(lambda _total: None, lambda _records: None)
        return await run.verify(wanted, journal or Journal(), silent)


async def add_user(tx: db.Connection, directory: str, name: str) -> None:
    """Do what ingest does for a new user, in a transaction that the test holds open."""
    organization = await tx.fetchval(
        "select organization_id from directories where id = $1", directory
    )
    key, now = str(uuid.uuid4()), datetime.now(UTC)
    document = {"userName": name, "active": True}
    resource = {"id": key, **document, "meta": {"created": now.isoformat()}}
    cause = Cause(kind="scim", id=str(uuid.uuid4()))
    event = UserCreated(cause=cause, resource=resource, version=1)
    origin = Origin(DirectoryId(directory), OrganizationId(organization), now)
    tail = envelope.tail(event.type, event.subject, origin, event)
    await tx.execute(_ADD_USER, directory, key, name, document, now)
    entry = outbox.Entry(DIRECTORY_EVENTS.name, directory, tail)
    await outbox.append(tx, DirectoryId(directory), [entry])


@asynccontextmanager
async def rig(
    on: Ground,
    tree: Path,
    logs: Path | None = None,
    *,
    migrating: Migrate = migrate,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Rig]:
    """Run every service from the tree, on empty databases and topics; `logs` keeps what they say.

    Ingest has a database of its own, so that it can go back in time without the others.
    """
    await _fresh_topics(on.servers.kafka)
    async with (
        fresh_database(on.servers) as of_ingest,
        fresh_database(on.servers) as of_others,
        ClientSession() as session,
    ):
        databases = replace(of_others, ingest=of_ingest.ingest)
        await migrating({name: databases.of(name) for name in run.SERVICES})
        maker = _Maker(on, databases, tree, logs, settings)
        ingest_service = maker.service("ingest")
        services = {"ingest": ingest_service} | {
            name: maker.service(name, ingest_service.url)
            for name in run.SERVICES
            if name != "ingest"
        }
        found = Rig(on, databases, services, maker, session)
        try:
            async with asyncio.TaskGroup() as group:
                for service in services.values():
                    group.create_task(service.start())
            yield found
        finally:
            await _stop(services)
            for file in maker.opened:
                file.close()


async def _stop(services: dict[str, Service]) -> None:
    for service in services.values():
        if service.child is not None and service.child.returncode is None:
            service.child.kill()
            await service.child.wait()


@dataclass(frozen=True, slots=True)
class _Maker:
    """Knows where everything is; what it makes is not started yet."""

    ground: Ground
    databases: Databases
    tree: Path
    logs: Path | None
    settings: Mapping[str, str]
    opened: list[IO[bytes]] = field(default_factory=list)

    def service(self, name: str, ingest_url: str = "", tree: Path | None = None) -> Service:
        port, prefix = ports.choose(), f"ROLLCALL_{name.upper()}"
        url, kafka_at = self.databases.of(name), self.ground.servers.kafka
        if links := self.ground.links:
            url = links.database(name, url)
            kafka_at = links.kafka_of(kafka_at)
        environment = {
            **os.environ,
            f"{prefix}_DATABASE_URL": url,
            f"{prefix}_PORT": str(port),
            f"{prefix}_INGEST_URL": ingest_url or f"http://127.0.0.1:{port}",
            "ROLLCALL_INGEST_TOKEN_PEPPER": "a pepper of the tests",
            "ROLLCALL_KAFKA_SERVERS": kafka_at,
            "ROLLCALL_API_KEY": API_KEY,
            "ROLLCALL_LOG_LEVEL": "INFO" if self.logs else "ERROR",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.settings,
        }
        made = Service(name, environment, f"http://127.0.0.1:{port}", is_quiet=True)
        made.tree = tree or self.tree
        if self.logs:
            made.is_quiet, made.log = False, (self.logs / f"{name}-{port}.log").open("ab")
            self.opened.append(made.log)
        return made


async def _fresh_topics(servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    names = {topic.name for topic in TOPICS}
    present = names & set(await admin.list_topics())
    if present:
        await admin.delete_topics(sorted(present))
    while names & set(await admin.list_topics()):
        await asyncio.sleep(0.05)
    await admin.close()
    await kafka.ensure_topics(servers, TOPICS)
