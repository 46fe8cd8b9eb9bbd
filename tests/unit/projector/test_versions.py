"""What may be done to a version of the read models, and what is refused with a remedy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.projector.domain import versions
from services.projector.domain.versions import ReadModel, RefusedError, State
from shared.contracts.ids import DirectoryId

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MODEL = ReadModel(
    version=2, state=State.CURRENT, is_live=False, reason=None, actor="cli:mia", switches=True,
    accepts_loss=False, indexes=(), events=0, total=0, compared=0, directories=0, started_at=NOW,
    filled_at=None, compared_at=None, kept_since=None,
)  # fmt: skip


@pytest.mark.parametrize("state", sorted(versions.MADE))
def test_a_second_rebuild_is_refused_while_one_is_made(state: State) -> None:
    with pytest.raises(RefusedError, match="--drop 2"):
        versions.refuse_start([replace(MODEL, state=state)], 0, accepts_loss=True)


def test_a_log_without_its_beginning_is_taken_only_by_who_accepts_the_loss() -> None:
    with pytest.raises(RefusedError, match=r"12,000 records.*--accept-loss"):
        versions.refuse_start([], 12_000, accepts_loss=False)

    versions.refuse_start([], 12_000, accepts_loss=True)
    versions.refuse_start([MODEL], 0, accepts_loss=False)


@pytest.mark.parametrize("state", [State.FILLING, State.INDEXING, State.FAILED, State.PREPARING])
def test_what_is_not_whole_is_never_shown(state: State) -> None:
    with pytest.raises(RefusedError, match="cannot be shown"):
        versions.refuse_switch(replace(MODEL, state=state), 0, 0, insists=True)


@pytest.mark.parametrize("state", [State.COMPARING, State.DIFFERING])
def test_what_was_not_found_equal_is_shown_to_who_insists(state: State) -> None:
    model = replace(MODEL, state=state, reason="directory d, table users")

    with pytest.raises(RefusedError, match="table users"):
        versions.refuse_switch(model, 0, 0, insists=False)
    versions.refuse_switch(model, 0, 0, insists=True)


def test_a_version_far_behind_is_shown_to_who_insists() -> None:
    versions.refuse_switch(MODEL, versions.CLOSE, 0, insists=False)
    with pytest.raises(RefusedError, match="1,001 records behind"):
        versions.refuse_switch(MODEL, versions.CLOSE + 1, 0, insists=False)
    versions.refuse_switch(MODEL, versions.CLOSE + 1, 0, insists=True)


def test_a_version_in_which_a_directory_stopped_alone_is_shown_to_who_insists() -> None:
    with pytest.raises(RefusedError, match="2 directories"):
        versions.refuse_switch(MODEL, 0, 2, insists=False)
    versions.refuse_switch(MODEL, 0, 2, insists=True)


def test_the_live_version_is_never_dropped() -> None:
    versions.refuse_drop(MODEL)
    with pytest.raises(RefusedError, match="switch to another"):
        versions.refuse_drop(replace(MODEL, is_live=True))


def test_the_version_before_is_kept_for_a_week() -> None:
    kept = replace(MODEL, kept_since=NOW)

    assert not versions.is_over(kept, NOW + timedelta(days=7))
    assert versions.is_over(kept, NOW + timedelta(days=7, seconds=1))
    assert not versions.is_over(replace(kept, is_live=True), NOW + timedelta(days=8))
    assert not versions.is_over(MODEL, NOW + timedelta(days=8))


def test_progress_counts_what_the_log_still_holds() -> None:
    bounds = {("a", 0): (0, 10), ("a", 1): (5, 25), ("b", 0): (3, 3)}

    assert versions.applied({("a", 0): 4, ("a", 1): 5}, bounds) == (4, 30)
    assert versions.applied({("a", 0): 10, ("a", 1): 25, ("b", 0): 3}, bounds) == (30, 30)
    assert versions.applied({}, bounds) == (0, 30)


def test_a_difference_names_directory_and_table() -> None:
    directory = DirectoryId("d1")

    assert versions.difference(directory, "users", (3, 5), (3, 5)) is None
    found = versions.difference(directory, "users", (3, 5), (3, 6))
    assert found
    assert found.startswith("directory d1, table users: ")
