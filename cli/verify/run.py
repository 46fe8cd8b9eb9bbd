"""A whole run: every lane, then what concerns no single lane."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from cli.output import CommandError
from cli.verify.cuts import DIRECTORY, ROLE
from cli.verify.cutting import Cutter
from cli.verify.journal import Journal
from cli.verify.lane import STATE, Verifier
from cli.verify.log import Log
from cli.verify.report import Report
from cli.verify.tables import borders, counters
from shared import db, kafka

SERVICES = ("ingest", "roles", "projector")
_TOPICS = (DIRECTORY, ROLE, STATE)


class NoVerdictError(CommandError):
    """The system could not be looked at. Exit code 3, as for what has not settled."""

    exit_code: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to verify, where, and how long to wait for what is on its way."""

    kafka: kafka.Servers
    databases: Mapping[str, str]
    within_s: float
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how many records there are to read, and of each batch that was read."""

    total: Callable[[int], None]
    advanced: Callable[[int], None]


async def verify(wanted: Wanted, journal: Journal, progress: Progress) -> Report:
    """Check the running system. Raises NoVerdictError when a part of it is not there."""
    report, started = Report(), time.monotonic()
    async with _connected(wanted) as databases, kafka.reader(wanted.kafka, (), past=True) as reader:
        log = Log(reader, progress.advanced)
        lanes = await _lanes(log, databases, wanted, progress)
        cutter = Cutter(databases, started + wanted.within_s)
        verifier = Verifier(cutter, log, report, journal, wanted.directory)
        for lane in lanes:
            await verifier.check(lane)
        await _look_across(report, databases, time.monotonic() - started)
    if journal.directories:
        journal.conclude(report)
    return report


@asynccontextmanager
async def _connected(wanted: Wanted) -> AsyncIterator[dict[str, db.Database]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                db.connect(wanted.databases[name], name, max_size=2)
            )
            for name in SERVICES
        }


async def _lanes(
    log: Log, databases: Mapping[str, db.Database], wanted: Wanted, progress: Progress
) -> list[int]:
    """Return the lanes to look at: those with directories or records; tell how many records."""
    given, only = await counters.sequences(databases["ingest"]), wanted.directory
    if only and only not in given:
        raise NoVerdictError(f"There is no directory {only}; see `rollcall directories list`.")
    places = await kafka.places(wanted.kafka, _TOPICS)
    missing = set(_TOPICS) - {topic for topic, _ in places}
    if missing:
        raise NoVerdictError(f"Kafka has no topic {min(missing)}; run `rollcall topics ensure`.")
    bounds = await log.reader.log_bounds(places)
    lanes = {given[only][0]} if only else {number for _, number in places}
    used = {lane for lane, _ in given.values()} | {
        number for (_, number), (_, end) in bounds.items() if end
    }
    chosen = sorted(lanes & used)
    records = [end - start for (_, number), (start, end) in bounds.items() if number in chosen]
    progress.total(sum(records))
    return chosen


async def _look_across(
    report: Report, databases: Mapping[str, db.Database], seconds: float
) -> None:
    """C8: ids that cross directories, directories that only a copy knows, what is stuck."""
    copies = {name: await counters.known(databases[name]) for name in ("roles", "projector")}
    origins = await counters.known(databases["ingest"])
    for name, found in copies.items():
        for directory, organization in found.items():
            if origins.get(directory) != organization:
                words = f"{name} knows it, of organization {organization}; ingest does not"
                report.fault("C8", directory, words)
    for name in SERVICES:
        for directory, words in await borders.crossed(databases[name], name):
            report.fault("C8", directory, words)
    for name in ("ingest", "roles"):
        for directory, sequence, events in await counters.stuck(databases[name], seconds):
            words = f"{events} events wait in the outbox of {name}"
            report.unsettled("C8", directory, words, sequence)
    report.count("C8", directories=len(origins))
