"""What can be done with a directory, and what the portal says that it means."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from services.portal.domain import states, status
from services.portal.domain.states import ACTS
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.management import Directory

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
State = Literal["live", "paused", "deleted"]


def directory(state: State = "live") -> Directory:
    return Directory(
        id=DirectoryId("0b1d4b6c-6f0e-4b53-9a55-0a2f5a4f5a10"),
        organization_id=OrganizationId("5a0e8f53-2f39-4b50-b8a8-3a1d4d1a7c11"),
        name="Globex OneLogin",
        provider="onelogin",
        endpoint="https://ingest.test/scim/v2/1",
        created_at=NOW,
        last_request_at=NOW,
        state=state,
        state_since=NOW - timedelta(minutes=5),
        state_by="an administrator",
    )


@pytest.mark.parametrize(
    ("state", "offered"),
    [("live", ["pause"]), ("paused", ["resume", "delete"]), ("deleted", [])],
)
def test_what_is_offered_fits_the_state(state: State, offered: list[str]) -> None:
    assert [act.key for act in states.offered(directory(state))] == offered


@pytest.mark.parametrize("key", ACTS)
def test_each_act_says_what_it_means_in_whole_sentences(key: str) -> None:
    said = states.meaning(ACTS[key], directory())

    assert all(each.lstrip("*")[0].isupper() and each.endswith(".") for each in said), said
    assert not any("{" in each for each in said)
    assert any("OneLogin" in each for each in said)


@pytest.mark.parametrize(
    ("typed", "is_it"),
    [("Globex OneLogin", True), (" globex onelogin ", True), ("Globex", False), ("", False)],
)
def test_the_name_is_typed_in_any_case(typed: str, *, is_it: bool) -> None:
    assert states.is_typed(directory(), typed) is is_it


def test_what_takes_something_away_asks_for_the_name() -> None:
    assert {key for key, act in ACTS.items() if act.types} == {"pause", "delete"}


@pytest.mark.parametrize(("state", "title"), [("paused", "Paused"), ("deleted", "Deleted")])
def test_the_status_says_who_and_when(state: State, title: str) -> None:
    shown = status.of(directory(state), None, NOW)

    assert shown.title == title
    assert shown.words.startswith(f"{title} 5 minutes ago by an administrator.")


def test_what_is_at_stake_is_counted() -> None:
    assert states.at_stake(1204, 1) == "1,204 users and 1 group"
