"""Write the table in the page of the metrics: `make generate`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from shared import telemetry

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
_TABLE = """## All metrics
| metric | type | labels | says |
| --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True, order=True)
class Metric:
    """A metric as operators see it."""

    name: str
    type: str
    labels: tuple[str, ...]
    says: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus keeps it."""
        if self.type == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)


def exported() -> list[Metric]:
    """Return all metrics that the services export, by name."""
    return sorted(_exported())


def _exported() -> Iterator[Metric]:
    for metric in vars(telemetry).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            [found] = metric.describe()
            suffix = "_total" if isinstance(metric, Counter) else ""
            labels = tuple(metric._labelnames)  # noqa: SLF001  # no other way
            yield Metric(f"{found.name}{suffix}", found.type, labels, found.documentation)


def page() -> str:
    """Return the page as it should be: what people wrote, and the table from the code."""
    written, _, _ = PAGE.read_text(encoding="utf-8").partition("## All metrics")
    return written + _TABLE + "".join(f"{_row(metric)}\n" for metric in exported())


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{name}`" for name in metric.labels)
    return f"| `{metric.name}` | {metric.type} | {labels} | {metric.says} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
