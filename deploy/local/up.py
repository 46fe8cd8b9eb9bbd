"""`rollcall local up`: the whole of Rollcall on this machine, from nothing to the ready line."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from deploy.local import jars
from deploy.local.jars import JarError
from deploy.local.kafka import Kafka, KafkaServerError
from deploy.local.postgres import SERVICES, Postgres, PostgresError
from deploy.local.process import Command, tail
from deploy.local.state import AlreadyRunningError, State, unusual
from deploy.local.supervisor import Supervisor
from shared.contracts.topics import TOPICS
from shared.kafka import KafkaUnavailableError, ensure_topics

_DATABASE = "rollcall"
_READY_WITHIN_S = 60
_LINK_SECONDS = 7 * 86_400
FIRST_ORGANIZATION = "Example"

Say = Callable[[str], None]


class SetupError(Exception):
    """A part did not come up; the message says which, and where its log is."""


_EXPECTED = (
    SetupError,
    AlreadyRunningError,
    PostgresError,
    KafkaServerError,
    KafkaUnavailableError,
    JarError,
)


@dataclass(frozen=True, slots=True)
class Ready:
    """What is told once everything runs; `run` is the content of `run.json`."""

    run: dict[str, Any]


async def up(folder: Path, say: Say, ready: Callable[[Ready], None]) -> int:
    """Start everything, tell `ready`, keep it alive until a signal; return the exit code."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    state = State(folder.resolve())
    try:
        with state.locked():
            return await _Local(state, Supervisor(say), say).run(stopping, ready)
    except _EXPECTED as error:
        say(f"error: {error}")
        return 1


@dataclass(frozen=True, slots=True)
class _Local:
    state: State
    supervisor: Supervisor
    say: Say

    async def run(self, stopping: asyncio.Event, ready: Callable[[Ready], None]) -> int:
        try:
            run = await _unless(stopping, self._set_up())
            if run is not None:
                self.state.write("run.json", run)
                ready(Ready(run))
                await self.supervisor.watch(stopping, lambda: self._tell_pids(run))
        finally:
            self.state.remove_run()
            self.supervisor.stop()
            self.say("stopped")
        return 0

    async def _tell_pids(self, run: dict[str, Any]) -> None:
        self.state.write("run.json", {**run, "pids": self.supervisor.pids})

    async def _set_up(self) -> dict[str, Any]:
        secrets, ports = self.state.secrets(), self.state.ports()
        for name, port in unusual(ports).items():
            self.say(f"{name} gets port {port}: its usual one is taken")
        urls, kafka = await self._servers(secrets, ports)
        environment = _environment(secrets, ports, urls, kafka)
        await self._migrate(environment)
        self.say("making topics")
        await ensure_topics(kafka, TOPICS)
        await self._services(environment, ports)
        return await self._describe(secrets, ports, urls, kafka)

    async def _servers(
        self, secrets: Mapping[str, str], ports: Mapping[str, int]
    ) -> tuple[dict[str, str], str]:
        logs = self.state.folder / "logs"
        postgres = Postgres(
            self.state.folder / "postgres",
            ports["postgres"],
            secrets["superuser"],
            logs / "postgres.log",
        )
        if not postgres.data.exists():
            self.say("making a Postgres cluster")
        postgres.initialise()
        self.supervisor.start(postgres.command())
        class_path = await asyncio.to_thread(
            jars.fetch, self.state.folder / "cache" / "jars", self._jar_progress
        )
        kafka = Kafka(
            self.state.folder / "kafka",
            ports["kafka"],
            ports["kafka_controller"],
            class_path,
            logs / "kafka.log",
        )
        kafka.initialise()
        self.supervisor.start(kafka.command())
        self.say("starting Postgres and Kafka")
        await postgres.ready()
        urls = await postgres.bootstrap(_DATABASE, {name: secrets[name] for name in SERVICES})
        await kafka.ready()
        return urls, kafka.address

    def _jar_progress(self, done: int, total: int) -> None:
        if done == total or done % 10 == 0:
            self.say(f"Kafka's jars: {done} of {total} here and checked")

    async def _migrate(self, environment: Mapping[str, str]) -> None:
        self.say("migrating the schemas")
        process = await asyncio.create_subprocess_exec(
            *_python("services", "migrate"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise SetupError(f"the migrations failed:\n{output.decode()}")

    async def _services(self, environment: Mapping[str, str], ports: Mapping[str, int]) -> None:
        for name in SERVICES:
            self.say(f"starting {name}")
            self.supervisor.start(_service(name, environment, self.state.folder / "logs"))
        async with aiohttp.ClientSession() as session:
            for name in SERVICES:
                await self._wait_for(session, name, ports[name])

    async def _wait_for(self, session: aiohttp.ClientSession, name: str, port: int) -> None:
        log = self.state.folder / "logs" / f"{name}.log"
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                while not await _answers(session, f"http://127.0.0.1:{port}/readyz"):
                    if self.supervisor.exit_code(name) is not None:
                        raise SetupError(f"{name} ended; its log is {log}:\n{tail(log)}")
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise SetupError(f"{name} is not ready; its log is {log}:\n{tail(log)}") from error

    async def _describe(
        self,
        secrets: Mapping[str, str],
        ports: Mapping[str, int],
        urls: dict[str, str],
        kafka: str,
    ) -> dict[str, Any]:
        base = {name: f"http://127.0.0.1:{ports[name]}" for name in SERVICES}
        headers = {"Authorization": f"Bearer {secrets['api_key']}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            await _post(session, f"{base['ingest']}/v1/organizations", name=FIRST_ORGANIZATION)
            link = await _post(
                session, f"{base['portal']}/v1/links", kind="operator", validForS=_LINK_SECONDS
            )
        return {
            "portal": base["portal"],
            "sign_in": link["url"],
            "scim": f"{base['ingest']}/scim/v2",
            "ingest": base["ingest"],
            "roles": base["roles"],
            "api_key": secrets["api_key"],
            "kafka": kafka,
            "postgres": urls,
            "pids": self.supervisor.pids,
        }


async def _unless(
    stopping: asyncio.Event, work: Awaitable[dict[str, Any]]
) -> dict[str, Any] | None:
    """Return what the work comes to, or None when stopping is set first."""
    task = asyncio.ensure_future(work)
    signalled = asyncio.ensure_future(stopping.wait())
    await asyncio.wait((task, signalled), return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if task.done():
        return await task
    task.cancel()
    await asyncio.wait((task,))
    return None


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200  # noqa: PLR2004  # OK
    except aiohttp.ClientError:
        return False


async def _post(session: aiohttp.ClientSession, url: str, **body: object) -> dict[str, Any]:
    async with session.post(url, json=body) as response:
        text = await response.text()
        if not response.ok:
            raise SetupError(f"{url} answered {response.status}: {text}")
        return dict(await response.json())


def _python(module: str, *arguments: str) -> list[str]:
    # -P: a folder named `services` below the current directory must not be taken for ours.
    return [sys.executable, "-P", "-m", module, *arguments]


def _service(name: str, environment: Mapping[str, str], logs: Path) -> Command:
    return Command(name, _python("services", name), logs / f"{name}.log", environment)


def _environment(
    secrets: Mapping[str, str],
    ports: Mapping[str, int],
    urls: Mapping[str, str],
    kafka: str,
) -> dict[str, str]:
    base = {name: f"http://127.0.0.1:{ports[name]}" for name in SERVICES}
    settings = {f"ROLLCALL_{name.upper()}_DATABASE_URL": url for name, url in urls.items()}
    settings |= {f"ROLLCALL_{name.upper()}_PORT": str(ports[name]) for name in SERVICES}
    settings |= {
        "ROLLCALL_KAFKA_SERVERS": kafka,
        "ROLLCALL_API_KEY": secrets["api_key"],
        "ROLLCALL_INGEST_PUBLIC_URL": base["ingest"],
        "ROLLCALL_INGEST_TOKEN_PEPPER": secrets["pepper"],
        "ROLLCALL_PORTAL_PUBLIC_URL": base["portal"],
        "ROLLCALL_PORTAL_SECRET": secrets["portal_secret"],
        "ROLLCALL_PORTAL_INGEST_URL": base["ingest"],
        "ROLLCALL_PORTAL_ROLES_URL": base["roles"],
        "ROLLCALL_LOG_FORMAT": os.environ.get("ROLLCALL_LOG_FORMAT", "json"),
    }
    return {**os.environ, **settings}
