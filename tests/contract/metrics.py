"""Write the table in the page of the metrics: `make generate`."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from shared import telemetry

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
_TABLE = """## All metrics
| metric | type | labels | says |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Return the page as it should be: what people wrote, and the table from the code."""
    written, _, _ = PAGE.read_text(encoding="utf-8").partition("## All metrics")
    return written + _TABLE + "".join(f"{row}\n" for row in sorted(_rows()))


def _rows() -> Iterator[str]:
    for metric in vars(telemetry).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            [found] = metric.describe()
            suffix = "_total" if isinstance(metric, Counter) else ""
            labels = ", ".join(f"`{name}`" for name in metric._labelnames)  # noqa: SLF001  # no other way
            name = f"`{found.name}{suffix}`"
            yield f"| {name} | {found.type} | {labels} | {found.documentation} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
