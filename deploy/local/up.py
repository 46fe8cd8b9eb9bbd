"""`rollcall local up`: the whole of Rollcall on this machine, from nothing to the ready line."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from deploy.local import environment, leftovers, process, servers
from deploy.local.environment import Wiring
from deploy.local.errors import LocalError
from deploy.local.process import Command
from deploy.local.signals import Signals
from deploy.local.state import USUAL_PORTS, State
from deploy.local.supervisor import Say, Supervisor
from deploy.postgres.bootstrap import SERVICES
from shared.contracts.topics import TOPICS
from shared.kafka import KafkaUnavailableError, ensure_topics

_DATABASE = "rollcall"
_LINK_VALID_FOR_S = 7 * 86_400
_CALL_TIMEOUT = aiohttp.ClientTimeout(total=10)
FIRST_ORGANIZATION = "Example"

Tell = Callable[[Mapping[str, Any]], None]


async def up(folder: Path, say: Say, tell: Tell, *, brokers: int = 1) -> int:
    """Start everything, `tell` run.json's content, keep all alive; return the exit code.

    0 after a signal and a clean stop, 1 when something did not come up, which `say` was told.
    """
    signals = Signals()
    signals.listen()
    state = State(folder.resolve())
    faults: list[Exception] = []
    try:
        with state.locked():
            await _Local(state, Supervisor(say, state.note_pids), signals, brokers).run(tell)
    except* (LocalError, KafkaUnavailableError, PermissionError) as group:
        faults += _flat(group)
    for fault in faults:
        say(f"error: {fault}")
    return 1 if faults else 0


def _flat(error: Exception) -> list[Exception]:
    if isinstance(error, ExceptionGroup):
        return [inner for outer in error.exceptions for inner in _flat(outer)]
    return [error]


@dataclass(frozen=True, slots=True)
class _Local:
    state: State
    supervisor: Supervisor
    signals: Signals
    brokers: int

    async def run(self, tell: Tell) -> None:
        self.state.begin()
        if ended := await leftovers.end(self.state.pids_file):
            self.supervisor.say(f"ended {ended} processes that a killed run had left")
        try:
            run = await self.signals.unless_stopped(self._set_up())
            if run is not None:
                self.state.write_run(run)
                tell(run)
                await self.supervisor.watch(self.signals.stopping)
        finally:
            self.state.remove_run()
            await self.supervisor.stop(self.signals.hurried)
            self.state.pids_file.unlink(missing_ok=True)
            self.supervisor.say("stopped")

    async def _set_up(self) -> dict[str, Any]:
        secrets = self.state.secrets()
        ports = self.state.ports(servers.port_names(self.brokers))
        for name, usual in USUAL_PORTS.items():
            if ports[name] != usual:
                self.supervisor.say(f"{name} listens on port {ports[name]}, not {usual}")
        places = servers.Places(
            self.state.folder, self.state.jars, ports, secrets["superuser"], self.brokers
        )
        found = await servers.start(places, self.supervisor)
        passwords = {name: secrets[name] for name in SERVICES}
        databases = await found.postgres.bootstrap(_DATABASE, passwords)
        wiring = Wiring(secrets, ports, databases, found.kafka.address)
        await self._services(wiring, places)
        link = await _first_link(wiring)
        return environment.description(wiring, link, self.supervisor.pids)

    async def _services(self, wiring: Wiring, places: servers.Places) -> None:
        """Migrate, make the topics, start the services, and wait until each is ready."""
        variables = {**environment.PREFERENCES, **os.environ, **environment.variables(wiring)}
        self.supervisor.say("migrating the schemas")
        await process.run(_python("migrate", places, variables))
        self.supervisor.say("making the topics")
        await ensure_topics(wiring.kafka, TOPICS)
        self.supervisor.say(f"starting {', '.join(SERVICES)}")
        for name in SERVICES:
            self.supervisor.start(_python(name, places, variables))
        for name in SERVICES:
            await self.supervisor.ready(name, partial(_is_ready, wiring.base(name)))


def _python(name: str, places: servers.Places, variables: Mapping[str, str]) -> Command:
    # -P: a folder named `services` below the current directory must not be taken for ours.
    arguments = [sys.executable, "-P", "-m", "services", name]
    return Command(name, arguments, places.log(name), environment=variables)


async def _is_ready(base: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=_CALL_TIMEOUT) as session,
            session.get(f"{base}/readyz") as response,
        ):
            return response.status == HTTPStatus.OK
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _first_link(wiring: Wiring) -> str:
    """Make sure that there is an organization; return a sign-in link for an operator."""
    headers = {"Authorization": f"Bearer {wiring.secrets['api_key']}"}
    async with aiohttp.ClientSession(headers=headers, timeout=_CALL_TIMEOUT) as session:
        await _post(session, f"{wiring.base('ingest')}/v1/organizations", name=FIRST_ORGANIZATION)
        link = await _post(
            session,
            f"{wiring.base('portal')}/v1/links",
            kind="operator",
            validForS=_LINK_VALID_FOR_S,
        )
    return str(link["url"])


async def _post(session: aiohttp.ClientSession, url: str, **body: object) -> dict[str, Any]:
    try:
        async with session.post(url, json=body) as response:
            if not response.ok:
                raise LocalError(f"{url} answered {response.status}: {await response.text()}")
            return dict(await response.json())
    except (aiohttp.ClientError, TimeoutError) as error:
        raise LocalError(f"{url} did not answer: {error!r}") from error
