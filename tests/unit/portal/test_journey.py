"""The way of a change, station by station."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.portal.domain import charts, journey
from services.portal.domain.journey import Change, TracedEvent
from services.portal.domain.rows import EventRow
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(milliseconds: int) -> datetime:
    return T0 + timedelta(milliseconds=milliseconds)


def event(topic: str, time: int, published: int | None, seen: int, **cause: Any) -> TracedEvent:
    row = EventRow(f"{topic}:{time}", "rollcall.user.updated.v1", at(time), {})
    moment = None if published is None else at(published)
    return TracedEvent(row, topic, {"kind": "scim", "id": "r1", **cause}, moment, at(seen))


JOINED = event(DIRECTORY_EVENTS.name, 10, 30, 80)
ASSIGNED = event(ROLE_EVENTS.name, 10, 50, 90)


def test_a_change_is_followed_from_the_request_to_the_page() -> None:
    found = journey.of(Change([JOINED, ASSIGNED], received_at=at(0), request_id="r1"))

    told = [(hop.key, hop.total / timedelta(milliseconds=1)) for hop in found.hops]
    assert told == [
        ("received", 0), ("stored", 10), ("published", 30), ("applied", 50), ("visible", 90),
    ]  # fmt: skip
    assert found.total == timedelta(milliseconds=90)


def test_a_role_by_a_mapping_starts_where_it_was_saved() -> None:
    saved = event(ROLE_EVENTS.name, 0, 20, 60, kind="mapping")

    found = journey.of(Change([saved]))

    assert [hop.title for hop in found.hops] == [
        "Mapping saved", "Roles applied and told", "Visible here",
    ]  # fmt: skip


def test_what_is_not_known_is_left_out() -> None:
    found = journey.of(Change([event(DIRECTORY_EVENTS.name, 10, None, 80)]))

    assert [hop.key for hop in found.hops] == ["stored", "visible"]
    assert journey.of(Change(())).hops == []


def test_the_last_change_is_what_the_newest_act_led_to() -> None:
    before = event(DIRECTORY_EVENTS.name, 0, 1, 2, id="r0")

    found = journey.last_change([ASSIGNED, JOINED, before])

    assert found.events == [JOINED, ASSIGNED]
    assert found.request_id == "r1"
    assert (
        journey.last_change([event(ROLE_EVENTS.name, 0, 1, 2, kind="mapping")]).request_id is None
    )
    assert journey.last_change([]).events == ()


@given(st.lists(st.integers(min_value=0, max_value=10_000), min_size=4, max_size=4))
def test_clocks_that_differ_never_make_time_run_backwards(times: list[int]) -> None:
    stored, published, told, seen = times
    joined = event(DIRECTORY_EVENTS.name, stored, published, seen)
    change = Change([joined, event(ROLE_EVENTS.name, 0, told, 0)], received_at=at(5000))

    found = journey.of(change)

    assert all(hop.after >= timedelta() for hop in found.hops)
    assert found.total == sum((hop.after for hop in found.hops), timedelta())


@given(st.lists(st.integers(min_value=0, max_value=10**6), min_size=24, max_size=24))
def test_every_hour_with_changes_can_be_seen_and_none_reaches_over_the_top(
    counts: list[int],
) -> None:
    newest = T0.replace(minute=0)
    known = [(newest - timedelta(hours=back), count) for back, count in enumerate(counts)]

    found = charts.bars(charts.hours([one for one in known if one[1]], T0))

    assert [bar.hour.changes for bar in found] == counts[::-1]
    assert all((bar.height > 0) == (bar.hour.changes > 0) for bar in found)
    assert all(bar.y >= 0 and bar.y + bar.height <= charts.HEIGHT + 0.1 for bar in found)
    assert all(a.x + a.width <= b.x for a, b in itertools.pairwise(found))


def test_the_parts_of_a_way_fill_its_line_and_the_shortest_can_be_seen() -> None:
    found = charts.spans(journey.of(Change([JOINED, ASSIGNED], received_at=at(-9000))))

    assert [one.key for one in found] == ["stored", "published", "applied", "visible"]
    assert min(one.width for one in found) > 0.5
    assert found[-1].x + found[-1].width <= 100
