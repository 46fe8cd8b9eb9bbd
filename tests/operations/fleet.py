"""Several replicas of each service behind a balancer, replaced one after the other.

providers ──▶ Proxy, the balancer ──▶ ingest, ingest-2, ingest-3        roles-2, projector-2, …
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cli.verify.run import SERVICES
from services.__main__ import migrate
from tests.chaos import harness
from tests.chaos.ground import ground
from tests.chaos.journal import Notebook
from tests.chaos.rig import Migrate, Rig, rig
from tests.chaos.test_delivery import said
from tests.chaos.traffic import Load, flowing, session
from tests.support.service import Service
from tests.support.waiting import eventually

_LOOK_S = 0.2
# Longer than the balancer needs to see that a replica is on its way out.
_DRAIN = {"ROLLCALL_DRAIN_WAIT_S": "2"}


@dataclass(slots=True)
class Fleet:
    """The replicas of each service, and providers that write down what they are answered."""

    rig: Rig
    replicas: dict[str, list[Service]]
    notebook: Notebook = field(default_factory=Notebook)

    @asynccontextmanager
    async def providers(self, seed: int) -> AsyncIterator[Load]:
        """Let providers write beside the block."""
        dice = random.Random(seed)  # noqa: S311
        async with session() as http:
            load = await harness.providers_at_work(self.rig, self.notebook, http, dice)
            async with flowing(load):
                yield load

    @property
    def urls(self) -> dict[str, str]:
        """The address of each service's database."""
        return {name: self.rig.databases.of(name) for name in SERVICES}

    async def goes_on(self, calls: int = 60) -> None:
        """Wait until providers had so many more answers."""
        wanted = len(self.notebook.lines) + calls
        await eventually(lambda: len(self.notebook.lines) >= wanted, within_s=60)

    async def replace(self, service: str, tree: Path | None = None) -> None:
        """Stop each replica in order, and start it again, from another tree if there is one."""
        for one in self.replicas[service]:
            assert await one.stop() == 0
            one.tree = tree or one.tree
            await one.start()
            await self.goes_on(20)

    async def assert_all_was_answered_and_kept(self, load: Load) -> None:
        """Fail for a call that was not a 2xx, and for what the checkers find."""
        report = await self.rig.verdict(60, self.notebook.journal())
        failed = [line for line in self.notebook.lines if not line.is_done]
        assert failed == []
        assert load.surprises == []
        assert report.exit_code == 0, said(report)

    async def balance(self) -> None:
        """Lead new connections to replicas that said that they are ready, for ever."""
        assert self.rig.ground.links
        turns = self.rig.ground.links.http.turns
        while True:
            ready = [_port(one) for one in self.replicas["ingest"] if await _is_ready(one)]
            if set(ready) != set(turns):
                turns[:] = ready
            await asyncio.sleep(_LOOK_S)


async def _is_ready(service: Service) -> bool:
    is_running = service.child is not None and service.child.returncode is None
    return is_running and await service.is_ready()


def _port(service: Service) -> int:
    return int(service.url.rpartition(":")[2])


@asynccontextmanager
async def fleet(count: int, tree: Path, *, migrating: Migrate = migrate) -> AsyncIterator[Fleet]:
    """Run so many replicas of each service from a tree, on servers of their own."""
    async with (
        ground(linked=True) as on,
        rig(on, tree, migrating=migrating, settings=_DRAIN) as running,
    ):
        assert on.links
        turns = on.links.http.turns
        made = {name: [running.services[name], *_more(running, name, count)] for name in SERVICES}
        found = Fleet(running, made)
        for replicas in made.values():
            await _start(replicas[1:])
        await harness.declare_roles(running)
        async with asyncio.TaskGroup() as group:
            balancer = group.create_task(found.balance())
            await eventually(lambda: len(turns) == count)
            try:
                yield found
            finally:
                balancer.cancel()


def _more(running: Rig, name: str, count: int) -> list[Service]:
    return [running.another(name, f"{name}-{number}") for number in range(2, count + 1)]


async def _start(services: Iterable[Service]) -> None:
    async with asyncio.TaskGroup() as group:
        for one in services:
            group.create_task(one.start())
