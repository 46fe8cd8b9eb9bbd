"""`rollcall verify`: one line for each checker, and an exit code that says what they found."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from io import BufferedReader
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli import addresses
from cli.output import console, json_option, print_json, progress_console
from cli.verify import journal as journals
from cli.verify import run
from cli.verify.report import CHECKS, Report, Verdict
from cli.verify.run import NoVerdictError
from services import __main__ as services
from shared import db, kafka

_STYLES = {
    Verdict.HOLDS: ("holds", "green"),
    Verdict.SKIPPED: ("in part", "yellow"),
    Verdict.UNSETTLED: ("not settled", "yellow"),
    Verdict.FAULT: ("FAULT", "bold red"),
}
_FIGURES: Mapping[str, Callable[[Counter[str]], str]] = {
    "C1": lambda n: (
        f"{n['calls']:,} calls, {n['unknown']:,} of them unknown"
        if n["calls"]
        else "no journal was given"
    ),
    "C2": lambda n: f"{n['sequences']:,} numbers in {n['histories']:,} histories",
    "C3": lambda n: (
        f"{n['events']:,} events read, {n['repeats']:,} repeats"
        + (f", {n['malformed']:,} records that are no events" if n["malformed"] else "")
    ),
    "C4": lambda n: f"{n['rows']:,} rows compared, {n['directories']:,} directories on both sides",
    "C5": lambda n: (
        f"{n['rows']:,} rows compared"
        + (f", {n['waiting']:,} losses wait behind a fence" if n["waiting"] else "")
    ),
    "C6": lambda n: f"{n['rows']:,} rows compared",
    "C7": lambda n: f"{n['rows']:,} rows compared",
    "C8": lambda n: f"{n['directories']:,} directories, {n['events']:,} events",
}


@click.command()
@click.option("--directory", help="Only this directory, by id.")
@click.option("--journal", type=click.File("rb"), help="What clients were told, as JSON lines.")
@click.option("--within", type=click.FloatRange(0), default=30, show_default=True,
              help="Seconds to wait for what is on its way.")  # fmt: skip
@json_option
def verify(
    directory: str | None, journal: BufferedReader | None, within: float, *, as_json: bool
) -> None:
    r"""Check that all that is stored follows from the log; the system goes on meanwhile.

    Compares Kafka, ingest, roles and read models row by row. Exit code 0: everything holds;
    1: something does not; 3: nothing is wrong, but something is still on its way.

    \b
    Example: rollcall verify
    """
    wanted = wanted_of(within, directory)
    calls = journals.read(journal) if journal else journals.Journal()
    started = time.monotonic()
    report = watched(wanted, calls)
    _tell(report, time.monotonic() - started, as_json=as_json)
    raise SystemExit(report.exit_code)


def wanted_of(within_s: float, directory: str | None) -> run.Wanted:
    """Return what to verify, where the running system is. Raises NoVerdictError."""
    found = addresses.find()
    urls = found.databases | services.database_urls()
    missing = [name for name in run.SERVICES if name not in urls]
    if missing:
        raise NoVerdictError(
            f"Where {missing[0]}'s database is, is not known. Start Rollcall with `make run`, "
            f"or set ROLLCALL_{missing[0].upper()}_DATABASE_URL."
        )
    return run.Wanted(found.brokers, urls, within_s, directory)


def watched(wanted: run.Wanted, calls: journals.Journal) -> Report:
    """Verify with progress on standard error. Raises NoVerdictError."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=progress_console, transient=True) as bar:
        task = bar.add_task("reading records", total=None)
        progress = run.Progress(
            total=lambda records: bar.update(task, total=records),
            advanced=lambda records: bar.advance(task, records),
        )
        try:
            return asyncio.run(run.verify(wanted, calls, progress))
        except (db.DatabaseUnavailableError, kafka.KafkaUnavailableError) as error:
            raise NoVerdictError(str(error)) from error
        except Exception as error:
            if db.is_transient(error) or isinstance(error, kafka.Error):
                raise NoVerdictError(
                    f"Kafka or Postgres went away meanwhile ({type(error).__name__}); try again."
                ) from error
            raise


def _tell(report: Report, seconds: float, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(report, seconds))
        return
    for check, claim in CHECKS.items():
        verdict = report.verdict(check)
        word, style = _STYLES[verdict]
        if check == "C1" and not report.counts[check]:
            word, style = "not asked", "dim"
        figure = _FIGURES[check](report.counts[check])
        console.print(f"{check}  [{style}]{word:11}[/]  {claim}: {figure}", soft_wrap=True)
        first = report.first(check)
        if first:
            console.print(f"                 {first.sentence}", soft_wrap=True, markup=False)
            others = report.total[check, verdict] - 1
            if others:
                console.print(f"                 and {others:,} more; --json lists some of them")
    console.print(f"checksum {report.checksum:032x}, {seconds:.1f} s")


def _document(report: Report, seconds: float) -> dict[str, Any]:
    return {
        "exit_code": report.exit_code,
        "seconds": round(seconds, 2),
        "checksum": f"{report.checksum:032x}",
        "checks": {
            check: {
                "verdict": report.verdict(check).name.lower(),
                "claim": claim,
                "figures": dict(report.counts[check]),
                "findings": [one.as_json() for one in report.findings[check]],
            }
            for check, claim in CHECKS.items()
        },
    }
