"""From a call as it was noted to what is kept of it."""

from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.domain import request_log
from services.ingest.domain.request_log import Call, Decoded, Selection
from shared.contracts.ids import DirectoryId

NOW = datetime(2025, 11, 25, 12, 0, tzinfo=UTC)
CALL = Call(
    directory=DirectoryId("6e54ac52-1f9b-4d2c-8d0c-8c4a37e3aab1"),
    id="0198c0de-0000-7000-8000-000000000000",
    at=NOW,
    method="POST",
    target="/Users?",
    user_agent="agent\x00\udc80",
    content_type="application/json",
    names_entra_version=False,
    status=409,
    duration_ms=1.5,
    key_id="a1",
    token_last_four=None,
    body=None,
    body_bytes=40,
    answer=None,
)


def test_a_call_is_kept_with_what_was_wrong_and_without_the_person() -> None:
    sent = Decoded({"userName": "ada@globex.test", "password": "hunter22"})
    answer = {"scimType": "uniqueness", "detail": "ada@globex.test is taken by ada@globex.test."}

    kept = request_log.entry(CALL, sent, answer)

    assert (kept.path, kept.query, kept.status) == ("/Users", "", 409)
    assert (kept.scim_type, kept.detail) == ("uniqueness", "a…t (15) is taken by a…t (15).")
    assert kept.body == {"userName": "a…t (15)", "password": "(hidden)"}
    assert kept.provider == "onelogin"
    assert kept.user_agent == "agent�?"


@pytest.mark.parametrize(
    ("authorization", "ending"),
    [
        ("Bearer scim_0a1b2c3d4e_qwertyuiopasdfghjklza91f", "a91f"),
        ("scim_0a1b2c3d4e_qwertyuiopasdfghjklza91f", "a91f"),
        ("Bearer short", None),
        ("Basic c29tZWJvZHk6c29tZXRoaW5n", None),
        ("", None),
    ],
)
def test_of_a_refused_token_its_ending_is_kept_at_most(
    authorization: str, ending: str | None
) -> None:
    assert request_log.last_four(authorization) == ending


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        (None, (0, 599)),
        ("ok", (0, 399)),
        ("failed", (400, 599)),
        ("4xx", (400, 499)),
        ("409", (409, 409)),
    ],
)
def test_a_status_is_a_range(words: str | None, statuses: tuple[int, int]) -> None:
    assert request_log.statuses(words) == statuses


def test_a_page_ends_where_the_last_one_began_or_the_range_ends() -> None:
    early, late = (
        Selection(until=NOW).before_id,
        Selection(until=NOW + timedelta(hours=1)).before_id,
    )

    assert early < late < Selection().before_id
    assert Selection(until=NOW + timedelta(hours=1), after=early).before_id == early
    assert Selection(until=NOW, after=late).before_id == early
    assert Selection().first_id < Selection(since=NOW).first_id == early
