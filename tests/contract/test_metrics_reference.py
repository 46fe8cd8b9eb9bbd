"""docs/reference/metrics.md says what the services export."""

import re

from tests.contract import metrics


def test_the_page_is_made_from_the_code() -> None:
    assert metrics.PAGE.read_text(encoding="utf-8") == metrics.page(), "run `make generate`"


def test_the_clock_is_read_from_metrics_that_exist() -> None:
    clock, _, table = metrics.page().partition("## All metrics")

    named = set(re.findall(r"(rollcall_[a-z_]+?)(?:_bucket)?[{`]", clock))
    assert named == {
        "rollcall_change_to_published_seconds",
        "rollcall_change_to_applied_seconds",
        "rollcall_outbox_wait_seconds",
    }
    assert {name for name in named if f"| `{name}` |" not in table} == set()
