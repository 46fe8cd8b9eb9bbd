"""No directory gets further than its limit, in any window; and each gets what is its own."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.rates import Limit

LIMITS = st.builds(Limit, st.floats(0.1, 1000), st.integers(1, 1000))
ARRIVALS = st.lists(st.tuples(st.floats(0, 10), st.integers(1, 300)), min_size=1, max_size=60)
_ROUNDING = 1e-6


def admitted(limit: Limit, arrivals: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return when what was admitted; arrivals are pauses before them, and costs."""
    now = full_at = 1000.0
    found = []
    for pause, cost in arrivals:
        now += pause
        if limit.waits_s(full_at, cost, now) <= 0:
            full_at = limit.full_after(full_at, cost, now)
            found.append((now, cost))
    return found


@given(LIMITS, ARRIVALS)
def test_no_window_holds_more_than_a_burst_and_what_flows_in_meanwhile(limit, arrivals) -> None:
    small = [(pause, 1 + cost % max(limit.burst // 2, 1)) for pause, cost in arrivals]

    found = admitted(limit, small)

    for first, (since, _) in enumerate(found):
        for last in range(first, len(found)):
            spent = sum(cost for _, cost in found[first : last + 1])
            flowed = limit.per_second * (found[last][0] - since)
            assert spent <= limit.burst + flowed + _ROUNDING * (1 + flowed)


@given(LIMITS, ARRIVALS)
def test_what_costs_more_than_that_delays_all_that_follow(limit, arrivals) -> None:
    found = admitted(limit, arrivals)

    for first, (since, _) in enumerate(found):
        for last in range(first, len(found)):
            *earlier, (_, latest) = found[first : last + 1]
            spent = sum(cost for _, cost in earlier) + min(latest, max(limit.burst // 2, 1))
            flowed = limit.per_second * (found[last][0] - since)
            assert spent <= limit.burst + flowed + _ROUNDING * (1 + flowed)


@given(LIMITS, ARRIVALS, st.integers(1, 300))
def test_who_waits_as_long_as_told_is_let_in(limit, arrivals, cost) -> None:
    now = full_at = 1000.0
    for pause, each in arrivals:
        now += pause
        if limit.waits_s(full_at, each, now) <= 0:
            full_at = limit.full_after(full_at, each, now)

    wait_s = max(limit.waits_s(full_at, cost, now), 0)

    assert limit.waits_s(full_at, cost, now + wait_s) <= _ROUNDING


@given(LIMITS, st.integers(1, 10_000))
def test_a_rested_directory_may_begin_anything_at_once(limit, cost) -> None:
    assert limit.waits_s(1000.0, cost, 1000.0 + 1) <= 0


def test_a_burst_goes_through_at_once_and_the_next_waits_for_its_share() -> None:
    found = admitted(Limit(50, 200), [(0, 1)] * 300)

    assert len(found) == 200

    full_at = 1000.0
    for _ in range(200):
        full_at = Limit(50, 200).full_after(full_at, 1, 1000.0)
    assert round(Limit(50, 200).waits_s(full_at, 1, 1000.0), 6) == 0.02


def test_a_large_bulk_is_paid_for_by_the_requests_after_it() -> None:
    limit = Limit(50, 200)

    full_at = limit.full_after(1000.0, 1000, 1000.0)

    assert round(limit.waits_s(full_at, 1, 1000.0)) == 16
