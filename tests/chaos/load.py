"""SCIM calls without a pause, and what their clients were told."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from cli.verify.journal import Call, Journal
from tests.integration.ingest.client import PATCH_OP, Answer, Client
from tests.support.waiting import eventually

_PAUSE_S = 0.02  # three clients at full speed would starve the brokers of two cores


@dataclass(slots=True)
class Load:
    """Clients, a directory each, that create people, put them into a group and deactivate some."""

    clients: Sequence[Client]
    groups: Sequence[str]
    journal: Journal = field(default_factory=Journal)
    refused: list[Answer] = field(default_factory=list)
    acknowledged: int = 0
    numbers: Iterator[int] = field(default_factory=count)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Call beside the block, always with new people; at its end every call has its answer."""
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for client, group in zip(self.clients, self.groups, strict=True):
                tasks.create_task(self._drive(client, group, stopping))
            try:
                yield
            finally:
                stopping.set()

    async def goes_on(self, calls: int = 60) -> None:
        """Wait until so many more calls were acknowledged."""
        wanted = self.acknowledged + calls
        await eventually(lambda: self.acknowledged >= wanted, within_s=30)

    async def _drive(self, client: Client, group: str, stopping: asyncio.Event) -> None:
        for number in self.numbers:
            if stopping.is_set():
                return
            await self._person(client, group, f"person{number}", leaves=number % 3 == 0)
            await asyncio.sleep(_PAUSE_S)

    async def _person(self, client: Client, group: str, name: str, *, leaves: bool) -> None:
        made = await client.scim("POST", "/Users", {"userName": name})
        if not self._note(client, made, 201, [f"users/name={name}"]):
            return
        user = made.body["id"]
        joined = await client.patch_members("add", group, user)
        self._note(client, joined, 204, [f"groups/{group}/members/{user}"])
        if leaves:
            self._note(client, await client.scim(*_deactivation(user)), 200, [f"users/{user}"])

    def _note(self, client: Client, answer: Answer, wanted: int, changes: list[str]) -> bool:
        is_ok = answer.status == wanted
        self.journal.add(
            Call(
                directory=client.directory,
                request=answer.headers["X-Request-Id"],
                outcome="ok" if is_ok else "failed",
                changes=changes,
            )
        )
        self.acknowledged += is_ok
        if not is_ok:
            self.refused.append(answer)
        return is_ok


def _deactivation(user: str) -> tuple[str, str, dict[str, object]]:
    operation = {"op": "replace", "path": "active", "value": False}
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    return "PATCH", f"/Users/{user}", body
