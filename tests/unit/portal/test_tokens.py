"""Which tokens live, and how far a rotation is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.portal.domain import tokens
from shared.contracts.management import Token

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def token(key: str = "old", **changes: Any) -> Token:
    facts = {"id": key, "label": key, "last_four": key, "created_at": ago(days=100)}
    return Token(**{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "active"),
        ({"expires_at": NOW + timedelta(days=15)}, "active"),
        ({"expires_at": NOW + timedelta(days=14)}, "expiring"),
        ({"expires_at": NOW}, "expired"),
        ({"revoked_at": ago(days=1), "expires_at": NOW}, "revoked"),
    ],
)
def test_a_token_has_one_state(changes: dict[str, Any], state: str) -> None:
    found = token(**changes)

    assert tokens.state_of(found, NOW) == state
    assert tokens.is_live(found, NOW) == (state in {"active", "expiring"})


def test_what_ended_more_than_90_days_ago_is_left_out_and_the_newest_comes_first() -> None:
    new = token("new", created_at=ago(days=1))
    kept = token("kept", revoked_at=ago(days=89), created_at=ago(days=95))
    gone = [token("revoked", revoked_at=ago(days=91)), token("expired", expires_at=ago(days=91))]

    assert tokens.shown([*gone, kept, new], NOW) == [new, kept]


@pytest.mark.parametrize(
    ("old_used", "new_first", "stage"),
    [
        (ago(minutes=1), None, "waiting"),
        (ago(minutes=9), ago(minutes=5), "safe"),
        (None, ago(minutes=5), "safe"),
        (ago(minutes=1), ago(minutes=5), "overlapping"),
    ],
)
def test_a_rotation_is_safe_once_only_the_new_token_is_used(
    old_used: datetime | None, new_first: datetime | None, stage: str
) -> None:
    old = token(last_used_at=old_used)
    new = token("new", created_at=ago(hours=1), first_used_at=new_first, last_used_at=new_first)

    found = tokens.rotation([new, old], NOW)

    assert found
    assert (found.old.id, found.new.id, found.stage) == ("old", "new", stage)


def test_one_live_token_is_no_rotation() -> None:
    assert tokens.rotation([token(), token("new", revoked_at=ago(days=1))], NOW) is None
