"""Under load bulk is refused first, then reads, writes last; what waits too long stops writes."""

import pytest

from services.ingest.domain import load
from services.ingest.domain.load import Limits, Load

LIMITS = Limits(in_flight=100, pool_wait_s=0.25, backlog_s=600)
CALM = Load(in_flight=0, pool_wait_s=0.0, backlog_s=0.0)


def refused(now: Load) -> dict[str, str]:
    reasons = {kind: load.refusal(kind, now, LIMITS) for kind in ("bulk", "read", "write")}
    return {kind: reason for kind, reason in reasons.items() if reason}


def test_nothing_is_refused_in_calm() -> None:
    assert refused(CALM) == {}


@pytest.mark.parametrize(
    ("in_flight", "kinds"),
    [(49, ""), (50, "bulk"), (74, "bulk"), (75, "bulk read"), (99, "bulk read"),
     (100, "bulk read write")],
)  # fmt: skip
def test_the_more_is_in_hand_the_more_is_refused(in_flight, kinds) -> None:
    found = refused(Load(in_flight, 0.0, 0.0))

    assert found == dict.fromkeys(kinds.split(), "in_flight")


@pytest.mark.parametrize(
    ("wait_s", "kinds"), [(0.12, ""), (0.13, "bulk"), (0.2, "bulk read"), (0.26, "bulk read write")]
)
def test_the_longer_connections_are_waited_for_the_more_is_refused(wait_s, kinds) -> None:
    assert refused(Load(0, wait_s, 0.0)) == dict.fromkeys(kinds.split(), "pool_wait")


def test_an_old_backlog_refuses_what_would_add_to_it() -> None:
    assert refused(Load(0, 0.0, 601)) == {"bulk": "backlog", "write": "backlog"}


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [("GET", "/scim/v2/d/Users", "read"), ("POST", "/scim/v2/d/Bulk", "bulk"),
     ("POST", "/scim/v2/d/Bulk/", "bulk"), ("POST", "/scim/v2/d/Users", "write"),
     ("POST", "/scim/v2/d/Users/.search", "read"), ("DELETE", "/scim/v2/d/Users/1", "write")],
)  # fmt: skip
def test_a_request_is_known_by_its_method_and_path(method, path, kind) -> None:
    assert load.kind_of(method, path) == kind
