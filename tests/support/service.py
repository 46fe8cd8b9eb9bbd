"""One service as it is deployed, `python -m services NAME`; it may be killed and started again."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.support.waiting import eventually


@dataclass(slots=True)
class Service:
    """The process of one service, with the environment it reads its settings from.

    `log` is where it writes, the tests' own standard error if there is none; `tree` is where its
    code is, if not here.
    """

    name: str
    environment: dict[str, str]
    url: str
    child: asyncio.subprocess.Process | None = None
    is_quiet: bool = False
    log: IO[bytes] | None = None
    tree: Path | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start it, and stop it at the end, unless it was killed."""
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        await self.spawn()
        await eventually(self.is_ready, within_s=40)

    async def spawn(self) -> None:
        """Start it, ready or not."""
        self.child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services",
            self.name,
            env=self.environment,
            cwd=self.tree,
            stderr=asyncio.subprocess.DEVNULL if self.is_quiet else self.log,
        )

    async def is_ready(self) -> bool:
        assert self.child is not None
        assert self.child.returncode is None, "it ended by itself"
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=2)) as session,
                session.get(f"{self.url}/readyz") as answer,
            ):
                return answer.status == 200
        except (ClientError, TimeoutError):
            return False

    async def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        await self.child.wait()

    async def stop(self) -> int:
        assert self.child is not None
        if self.child.returncode is None:
            self.child.terminate()
        async with asyncio.timeout(30):
            return await self.child.wait()

    async def metric(self, name: str) -> float:
        """Return the value of a metric, named with its labels; 0 before it was counted."""
        return await self._sum(f"{name} ")

    async def total(self, name: str) -> float:
        """Return the sum of a metric over all its labels."""
        return await self._sum(f"{name}{{")

    async def _sum(self, start: str) -> float:
        async with ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))
