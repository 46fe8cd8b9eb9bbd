"""Write the dashboard for Grafana from the table of metrics: `make generate`.

A metric has the panels that its type wants; rows follow a change on its way.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.contract import metrics
from tests.contract.metrics import Metric

FILE = Path(__file__).parents[2] / "deploy" / "monitoring" / "dashboard.json"
_ROWS = {
    "Requests": ("rollcall_http_", "rollcall_refused_", "rollcall_request_log_"),
    "How long a change takes": ("rollcall_change_",),
    "Publishing": ("rollcall_outbox_", "rollcall_relay_"),
    "Consumers": ("rollcall_consumer_",),
    "The fence": ("rollcall_fence_",),
}
# One line for each route, method and status would be hundreds.
_DRAWN_BY = {"rollcall_http_request_seconds": ("service", "status")}
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 2
Panel = dict[str, Any]


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    return {
        "uid": "rollcall",
        "title": "Rollcall",
        "tags": ["rollcall"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}
            ]
        },
        "panels": list(_placed()),
    }


def text() -> str:
    """Return the file as it should be."""
    return json.dumps(dashboard(), indent=1) + "\n"


def _placed() -> Iterator[Panel]:
    """Yield rows and panels with number and place, two panels side by side."""
    number, y = 0, 0
    for title, panels in _rows().items():
        number += 1
        place = {"h": 1, "w": _WIDTH * _COLUMNS, "x": 0, "y": y}
        yield {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}
        y += 1
        for index, panel in enumerate(panels):
            number += 1
            line, column = divmod(index, _COLUMNS)
            place = {"h": _HEIGHT, "w": _WIDTH, "x": column * _WIDTH, "y": y + line * _HEIGHT}
            yield {"id": number, "gridPos": place, **panel}
        y += -(-len(panels) // _COLUMNS) * _HEIGHT


def _rows() -> dict[str, list[Panel]]:
    rows: dict[str, list[Panel]] = {title: [] for title in _ROWS}
    for metric in metrics.exported():
        [title] = [row for row, names in _ROWS.items() if metric.name.startswith(names)]
        rows[title] += _panels(metric)
    return rows


def _panels(metric: Metric) -> Iterator[Panel]:
    by = _DRAWN_BY.get(metric.name, metric.labels)
    match metric.type:
        case "histogram":
            bucket, count, _ = metric.series
            times = {name: _quantile(share, bucket, by) for name, share in _SHARES.items()}
            yield _panel(metric, metric.name, "s", times, by)
            yield _panel(metric, f"{metric.name}: how many", "ops", {"": _rate(count, by)}, by)
        case "counter":
            yield _panel(metric, metric.name, "ops", {"": _rate(metric.name, by)}, by)
        case _:
            unit = "s" if metric.name.endswith("_seconds") else "short"
            yield _panel(metric, metric.name, unit, {"": f"max{_by(by)} ({metric.name})"}, by)


_SHARES = {"p50": "0.5", "p99": "0.99"}


def _quantile(share: str, bucket: str, by: tuple[str, ...]) -> str:
    return f"histogram_quantile({share}, {_rate(bucket, (*by, 'le'))})"


def _rate(name: str, by: tuple[str, ...]) -> str:
    return f"sum{_by(by)} (rate({name}[$__rate_interval]))"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""


def _panel(
    metric: Metric, title: str, unit: str, queries: dict[str, str], by: tuple[str, ...]
) -> Panel:
    labels = [f"{{{{{name}}}}}" for name in by]
    return {
        "type": "timeseries",
        "title": title,
        "description": metric.says,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": query,
                "legendFormat": " ".join([name, *labels]).strip() or metric.name,
            }
            for index, (name, query) in enumerate(queries.items())
        ],
    }


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
