"""Measure the portal where a directory is large: lists, searches, page weight, open live streams.

    python -m benchmarks.portal_lists [--users 100000] [--rounds 40] [--streams 500]

The whole system as `rollcall local up` runs it. The directory is written into the read models as
events would have come to; each kind of page is asked for again and again with other words, by one
administrator, and measured from outside: an upper bound of the time at the server.
"""

import asyncio
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import click
from rich.console import Console
from rich.table import Table

from benchmarks import measure
from shared import db
from shared.contracts.ids import OrganizationId
from tests.support.large_directory import TEAMS, fill
from tests.support.system import System, running
from tests.support.world import Directory, world_of

_GIVEN = ("ada", "grace", "edsger", "magdalena", "barbara", "alan", "katherine", "donald",
          "margaret", "linus", "radia", "tim", "frances", "ken", "hedy", "dennis")  # fmt: skip
_FAMILY = ("kovac", "lindqvist", "okafor", "tanaka", "moreau", "silva", "novak", "haddad")
_LIMIT_MS = 50
_LIMIT_KB = 100
_LIMIT_MIB = 50
_MIB = 1024**2
Address = Callable[[int], str]

# What is asked for in the n-th round; no two rounds alike, so that nothing is remembered.
PAGES: dict[str, Address] = {
    "users": lambda _: "/users",
    "users, changed last": lambda _: "/users?sort=updated",
    "users, two letters": lambda n: f"/users?q={_GIVEN[n % 16][:2]}",
    "users, a name": lambda n: f"/users?q={_GIVEN[n % 16]}.{_FAMILY[n // 16 % 8]}",
    "users, a surname": lambda n: f"/users?q={_GIVEN[n % 16]}%20{_FAMILY[n // 16 % 8]}",
    "users, nobody": lambda n: f"/users?q=nobody{n}",
    "users, inactive": lambda _: "/users?state=inactive",
    "users, of a team": lambda n: f"/users?group=Team%20{2 + n % (TEAMS - 1):03}",
    "users, of everyone": lambda n: f"/users?group=Everyone&q={_GIVEN[n % 16][:2]}",
    "users, admins": lambda _: "/users?role=admin",
    "users, inactive editors": lambda _: "/users?role=editor&state=inactive&sort=updated",
    "groups": lambda _: "/groups",
    "groups, a prefix": lambda n: f"/groups?q=team%20{n % 5}",
    "verify": lambda n: f"/verify?q={_GIVEN[(n * 16 + 1) % 16]}nobody{n}@globex.example",
    "events": lambda _: "/events",
    "events, a rare type": lambda _: "/events?kind=rollcall.group.deleted.v1",
    "events, a time": lambda n: f"/events?until=2026-01-{1 + n % 28:02}T00:00",
    "health": lambda _: "/health",
    "overview": lambda _: "",
    "configure": lambda _: "/provisioning/{directory}",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a kind of page took, in milliseconds, by the clock and of CPU, and its bytes.

    CPU is of the portal and of Postgres: on a busy machine it tells more than the clock.
    """

    times_ms: Sequence[float]
    cpu_ms: float
    size: int

    def at(self, share: float) -> float:
        """Return a quantile of the times."""
        return sorted(self.times_ms)[min(int(len(self.times_ms) * share), len(self.times_ms) - 1)]


async def ask(
    http: aiohttp.ClientSession, system: System, base: str, make: Callable[[int], str], rounds: int
) -> Asked:
    """Ask for a kind of page so many times."""
    times, size = [], 0
    await _read(http, base + make(rounds))
    before = _cpu_s(system)
    for number in range(rounds):
        started = time.perf_counter()
        size = max(size, await _read(http, base + make(number)))
        times.append((time.perf_counter() - started) * 1000)
    return Asked(times, (_cpu_s(system) - before) * 1000 / rounds, size)


async def _read(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(url) as answer:
        answer.raise_for_status()
        return len(await answer.read())


def _cpu_s(system: System) -> float:
    return sum(measure.cpu_seconds(system.run["pids"][name]) for name in ("portal", "postgres"))


async def shared_bytes(http: aiohttp.ClientSession, portal: str) -> int:
    """Return the size of what every page loads besides."""
    async with http.get(portal) as answer:
        text = await answer.text()
    found = 0
    for path in sorted(set(re.findall(r'(?:src|href)="(/[^"]+\.(?:css|js|svg))"', text))):
        async with http.get(portal.partition("/portal/")[0] + path) as answer:
            found += len(await answer.read())
    return found


async def open_streams(http: aiohttp.ClientSession, base: str, streams: int, pid: int) -> float:
    """Return what so many open streams add to the memory of the portal, in MiB."""
    before = _resident(pid)
    async with AsyncExitStack() as stack:
        for _ in range(streams):
            answer = await stack.enter_async_context(http.get(f"{base}/stream"))
            await answer.content.readline()
        # Each has said something by then, and rests.
        await asyncio.sleep(5)
        return (_resident(pid) - before) / _MIB


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096


async def _signed_in(world_http: aiohttp.ClientSession, link: str) -> None:
    async with world_http.post(link) as answer:
        answer.raise_for_status()


async def run(system: System, users: int, rounds: int, streams: int, console: Console) -> None:
    """Fill the directory, then measure."""
    unlimited = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        world_of(system) as world,
        aiohttp.ClientSession(connector=unlimited, cookie_jar=jar) as http,
    ):
        made: Directory = await world.directory()
        base = f"{system.run['portal']}/portal/{made.organization}"
        await _signed_in(http, await world.invitation(made.organization))
        await _filled(system, made, users)
        besides = await shared_bytes(http, base)
        found = {}
        for name, make in PAGES.items():
            address = partial(_filled_in, make, made.id)
            found[name] = await ask(http, system, base, address, rounds)
        _show(console, found, besides, users)
        added = await open_streams(http, base, streams, system.run["pids"]["portal"])
        verdict = "" if added <= _LIMIT_MIB else f", more than {_LIMIT_MIB}"
        console.print(f"{streams} open streams: {added:.1f} MiB{verdict}")


def _filled_in(make: Address, directory: str, number: int) -> str:
    return make(number).format(directory=directory)


async def _filled(system: System, made: Directory, users: int) -> None:
    async with db.connect(system.run["postgres"]["projector"], "rm_1") as database:
        async with database.transaction() as tx:
            for table, key in (("events", "directory_id"), ("directories", "id")):
                await tx.execute(f"delete from {table} where {key} = $1", made.id)
        await fill(database, OrganizationId(made.organization), users, made.id)


def _show(console: Console, found: dict[str, Asked], besides: int, users: int) -> None:
    table = Table(title=f"{users:,} users, {TEAMS + 1} groups")
    for title in ("page", "p50 ms", "p95 ms", "CPU ms", "kB"):
        table.add_column(title, justify="left" if title == "page" else "right")
    for name, asked in found.items():
        late = asked.at(0.95) > _LIMIT_MS
        heavy = asked.size + besides > _LIMIT_KB * 1000
        table.add_row(
            name,
            f"{asked.at(0.5):.1f}",
            f"{asked.at(0.95):.1f}{' !' if late else ''}",
            f"{asked.cpu_ms:.1f}",
            f"{(asked.size + besides) / 1000:.0f}{' !' if heavy else ''}",
        )
    console.print(table)
    console.print(f"kB with {besides / 1000:.0f} kB that all pages share; ! is beyond the aim")


async def main(users: int, rounds: int, streams: int) -> None:
    """Start the system and measure it."""
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        async with running(Path(folder)) as system:
            await run(system, users, rounds, streams, Console())


@click.command()
@click.option("--users", default=100_000)
@click.option("--rounds", default=40)
@click.option("--streams", default=500)
def command(users: int, rounds: int, streams: int) -> None:
    """Measure lists, page weight and streams of the portal."""
    asyncio.run(main(users, rounds, streams))


if __name__ == "__main__":
    command()
