"""Providers at work: a seeded stream of changes, of which each knows what it should leave.

A provider knows its people, as providers do. Whatever was not answered is looked up or said again;
what was said twice may have left its event the first time, and is noted so in the journal.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import orjson

from cli.simulate.onelogin import Request
from cli.simulate.people import Person, somebody
from tests.chaos.journal import Line, Notebook
from tests.chaos.providers import Provider
from tests.integration.ingest.client import Client

_ANSWER_WITHIN = aiohttp.ClientTimeout(total=15, sock_connect=5)
_AGAIN_S = 0.4
_ATTEMPTS = 60
_WORKERS = 2
_EACH_S = 0.12
_MOST_PEOPLE = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `status` 0 is none."""

    status: int
    body: dict
    retry_after_s: float = 0.0

    @property
    def is_done(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_certain(self) -> bool:
        """Whether it is known what the request did."""
        return 0 < self.status < 500


@dataclass(slots=True)
class Caller:
    """Calls one directory, and writes everything down."""

    session: aiohttp.ClientSession
    client: Client
    base: str
    notebook: Notebook
    headers: dict[str, str] = field(default_factory=dict)

    async def call(
        self, request: Request, changes: Sequence[str] = (), *, repeats: bool = False, **more: str
    ) -> Reply:
        """Send a request once."""
        at = time.monotonic()
        url = f"{self.base}/scim/v2/{self.client.directory}{request.target}"
        headers = {"Authorization": f"Bearer {self.client.token}", **self.headers, **more}
        key, reply = None, Reply(0, {})
        try:
            async with self.session.request(
                request.method, url, data=request.body, headers=headers
            ) as answer:
                # The status alone is an answer: what was said is said.
                key = answer.headers.get("X-Request-Id")
                wait_s = float(answer.headers.get("Retry-After", 0))
                reply = Reply(answer.status, {}, wait_s)
                body = _decoded(await answer.read())
                reply = Reply(answer.status, body, wait_s)
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        told = self._told(request, reply, changes)
        self.notebook.add(
            Line(self.client.directory, request.kind, at, time.monotonic() - at, reply.status, key,
                 told, reply.retry_after_s >= 1, repeats)
        )  # fmt: skip
        return reply

    def _told(self, request: Request, reply: Reply, changes: Sequence[str]) -> tuple[str, ...]:
        is_named = request.method == "POST" and reply.status == 201 and "id" in reply.body
        if is_named:
            kind = request.target.strip("/?").lower()
            return (f"{kind}/{reply.body['id']}",)
        return tuple(changes)


def _decoded(raw: bytes) -> dict:
    try:
        found = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Known:
    """Somebody whom the provider knows; `settled` groups are left as they are from now on."""

    person: Person
    key: str
    groups: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    active: bool = True


@dataclass(slots=True)
class Worker:
    """One of a provider's connections, with people of its own."""

    caller: Caller
    provider: Provider
    groups: tuple[str, ...]
    dice: random.Random
    prefix: str
    stopping: asyncio.Event
    people: list[Known] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    hired: int = 0
    marks: int = 0

    async def work(self) -> None:
        """Change this and that until told to stop."""
        acts = (self._hire, self._update, self._join, self._leave, self._suspend, self._delete)
        while not self.stopping.is_set():
            [act] = self.dice.choices(acts, weights=(7, 6, 6, 3, 2, 1))
            await act()
            await self._pause(self.dice.expovariate(1 / _EACH_S))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return

    async def _say(self, request: Request, changes: Sequence[str]) -> Reply:
        """Say something until it is known whether it was done."""
        repeats = False
        for _ in range(_ATTEMPTS):
            reply = await self.caller.call(request, changes, repeats=repeats)
            if reply.is_certain and reply.status != 429:
                return reply
            if self.stopping.is_set():
                return Reply(0, {})
            repeats = repeats or not reply.is_certain
            await self._pause(max(_AGAIN_S, min(reply.retry_after_s, 2)))
        return Reply(0, {})

    async def _hire(self) -> None:
        if len(self.people) >= _MOST_PEOPLE:
            return
        person = somebody(self.dice, self.hired)
        person = Person(f"{self.prefix}.{person.user_name}", person.given, person.family,
                        person.title, person.department)  # fmt: skip
        self.hired += 1
        for _ in range(_ATTEMPTS):
            reply = await self._adopt_or_create(person)
            if reply or self.stopping.is_set():
                return
            await self._pause(_AGAIN_S)

    async def _adopt_or_create(self, person: Person) -> bool:
        found = await self.caller.call(self.provider.lookup(person))
        if not found.is_done:
            return False
        if listed := found.body.get("Resources"):
            self.people.append(Known(person, listed[0]["id"]))
            return True
        made = await self.caller.call(
            self.provider.create(person), [f"users/name={person.user_name}"]
        )
        if made.is_done and "id" in made.body:
            self.people.append(Known(person, made.body["id"]))
            return True
        return False

    async def _update(self) -> None:
        if self.people:
            await self._write(self.dice.choice(self.people), active=True)

    async def _suspend(self) -> None:
        if self.people:
            await self._write(self.dice.choice(self.people), active=False)

    async def _write(self, known: Known, *, active: bool) -> None:
        for _ in range(_ATTEMPTS):
            self.marks += 1
            mark = f"{self.prefix} {self.marks}"
            request = self.provider.update(known.person, known.key, mark, active=active)
            reply = await self.caller.call(request, [f"users/{known.key}"])
            if reply.is_certain and reply.status != 429:
                self._expect(reply, request, known)
                return
            if self.stopping.is_set():
                return
            await self._pause(max(_AGAIN_S, min(reply.retry_after_s, 2)))

    async def _join(self) -> None:
        group = self.dice.choice(self.groups)
        able = [one for one in self.people if group not in one.groups | one.settled]
        chosen = self.dice.sample(able, min(self.dice.randint(1, 3), len(able)))
        if chosen and await self._change("add", group, chosen):
            for one in chosen:
                one.groups.add(group)

    async def _leave(self) -> None:
        group = self.dice.choice(self.groups)
        able = [one for one in self.people if group in one.groups - one.settled]
        chosen = self.dice.sample(able, min(self.dice.randint(1, 2), len(able)))
        if chosen and await self._change("remove", group, chosen):
            for one in chosen:
                one.groups.discard(group)

    async def _change(self, op: str, group: str, chosen: Sequence[Known]) -> bool:
        keys = [one.key for one in chosen]
        say = self.provider.add if op == "add" else self.provider.remove
        before = len(self.caller.notebook.lines)
        subjects = [f"groups/{group}/members/{key}" for key in keys]
        reply = await self._say(say(group, keys), subjects)
        if self._was_repeated(before) or not reply.is_certain:
            # A request that nobody answered may still be at work, and undo what comes after it.
            for one in chosen:
                one.settled.add(group)
        if reply.is_certain:
            self._expect(reply, say(group, keys), chosen[0])
        return reply.is_done

    def _was_repeated(self, before: int) -> bool:
        mine = self.caller.client.directory
        return any(
            line.outcome == "unknown"
            for line in self.caller.notebook.lines[before:]
            if line.directory == mine
        )

    async def _delete(self) -> None:
        if len(self.people) < 3:
            return
        known = self.people.pop(self.dice.randrange(len(self.people)))
        await self._say(self.provider.delete(known.key), [f"users/{known.key}"])

    def _expect(self, reply: Reply, request: Request, known: Known) -> None:
        if not reply.is_done and reply.status != 429:
            self.surprises.append(
                f"directory {self.caller.client.directory}: {request.kind} of {known.key}, which "
                f"was acknowledged before, was answered {reply.status}"
            )


@dataclass(slots=True)
class Load:
    """Everything that goes on in the background of a fault."""

    callers: dict[str, Caller]
    workers: list[Worker]
    notebook: Notebook
    groups: dict[str, tuple[str, ...]]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def stop(self) -> None:
        """Let each provider finish what it is saying."""
        for worker in self.workers:
            worker.stopping.set()
        if self.tasks:
            await asyncio.wait(self.tasks)

    @property
    def surprises(self) -> list[str]:
        return [one for worker in self.workers for one in worker.surprises]

    @property
    def directories(self) -> list[str]:
        return [caller.client.directory for caller in self.callers.values()]


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open the connections of providers, which keep them alive and give up after 15 s."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=_ANSWER_WITHIN, connector=connector) as found:
        # A request that aiohttp sends a second time by itself is one that no journal knows.
        found._retry_connection = False  # noqa: SLF001
        yield found


@asynccontextmanager
async def flowing(load: Load) -> AsyncIterator[None]:
    """Let providers work beside the block; at its end each finishes what it is saying."""
    async with asyncio.TaskGroup() as group:
        load.tasks = [group.create_task(worker.work()) for worker in load.workers]
        try:
            yield
        finally:
            await load.stop()


def workers(
    caller: Caller, provider: Provider, groups: tuple[str, ...], dice: random.Random
) -> list[Worker]:
    """Return a provider's connections, each with dice of its own."""
    return [
        Worker(caller, provider, groups, random.Random(dice.random()),  # noqa: S311
               f"{provider.name}{number}", asyncio.Event())
        for number in range(_WORKERS)
    ]  # fmt: skip
