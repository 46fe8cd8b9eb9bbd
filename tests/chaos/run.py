"""One row at work: the system, the load in the background, dice, and what the row claims."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import asyncpg

from shared import db
from shared.contracts.topics import DIRECTORY_EVENTS
from tests.chaos.ground import Ground, Links
from tests.chaos.journal import Line, statuses
from tests.chaos.rig import Rig
from tests.chaos.traffic import Caller, Load
from tests.integration.ingest.client import Client
from tests.support.service import Service
from tests.support.waiting import eventually

_LOOK_S = 0.1
_HEADERS = {"Content-Type": "application/scim+json"}
_AGAIN_AFTER_S = 0.5
_REACHED = """
select directory_id, topic, generation, sequence from directory_positions where state = 'live'
"""
_GIVEN = "select directory_id, generation, sequence from directory_sequences where sequence > 0"
_WAITING = """
select pid from pg_stat_activity where wait_event_type = 'Lock' and usename = $1
"""


class NotHereError(Exception):
    """The fault cannot be injected on this machine; the words say why."""


@dataclass(slots=True)
class Keeper:
    """Brings services up again that end, as a supervisor does; all but those that are held."""

    services: dict[str, Service]
    held: set[str] = field(default_factory=set)
    ended: list[tuple[str, int]] = field(default_factory=list)

    async def watch(self) -> None:
        while True:
            for name, service in list(self.services.items()):
                child = service.child
                if name in self.held or child is None or child.returncode is None:
                    continue
                self.ended.append((name, child.returncode))
                await asyncio.sleep(_AGAIN_AFTER_S)
                if self.services.get(name) is service and name not in self.held:
                    await service.spawn()
            await asyncio.sleep(_LOOK_S)

    @contextmanager
    def hands_off(self, *names: str) -> Iterator[None]:
        self.held.update(names)
        try:
            yield
        finally:
            self.held.difference_update(names)

    def restarts(self) -> str:
        """Return who ended and came up again, for a person."""
        counts: dict[str, int] = {}
        for name, _ in self.ended:
            counts[name] = counts.get(name, 0) + 1
        return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


@dataclass(slots=True)
class Run:
    """What a row has at hand. `is_full`: take the time that the matrix names.

    `expected`: directories of which the checkers must name exactly this sequence as missing.
    """

    rig: Rig
    load: Load
    keeper: Keeper
    dice: random.Random
    is_full: bool
    findings: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def ground(self) -> Ground:
        return self.rig.ground

    @property
    def links(self) -> Links:
        assert self.rig.ground.links
        return self.rig.ground.links

    def claim(self, holds: object, words: str) -> None:
        """Note a finding unless something holds."""
        if not holds:
            self.findings.append(words)

    def say(self, words: str) -> None:
        """Note what was seen."""
        self.seen.append(words)

    def lasts(self, short_s: float, full_s: float) -> float:
        """Return how long a fault lasts in this run."""
        return full_s if self.is_full else short_s

    async def pause(self, least_s: float, most_s: float) -> None:
        """Let the load go on for a while that the seed decides."""
        await asyncio.sleep(self.dice.uniform(least_s, most_s))

    def caller(self, number: int = 0) -> Caller:
        return list(self.load.callers.values())[number]

    async def directory(self, *, per_s: float, burst: int) -> Caller:
        """Return a caller of one more directory, outside the load, with a limit of its own."""
        base, client = self.caller(), await self.rig.directory()
        limit = {"requestsPerSecond": per_s, "burst": burst}
        told = await client.manage("PUT", f"/directories/{client.directory}/limit", limit)
        self.claim(told.status == 200, f"a limit was answered {told.status}")
        return Caller(base.session, client, base.base, base.notebook, _HEADERS)

    def calls(self, since: float, *, until: float | None = None) -> list[Line]:
        """Return the calls that began between two moments."""
        found = self.load.notebook.since(since)
        return [line for line in found if until is None or line.at < until]

    async def until_served(self, within_s: float, since: float | None = None) -> float:
        """Wait until every directory had a change done that began after now; return the seconds.

        Notes a finding when that takes too long.
        """
        since = time.monotonic() if since is None else since
        wanted = set(self.load.directories)

        def served() -> bool:
            done = {line.directory for line in self.calls(since) if line.is_done}
            return wanted <= done

        words = f"SCIM was not served again within {within_s:.0f} s"
        return await self._timed(served, within_s, words, since)

    async def until_drained(self, within_s: float) -> float:
        """Wait until all that was committed when this was called is applied by both consumers.

        Returns the seconds; notes a finding when that takes too long.
        """
        given = await eventually(lambda: self._numbers("ingest", _GIVEN), within_s=within_s)
        wanted = {one["directory_id"]: (one["generation"], one["sequence"]) for one in given}

        async def applied() -> bool:
            for service in ("roles", "projector"):
                rows = await self._numbers(service, _REACHED)
                reached = {
                    row["directory_id"]: (row["generation"], row["sequence"])
                    for row in rows
                    if row["topic"] == DIRECTORY_EVENTS.name
                }
                if any(reached.get(key, (0, 0)) < at for key, at in wanted.items()):
                    return False
            return True

        words = f"what was committed was not applied within {within_s:.0f} s"
        return await self._timed(applied, within_s, words, time.monotonic())

    async def applied(self, service: str) -> int:
        """Return how many events a consumer has applied, of all directories."""
        return sum(row["sequence"] for row in await self._numbers(service, _REACHED))

    async def until_told(self, client: Client) -> None:
        """Wait until roles applied all of a directory and told what follows from it."""
        await self.rig.applied(client, "roles")
        await self.rig.drained(client, "roles")

    async def _numbers(self, service: str, sql: str) -> list[db.Record]:
        try:
            connection = await asyncpg.connect(
                self.rig.databases.of(service),
                server_settings={"search_path": service},
                timeout=3,
            )
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return []
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    async def _timed(
        self,
        condition: Callable[[], object] | Callable[[], Awaitable[object]],
        within_s: float,
        words: str,
        since: float,
    ) -> float:
        while time.monotonic() - since < within_s:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return time.monotonic() - since
            await asyncio.sleep(_LOOK_S)
        self.claim(holds=False, words=words)
        return time.monotonic() - since

    async def until(self, condition: Callable[[], object], within_s: float, words: str) -> float:
        """Wait for a condition; note a finding with these words when it takes too long."""
        return await self._timed(condition, within_s, words, time.monotonic())

    async def kill(self, name: str) -> None:
        """SIGKILL a service; the keeper starts it again."""
        service = self.rig.services[name]
        assert service.child
        if service.child.returncode is None:
            service.child.kill()
            await service.child.wait()

    async def until_ready(self, within_s: float = 40) -> float:
        """Wait until every service is ready."""

        async def ready() -> bool:
            for service in list(self.rig.services.values()):
                if service.child is None or service.child.returncode is not None:
                    return False
                if not await service.is_ready():
                    return False
            return True

        return await self.until(ready, within_s, f"not all services ready in {within_s:.0f} s")

    def signal(self, name: str, number: signal.Signals) -> None:
        self.rig.signal(name, number)

    @asynccontextmanager
    async def helpers(self, *made: tuple[str, str]) -> AsyncIterator[list[Service]]:
        """Run more processes, (service, name), ready; they stop at the end."""
        found = [self.rig.another(service, name) for service, name in made]
        async with asyncio.TaskGroup() as group:
            for service in found:
                group.create_task(service.start())
        try:
            yield found
        finally:
            await self.dismiss(*(name for _, name in made))

    async def dismiss(self, *names: str) -> None:
        """Stop more processes."""
        for name in names:
            service = self.rig.services.pop(name, None)
            if service and service.child and service.child.returncode is None:
                service.child.terminate()
                try:
                    async with asyncio.timeout(35):
                        await service.child.wait()
                except TimeoutError:
                    service.child.kill()

    @asynccontextmanager
    async def session(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        """Open a session of a service's role, straight to Postgres, without deadlines."""
        connection = await asyncpg.connect(
            self.rig.databases.of(service), server_settings={"search_path": service}
        )
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def operator(self, service: str = "ingest") -> AsyncIterator[asyncpg.Connection]:
        """Open a superuser's session in a service's database."""
        name = self.rig.databases.of(service).rpartition("/")[2]
        connection = await asyncpg.connect(
            self.ground.servers.postgres.rpartition("/")[0] + "/" + name,
            server_settings={"search_path": service},
        )
        try:
            yield connection
        finally:
            await connection.close()

    async def waiting(self, service: str) -> list[int]:
        """Return the backends of a service that wait for a lock."""
        async with self.operator(service) as connection:
            return [row["pid"] for row in await connection.fetch(_WAITING, service)]

    async def kill_where_it_waits(self, name: str, service: str) -> bool:
        """SIGKILL a process once it waits for a lock, and let Postgres do none of what it asked.

        Returns whether it came to that.
        """
        pids: list[int] = []

        async def waits() -> bool:
            pids[:] = await self.waiting(service)
            return bool(pids)

        await self.until(waits, 20, f"{name} never came to the moment")
        await self.kill(name)
        async with self.operator(service) as connection:
            for pid in pids:
                await connection.fetchval("select pg_terminate_backend($1)", pid)
        return bool(pids)


def summary(lines: list[Line]) -> str:
    """Return what callers got, for a person."""
    return statuses(lines)
