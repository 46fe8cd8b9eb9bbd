"""A Postgres and a Kafka of our own, to be stopped, killed, filled up and cut off at will."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import asyncpg

from cli.verify.run import SERVICES
from deploy.local import kafka as local_kafka
from deploy.local import ports
from deploy.local import servers as local
from deploy.local.postgres import new_password
from deploy.local.process import Child
from deploy.local.supervisor import Supervisor
from shared.kafka import wait_for_broker
from tests.chaos.proxy import Proxy
from tests.support.servers import JAR_CACHE, Servers
from tests.support.waiting import eventually

_STARTED_WITHIN_S = 60
# A second door, which tells clients to come back through the proxy; harness and checkers use the
# first one, and see the servers as they are.
_SECOND_DOOR = """\
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller_port}},LINK://127.0.0.1:{door}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},LINK://127.0.0.1:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LINK:PLAINTEXT
"""


@dataclass(frozen=True, slots=True)
class Links:
    """Every connection of the system: clients to ingest, services to Postgres and Kafka."""

    http: Proxy
    kafka: Proxy
    postgres: dict[str, Proxy]

    @property
    def all(self) -> list[Proxy]:
        return [self.http, self.kafka, *self.postgres.values()]

    def kafka_of(self, address: str) -> str:
        """Return the address of Kafka through its link; one of several brokers has none."""
        return address if "," in address else f"127.0.0.1:{self.kafka.port}"

    def database(self, service: str, url: str) -> str:
        """Return the address of a service's database through its link."""
        parts = urlsplit(url)
        host = f"{parts.username}:{parts.password}@127.0.0.1:{self.postgres[service].port}"
        return parts._replace(netloc=host).geturl()


@dataclass(slots=True)
class Ground:
    """A Postgres and a Kafka by their direct addresses; `links` leads services there."""

    servers: Servers
    supervisor: Supervisor
    folder: Path
    links: Links | None = None
    mounts: list[Path] = field(default_factory=list)

    def child(self, name: str) -> Child:
        """Return the process of `postgres` or `kafka`."""
        return self.supervisor.kept[name].child

    @contextmanager
    def kafka_paused(self) -> Iterator[None]:
        """Let Kafka answer nobody for a while, without losing anything."""
        self.child("kafka").send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.child("kafka").send_signal(signal.SIGCONT)

    async def end(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a server, and wait until it is gone."""
        child = self.child(name)
        if child.poll() is None:
            child.send_signal(number)
        await eventually(lambda: child.poll() is not None, within_s=_STARTED_WITHIN_S)

    async def begin(self, name: str) -> None:
        """Start a server again on what it left behind; return once it answers."""
        self.supervisor.start(self.supervisor.kept[name].command)
        await eventually(
            self._postgres_answers if name == "postgres" else self._kafka_answers,
            within_s=_STARTED_WITHIN_S,
        )

    async def _postgres_answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.servers.postgres, timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            assert self.child("postgres").poll() is None, "Postgres ended by itself"
            return False
        await connection.close()
        return True

    async def _kafka_answers(self) -> bool:
        assert self.child("kafka").poll() is None, "Kafka ended by itself"
        try:
            _, writer = await asyncio.open_connection(*self.servers.kafka.split(",")[0].split(":"))
        except OSError:
            return False
        writer.close()
        await wait_for_broker(self.servers.kafka)
        return True

    async def move_to_small_disk(self, name: str, spare_mib: int) -> Path:
        """Put a stopped server's data on a file system with little room; return where that is.

        Only root may mount one.
        """
        data = self.folder / name
        used = sum(each.stat().st_blocks * 512 for each in data.rglob("*") if each.is_file())
        mount = self.folder / f"{name}.disk"
        mount.mkdir()
        size = f"size={used // 2**20 + spare_mib}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(mount)], check=True)  # noqa: ASYNC221, S607
        self.mounts.append(mount)
        subprocess.run(["cp", "-a", str(data), str(mount / name)], check=True)  # noqa: ASYNC221, S607
        shutil.rmtree(data)
        data.symlink_to(mount / name)
        return mount


def fill(disk: Path, *, leave_kib: int) -> Path:
    """Fill a disk up to a rest with one file; removing it makes room again."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    count = max(free.f_bavail * free.f_frsize - leave_kib * 1024, 0)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, count)
    return ballast


@asynccontextmanager
async def ground(brokers: int = 1, *, linked: bool = False) -> AsyncIterator[Ground]:
    """Start servers of our own: others' may be containers, which cannot be paused.

    `linked`: services reach them through proxies, except several brokers.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-chaos-")))
        chosen = local.any_ports(brokers)
        chosen["kafka_door"] = ports.choose(taken=chosen.values())
        links = await _links(stack, chosen) if linked else None
        places = local.Places(folder, JAR_CACHE, chosen, new_password(), brokers)
        supervisor = Supervisor(say=lambda _line: None, started=lambda _pids: None)
        found: Ground | None = None
        try:
            with _second_door(links if brokers == 1 else None, chosen["kafka_door"]):
                started = await local.start(places, supervisor)
            servers = Servers(started.postgres.dsn(), started.kafka.address)
            found = Ground(servers, supervisor, folder, links)
            yield found
        finally:
            await supervisor.stop(hurried=asyncio.Event())
            for mount in found.mounts if found else []:
                subprocess.run(["umount", "-l", str(mount)], check=False)  # noqa: ASYNC221, S607


async def _links(stack: AsyncExitStack, chosen: dict[str, int]) -> Links:
    links = Links(
        Proxy("clients ↔ ingest"),
        Proxy("services ↔ Kafka", chosen["kafka_door"]),
        {name: Proxy(f"{name} ↔ Postgres", chosen["postgres"]) for name in SERVICES},
    )
    for proxy in links.all:
        await stack.enter_async_context(proxy.running())
    return links


@contextmanager
def _second_door(links: Links | None, door: int) -> Iterator[None]:
    if links is None:
        yield
        return
    more = _SECOND_DOOR.format(door=door, proxy=links.kafka.port)
    # The last of two equal keys counts.
    text = local_kafka._PROPERTIES + more  # noqa: SLF001
    with patch.object(local_kafka, "_PROPERTIES", text):
        yield
