"""deploy/monitoring watches what the services export, and each alert says what to do."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract import dashboard, metrics, operator_rules

FOLDER = Path("deploy/monitoring").resolve()
TRIED = Path("tests/contract/monitoring/alerts.yaml").resolve()
RUNBOOK = "docs/how-to/answer-alerts.md"
GIVEN_BY_PROMETHEUS = {"job", "instance", "le"}


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> list[str]:
    """Return every expression of rules and dashboard."""
    panels = dashboard.dashboard()["panels"]
    targets = [target for panel in panels for target in panel.get("targets", [])]
    return [alert["expr"] for alert in alerts()] + [target["expr"] for target in targets]


def test_the_dashboard_is_made_from_the_metrics() -> None:
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.text(), "run `make generate`"


def test_the_prometheus_operator_is_given_the_same_alerts() -> None:
    text = operator_rules.text()

    assert operator_rules.FILE.read_text(encoding="utf-8") == text, "run `make generate`"
    assert yaml.safe_load(text)["spec"]["groups"][0]["rules"] == alerts()


def test_the_dashboard_draws_every_metric() -> None:
    drawn = " ".join(queries()[len(alerts()) :])

    assert {one.name for one in metrics.exported() if one.series[0] not in drawn} == set()


def test_what_is_asked_for_is_exported() -> None:
    series = {name for metric in metrics.exported() for name in metric.series}

    asked = {name for query in queries() for name in re.findall(r"rollcall_[a-z_]+", query)}
    assert asked - series == set()


def test_what_is_told_apart_is_a_label_of_that_metric() -> None:
    labels = {name: one.labels for one in metrics.exported() for name in one.series}

    for query in queries():
        for name, matchers in re.findall(r"(rollcall_[a-z_]+)\{(.*?)\}", query, re.DOTALL):
            asked = set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\s*\"", matchers))
            assert asked - {*labels[name], *GIVEN_BY_PROMETHEUS} == set(), query


def test_what_is_summed_by_is_a_label() -> None:
    for query in queries():
        named = set(re.findall(r"rollcall_[a-z_]+", query))
        known = {
            label for one in metrics.exported() if named & {*one.series} for label in one.labels
        }
        asked = {word for by in re.findall(r"by \((.*?)\)", query) for word in by.split(", ")}
        assert asked - known - GIVEN_BY_PROMETHEUS == set(), query


def test_each_alert_says_what_to_do_and_how_bad_it_is() -> None:
    sections = re.findall(r"^## (Rollcall\w+)$", Path(RUNBOOK).read_text("utf-8"), re.MULTILINE)

    assert [alert["alert"] for alert in alerts()] == sections
    for alert in alerts():
        assert alert["annotations"]["runbook_url"] == f"{RUNBOOK}#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in {"warning", "critical"}


def test_each_alert_is_tried() -> None:
    tests = yaml.safe_load(TRIED.read_text(encoding="utf-8"))["tests"]

    checked = [one for test in tests for one in test["alert_rule_test"]]
    fired = {one["alertname"] for one in checked if one["exp_alerts"]}
    quiet = {one["alertname"] for one in checked if not one["exp_alerts"]}
    assert fired == quiet == {alert["alert"] for alert in alerts()}


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", str(FOLDER / "prometheus.yaml")),
        ("test", "rules", str(TRIED)),
    ],
)
def test_prometheus_itself_agrees(arguments: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool not found; .ci/run installs it")

    said = subprocess.run(
        [promtool, *arguments], check=False, capture_output=True, text=True, env=dict(os.environ)
    )

    assert said.returncode == 0, said.stdout + said.stderr
