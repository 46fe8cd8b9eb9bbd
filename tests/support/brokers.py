"""The brokers of a Kafka of several: who leads what, and taking one away and back again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local import process
from deploy.local.kafka import name_of
from deploy.local.supervisor import Supervisor
from shared.kafka import Place
from tests.support.waiting import eventually

_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Brokers:
    """Brokers by number, whose processes a supervisor started and nobody starts again for us."""

    supervisor: Supervisor
    address: str

    def kill(self, number: int) -> None:
        """SIGKILL, and return once it is gone."""
        process.kill(self.supervisor.kept[name_of(number)].child)

    @contextmanager
    def paused(self, *numbers: int) -> Iterator[None]:
        """Let some do nothing for a while, without losing anything."""
        pids = [self.supervisor.pids[name_of(number)] for number in numbers]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    async def stop(self, number: int) -> None:
        """Stop it as an operator does: it hands its partitions over first."""
        kept = self.supervisor.kept[name_of(number)]
        await process.stop(kept.command, kept.child, asyncio.Event())

    async def start(self, number: int) -> None:
        """Start it again, and wait until every replica has everything."""
        self.supervisor.start(self.supervisor.kept[name_of(number)].command)
        await eventually(self.are_in_sync, within_s=_WITHIN_S)

    async def leader(self, place: Place) -> int:
        """Return who leads a partition now, -1 for nobody."""
        topic, number = place
        [leader] = [
            one["leader"] for one in await self.partitions(topic) if one["partition"] == number
        ]
        return int(leader)

    async def moved(self, place: Place, away_from: int) -> int:
        """Wait until another leads a partition; return which."""

        async def who() -> int | None:
            try:
                now = await self.leader(place)
            except (KafkaError, OSError):  # the admin client asked the one that is gone
                return None
            return now if now not in {-1, away_from} else None

        return await eventually(who, within_s=_WITHIN_S) or 0

    async def are_in_sync(self) -> bool:
        """Tell whether every partition has all its replicas in sync."""
        try:
            partitions = await self.partitions()
        except (KafkaError, OSError):  # as above
            return False
        return all(
            len(one["isr"]) == len(one["replicas"]) and one["leader"] != -1 for one in partitions
        )

    async def partitions(self, *topics: str) -> list[dict[str, Any]]:
        """Return `partition`, `leader`, `replicas` and `isr` of each partition of some topics."""
        async with self._admin() as admin:
            wanted = list(topics) or await admin.list_topics()
            described = await admin.describe_topics(wanted)
        return [one for topic in described for one in topic["partitions"]]

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address, request_timeout_ms=5_000)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()
