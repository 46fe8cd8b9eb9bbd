"""The servers under test: real Postgres and Kafka, ingest on a core of its own, and a peer.

Servers run on core 0; Postgres, Kafka and the load on core 1: one-process servers compare, and a
durable one pays for its database as it does in production.
"""

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from benchmarks.http_client import Target
from benchmarks.measure import tree
from deploy.local import ports
from deploy.local import servers as local
from deploy.local.install import main as install
from deploy.local.postgres import new_password
from deploy.local.supervisor import Supervisor
from deploy.postgres.bootstrap import SERVICES, bootstrap
from shared import db
from shared.contracts.topics import TOPICS
from shared.kafka import ensure_topics
from tests.integration.ingest.client import API_KEY, connect
from tests.support.service import Service

HERE = Path(__file__).parents[1]
SERVER_CORE, LOAD_CORE = 0, 1
_PEER_VENV = HERE / ".local" / "cache" / "peer"
_PEER_LOCK = HERE / "requirements" / "bench.txt"


@dataclass(frozen=True, slots=True)
class Backend:
    """A Postgres and a Kafka, with their process ids and who started them."""

    dsn: str
    kafka: str
    postgres_pid: int
    kafka_pid: int
    supervisor: Supervisor


@dataclass(frozen=True, slots=True)
class Ingest:
    """A running ingest; `target` makes directories in it."""

    service: Service
    dsn: str
    pids: dict[str, int]

    async def target(self, name: str) -> Target:
        """Return the endpoint of a new directory."""
        async with ClientSession() as session:
            client = await connect(session, self.service.url, name)
        return Target(name, f"{self.service.url}/scim/v2/{client.directory}", client.token)


@asynccontextmanager
async def backend(*, pinned: bool = True) -> AsyncIterator[Backend]:
    """Start Postgres (defaults, fsync on, 512 MiB of buffers) and Kafka, pinned to their core."""
    if pinned:
        pin(os.getpid(), LOAD_CORE)
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        jars = HERE / ".local" / "cache" / "jars"
        places = local.Places(Path(folder), jars, local.any_ports(), new_password())
        supervisor = Supervisor(say=lambda _line: None, started=lambda _pids: None)
        try:
            found = await local.start(places, supervisor)
            await ensure_topics(found.kafka.address, TOPICS)
            pids = supervisor.pids
            dsn, kafka = found.postgres.dsn(), found.kafka.address
            yield Backend(dsn, kafka, pids["postgres"], pids["kafka"], supervisor)
        finally:
            await supervisor.stop(hurried=asyncio.Event())


@asynccontextmanager
async def ingest(found: Backend, *, pinned: bool = True) -> AsyncIterator[Ingest]:
    """Start ingest on a new database, pinned to its core, with the settings of production."""
    password, port = secrets.token_urlsafe(), ports.choose()
    await bootstrap(found.dsn, "bench", dict.fromkeys(SERVICES, password))
    host = found.dsn.rpartition("@")[2].partition("/")[0]
    dsn = f"postgresql://ingest:{password}@{host}/bench"
    async with db.connect(dsn, "ingest") as database:
        await db.migrate(database, ["shared", "services.ingest"])
    environment = os.environ | {
        "ROLLCALL_INGEST_DATABASE_URL": dsn,
        "ROLLCALL_INGEST_PORT": str(port),
        "ROLLCALL_INGEST_TOKEN_PEPPER": secrets.token_urlsafe(),
        "ROLLCALL_KAFKA_SERVERS": found.kafka,
        "ROLLCALL_API_KEY": API_KEY,
        # Each benchmark drives one directory faster than one may go.
        "ROLLCALL_INGEST_REQUESTS_PER_SECOND": "10000",
        "ROLLCALL_INGEST_BURST": "100000",
    }
    service = Service("ingest", environment, f"http://127.0.0.1:{port}", is_quiet=True)
    async with service.running():
        pid = service.child.pid if service.child else 0
        if pinned:
            pin(pid, SERVER_CORE)
        yield Ingest(service, dsn, {"ingest": pid, "postgres": found.postgres_pid})


@asynccontextmanager
async def peer() -> AsyncIterator[tuple[Target, dict[str, int]]]:
    """Start scim2-server in gunicorn: resources in memory, nothing durable, no events."""
    python = _PEER_VENV / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(_PEER_VENV)], check=True)  # noqa: ASYNC221  # nothing waits
        install(_PEER_LOCK, str(python))
    token, port = secrets.token_urlsafe(), ports.choose()
    arguments = ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads",
                 "16", "--worker-class", "gthread", "--keep-alive", "60", "--log-level", "warning",
                 "--chdir", str(HERE / "benchmarks"), "peer_wsgi:application"]  # fmt: skip
    child = await asyncio.create_subprocess_exec(
        str(python), *arguments, env=os.environ | {"TOKEN": token}
    )
    pin(child.pid, SERVER_CORE)
    target = Target("scim2-server", f"http://127.0.0.1:{port}/v2", token)
    try:
        await _until_answering(target)
        for pid in tree(child.pid):
            pin(pid, SERVER_CORE)
        yield target, {"peer": child.pid}
    finally:
        target.close()
        child.terminate()
        await child.wait()


async def _until_answering(target: Target) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await target.call("GET", "/ServiceProviderConfig")
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return


def pin(pid: int, core: int) -> None:
    """Keep a process, and what it starts from now on, on one core, where there are two."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(pid, {core})
