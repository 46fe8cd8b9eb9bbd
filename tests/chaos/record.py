"""The result of the last full run, and the page that shows it: `docs/explanation/faults.md`."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.chaos.harness import Outcome
from tests.chaos.matrix import MATRIX, Row
from tests.mutants.__main__ import ROOT

RESULT = ROOT / "docs" / "reference" / "chaos-result.json"
PAGE = ROOT / "docs" / "explanation" / "faults.md"
BEGIN, END = "<!-- made by `make chaos RECORD=1` -->", "<!-- end -->"


def save(seed: int, outcomes: Sequence[Outcome], minutes: float, *, is_full: bool) -> None:
    """Keep a run of the whole matrix, and show it on the page."""
    found = {
        "day": datetime.now(UTC).date().isoformat(),
        "seed": seed,
        "full": is_full,
        "minutes": round(minutes, 1),
        "rows": [one.as_json() for one in sorted(outcomes, key=lambda one: one.number)],
    }
    RESULT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    show()


def load() -> dict[str, Any]:
    """Return the result that is kept."""
    return dict(json.loads(RESULT.read_text("utf-8")))


def show() -> None:
    """Write the tables into the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{tables(load())}{END}{after}", "utf-8")


def tables(found: dict[str, Any]) -> str:
    """Return what must hold, how it is injected and what was seen, as Markdown."""
    seen = {row["number"]: row for row in found["rows"]}
    held = sum(row["verdict"] == "held" for row in found["rows"])
    calls = sum(row["calls"] for row in found["rows"])
    lines = [
        f"Last full run: {found['day']}, `SEED={found['seed']}`, {found['minutes']} minutes, "
        f"{held} of {len(MATRIX)} rows held, {calls:,} calls."
        + (" At full length." if found["full"] else " Shortened where it says so."),
        "",
        "| # | fault | where | must hold | injected here | last run |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_line(row, seen.get(row.number)) for row in MATRIX),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row, seen: dict[str, Any] | None) -> str:
    how = row.injection + (f" *Not the matrix' own: {row.differs}.*" if row.differs else "")
    if seen is None:
        last = "not run"
    else:
        findings = "; ".join(seen["findings"][:3])
        last = f"**{seen['verdict']}** {seen['seen']}" + (f" **{findings}**" if findings else "")
    cells = (str(row.number), row.fault, row.where, row.holds, how, last)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    show()
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} shows {RESULT.relative_to(ROOT)}\n")
