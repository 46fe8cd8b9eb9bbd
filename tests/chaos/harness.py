"""Runs rows of the matrix: a system, load, the fault, quiet, the checkers; and says what it saw."""

import asyncio
import random
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientSession

from cli.output import CommandError
from cli.verify.report import CHECKS, Report, Verdict
from shared import db, kafka
from shared.contracts.ids import DirectoryId
from tests.chaos.ground import Ground, ground
from tests.chaos.journal import Notebook
from tests.chaos.logs import Logs
from tests.chaos.matrix import Row
from tests.chaos.providers import PROVIDERS
from tests.chaos.rig import Rig, rig
from tests.chaos.run import Keeper, NotHereError, Run
from tests.chaos.traffic import Caller, Load, Worker, flowing, session, workers
from tests.mutants.__main__ import ROOT

HELD, BROKEN, NOT_HERE = "held", "BROKEN", "not here"
_QUIET_WITHIN_S = 60.0
_AT_MOST_S = 400.0
_GROUPS = ("Admins", "Editors", "Night shift")
_ROLES = ("admin", "editor")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row came to."""

    number: int
    fault: str
    verdict: str
    seconds: float
    seen: str
    findings: tuple[str, ...]
    calls: int
    unknown: int
    events: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class System:
    """A running system, which serves row after row until one spoils it."""

    rig: Rig
    keeper: Keeper
    notebook: Notebook = field(default_factory=Notebook)
    expected: dict[str, int] = field(default_factory=dict)


@asynccontextmanager
async def system(on: Ground, logs: Path) -> AsyncIterator[System]:
    """Start all services on empty databases and topics, and keep them up."""
    async with rig(on, ROOT, logs) as running:
        assert on.links
        on.links.http.upstream = int(running.services["ingest"].url.rpartition(":")[2])
        keeper = Keeper(running.services)
        await declare_roles(running)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(keeper.watch())
            try:
                yield System(running, keeper)
            finally:
                watch.cancel()


async def declare_roles(running: Rig) -> None:
    """Declare what providers' groups are mapped to."""
    client = running.at(await running.directory(), running.services["roles"])
    for role in _ROLES:
        answer = await client.manage("PUT", f"/roles/{role}", {"name": role.title()})
        assert answer.status in {200, 201}, answer


class Harness:
    """Runs rows; a system is used again while nothing spoiled it."""

    def __init__(self, seed: int, folder: Path, *, is_full: bool) -> None:
        self.seed, self.folder, self.is_full = seed, folder, is_full
        self._servers = AsyncExitStack()
        self._services = AsyncExitStack()
        self._ground: Ground | None = None
        self._system: System | None = None
        self._logs = Logs(folder)

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._forget(servers=True)

    async def _forget(self, *, servers: bool) -> None:
        self._system = None
        await self._services.aclose()
        if servers:
            self._ground = None
            await self._servers.aclose()

    async def _ready(self, row: Row) -> System:
        if row.own_servers:
            await self._forget(servers=True)
        if self._ground is None:
            self._ground = await self._servers.enter_async_context(ground(row.brokers, linked=True))
        if self._system is None:
            found = system(self._ground, self.folder)
            self._system = await self._services.enter_async_context(found)
        return self._system

    async def take(self, row: Row, turn: int = 0) -> Outcome:
        """Run one row; `turn` makes each run of it in one sitting another."""
        running = await self._ready(row)
        seed = self.seed + turn
        dice = random.Random(f"{seed}/{row.number}")  # noqa: S311
        began = time.monotonic()
        async with session() as http:
            load = await providers_at_work(running.rig, running.notebook, http, dice)
            run = Run(
                running.rig, load, running.keeper, dice, self.is_full, expected=running.expected
            )
            running.keeper.ended.clear()
            is_here = await self._play(row, run)
        events, verdict = 0, NOT_HERE
        if is_here:
            report = await _verdict(run, running.notebook)
            run.findings += await self._logs.findings(running.rig)
            events = report.counts["C3"]["events"] if report else 0
            verdict = BROKEN if run.findings else HELD
        outcome = _outcome(row, run, verdict, time.monotonic() - began, events)
        if run.findings:
            running.notebook.save(self.folder / f"journal-{seed}-{row.number}.jsonl")
        if run.findings or row.spoils or row.own_servers:
            await self._forget(servers=row.own_servers or bool(run.findings))
        return outcome

    async def _play(self, row: Row, run: Run) -> bool:
        """Inject the fault under load; return whether it could be."""
        try:
            async with asyncio.timeout(_AT_MOST_S * (3 if self.is_full else 1)), flowing(run.load):
                await run.pause(1.5, 2.5)
                try:
                    await row.play(run)
                    await run.pause(0.5, 1)
                finally:
                    await _make_whole(run)
        except Exception as error:  # noqa: BLE001  # whatever it is, the row did not hold
            inner = _only(error)
            if isinstance(inner, NotHereError):
                run.say(f"not injected: {inner}")
                return False
            run.findings.append(f"the run ended with {type(inner).__name__}: {inner}")
            text = "".join(traceback.format_exception(error))
            (self.folder / f"error-{row.number}.txt").write_text(text, "utf-8")
        return True


async def _make_whole(run: Run) -> None:
    """Be an ordinary network again, and wait until every service is ready."""
    for link in run.links.all:
        link.heal()
    await run.until_ready()


def _only(error: BaseException) -> BaseException:
    """Return the one error inside groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def providers_at_work(
    running: Rig, notebook: Notebook, http: ClientSession, dice: random.Random
) -> Load:
    """Return a load: a new directory of each provider, with groups and a mapping."""
    callers: dict[str, Caller] = {}
    everybody: list[Worker] = []
    named: dict[str, tuple[str, ...]] = {}
    assert running.ground.links
    base = f"http://127.0.0.1:{running.ground.links.http.port}"
    for provider in PROVIDERS:
        client = await running.directory(provider.name)
        groups = tuple([await client.group(name) for name in _GROUPS])
        caller = Caller(http, client, base, notebook, provider.headers)
        callers[provider.name], named[client.directory] = caller, groups
        everybody += workers(caller, provider, groups, dice)
        await _map(running, client, groups)
    return Load(callers, everybody, notebook, named)


async def _map(running: Rig, client, groups: Sequence[str]) -> None:
    await running.applied(client, "roles")
    roles = running.at(client, running.services["roles"])
    rows = [{"groupId": g, "role": r} for g, r in zip(groups, _ROLES, strict=False)]
    edit = {"version": 0, "rows": rows}
    answer = await roles.manage("PUT", f"/directories/{client.directory}/mapping", edit)
    assert answer.status == 200, answer


async def _verdict(run: Run, notebook: Notebook) -> Report | None:
    """Ask the checkers once it is quiet; add what they say to the findings."""
    try:
        report = await run.rig.verdict(_QUIET_WITHIN_S, notebook.journal())
    except (CommandError, db.DatabaseUnavailableError, kafka.KafkaUnavailableError) as error:
        run.findings.append(f"the checkers could not look: {error}")
        return None
    run.findings += run.load.surprises
    for check in CHECKS:
        for finding in report.findings[check]:
            is_known = run.expected.get(finding.directory) == finding.sequence and check == "C2"
            if finding.verdict >= Verdict.UNSETTLED and not is_known:
                run.findings.append(f"{check} {finding.verdict.name}: {finding.sentence}")
    _require_expected(run, report)
    return report


def _require_expected(run: Run, report: Report) -> None:
    """A hole of ours must be found, or the checker is blind."""
    found = {(one.directory, one.sequence) for one in report.findings["C2"]}
    for directory, sequence in run.expected.items():
        run.claim((directory, sequence) in found, f"C2 does not name the hole of {directory}")


def _outcome(row: Row, run: Run, verdict: str, seconds: float, events: int) -> Outcome:
    mine = {DirectoryId(one) for one in run.load.directories}
    lines = [line for line in run.load.notebook.lines if line.directory in mine]
    return Outcome(
        row.number,
        row.fault,
        verdict,
        round(seconds, 1),
        "; ".join(run.seen),
        tuple(run.findings),
        len(lines),
        sum(line.outcome == "unknown" for line in lines),
        events,
    )
