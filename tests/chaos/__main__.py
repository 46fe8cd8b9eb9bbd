"""`SEED=… FAULTS=… MINUTES=… make chaos`: the fault matrix on the real system.

The seed decides workload, order, moments and choices; each row has dice of its own, so that
`SEED=… FAULTS=n` repeats it alone. Exit code 0: all held; 1: something did not; 2: wrong arguments.
"""

import asyncio
import logging
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from tests.chaos import record
from tests.chaos.harness import BROKEN, HELD, NOT_HERE, Harness, Outcome
from tests.chaos.matrix import MATRIX, Row, UnknownFaultError, chosen
from tests.mutants.__main__ import ROOT

EXIT_BROKEN, EXIT_WRONG = 1, 2
_FOLDER = ROOT / ".local" / "chaos"


class WrongArgumentError(ValueError):
    """An argument cannot be read; the words say which and what there is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run. `minutes` 0: each row once."""

    seed: int
    rows: Sequence[Row]
    minutes: float
    is_full: bool
    is_recorded: bool


def wanted(environment: Mapping[str, str]) -> Wanted:
    """Return what the environment asks for. Raises WrongArgumentError."""
    try:
        rows = chosen(environment.get("FAULTS", "").split(","))
    except UnknownFaultError as error:
        names = "\n".join(f"  {row.number:2}  {row.fault} ({row.where})" for row in MATRIX)
        raise WrongArgumentError(
            f"FAULTS: there is no fault {error}. Give numbers or words of these, with commas "
            f"between:\n{names}"
        ) from error
    seed = _number(environment, "SEED", int) or random.SystemRandom().randrange(1, 1_000_000)
    minutes = _number(environment, "MINUTES", float)
    if seed < 0 or minutes < 0:
        raise WrongArgumentError("SEED and MINUTES cannot be negative.")
    is_full, is_recorded = (
        environment.get(name, "") not in {"", "0"} for name in ("FULL", "RECORD")
    )
    if is_recorded and (len(rows) < len(MATRIX) or minutes):
        raise WrongArgumentError(
            "RECORD=1 keeps a run of the whole matrix: without FAULTS, MINUTES."
        )
    return Wanted(seed, rows, minutes, is_full, is_recorded)


def _number(environment: Mapping[str, str], name: str, kind: type) -> float:
    text = environment.get(name, "") or "0"
    try:
        return kind(text)
    except ValueError as error:
        example = "SEED=7 FAULTS=1,5,kafka MINUTES=30 make chaos"
        raise WrongArgumentError(f"{name}={text} is no number; for example: {example}") from error


def turns(asked: Wanted) -> Iterator[tuple[int, Row]]:
    """Yield rows in an order that the seed decides: once, or again and again for some minutes."""
    until, turn = time.monotonic() + asked.minutes * 60, 0
    while True:
        rows = list(asked.rows)
        random.Random(asked.seed + turn).shuffle(rows)  # noqa: S311
        for row in rows:
            if asked.minutes and time.monotonic() >= until:
                return
            yield turn, row
        turn += 1
        if not asked.minutes:
            return


async def run(asked: Wanted) -> int:
    """Run what is asked for, a line for each row; return the exit code."""
    _say(f"SEED={asked.seed}, {len(asked.rows)} of {len(MATRIX)} faults"
         f"{', at full length' if asked.is_full else ''}")  # fmt: skip
    began, outcomes = time.monotonic(), []
    folder = _FOLDER / f"seed-{asked.seed}"
    async with Harness(asked.seed, folder, is_full=asked.is_full) as harness:
        for turn, row in turns(asked):
            outcome = await harness.take(row, turn)
            outcomes.append(outcome)
            _tell(outcome)
            if outcome.findings:
                _say(f"      again: SEED={asked.seed + turn} FAULTS={row.number} make chaos"
                     f"; logs and journal in {folder.relative_to(ROOT)}")  # fmt: skip
    minutes = (time.monotonic() - began) / 60
    _summarise(outcomes, minutes)
    if asked.is_recorded:
        record.save(asked.seed, outcomes, minutes, is_full=asked.is_full)
    return EXIT_BROKEN if any(outcome.findings for outcome in outcomes) else 0


def _tell(outcome: Outcome) -> None:
    _say(f"{outcome.number:3}  {outcome.verdict:8}  {outcome.fault}: {outcome.seen}"
         f" ({outcome.seconds:.0f} s)")  # fmt: skip
    for finding in outcome.findings[:10]:
        _say(f"      {finding}")
    if len(outcome.findings) > 10:
        _say(f"      and {len(outcome.findings) - 10} more")


def _summarise(outcomes: Sequence[Outcome], minutes: float) -> None:
    _say("")
    _say(" no  verdict   seconds  calls  unknown  fault")
    for one in sorted(outcomes, key=lambda one: one.number):
        _say(f"{one.number:3}  {one.verdict:8}  {one.seconds:7.1f}  {one.calls:5}  "
             f"{one.unknown:7}  {one.fault}")  # fmt: skip
    counts = {
        verdict: sum(one.verdict == verdict for one in outcomes)
        for verdict in (HELD, BROKEN, NOT_HERE)
    }
    words = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    _say(f"{words}; {sum(one.calls for one in outcomes):,} calls, {minutes:.1f} minutes")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # who waits wants to see


def main() -> int:
    """Run; return the exit code."""
    # Libraries say at length that servers are away: that is what we are here for.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        asked = wanted(os.environ)
    except WrongArgumentError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_WRONG
    return asyncio.run(run(asked))


if __name__ == "__main__":
    sys.exit(main())
