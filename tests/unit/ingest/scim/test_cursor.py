"""Cursors: good for one search, for a time, and for nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.scim import cursor
from services.ingest.scim.cursor import Position, Search
from services.ingest.scim.errors import ExpiredCursor, InvalidCount, InvalidCursor

KEY = cursor.key_of("a pepper of the tests")
SEARCH = Search(("d1", ["User"], 'title eq "é"', None, False), 10)
NOW = 1_800_000_000.5
TEXT = cursor.encode(KEY, SEARCH, Position(7, "ada", "u1"), NOW)


@given(st.none() | st.text(st.characters(exclude_categories=["Cs"])), st.text("0123456789abcdef-"))
def test_a_cursor_leads_back_to_its_place_in_unreserved_characters(key, last: str) -> None:
    position = Position(12, key, last)

    text = cursor.encode(KEY, SEARCH, position, NOW)

    assert cursor.decode(KEY, SEARCH, text, NOW) == position
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("ABCabc019-_=+/é "))
def test_no_character_can_be_changed(place: int, letter: str) -> None:
    forged = TEXT[:place] + letter + TEXT[place + 1 :]
    if forged == TEXT:
        return

    with pytest.raises(InvalidCursor):
        cursor.decode(KEY, SEARCH, forged, NOW)


@pytest.mark.parametrize("text", ["", "A", TEXT[:-1], TEXT + "A", TEXT * 2, "A" * 10_000, "é"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        cursor.decode(KEY, SEARCH, text, NOW)


@pytest.mark.parametrize(
    "scope",
    [
        ("d2", ["User"], 'title eq "é"', None, False),
        ("d1", ["User", "Group"], 'title eq "é"', None, False),
        ("d1", ["User"], None, None, False),
        ("d1", ["User"], 'title eq "é"', "title", False),
        ("d1", ["User"], 'title eq "é"', None, True),
    ],
)
def test_a_cursor_fits_no_other_search(scope) -> None:
    with pytest.raises(InvalidCursor):
        cursor.decode(KEY, Search(scope, 10), TEXT, NOW)


def test_a_cursor_of_another_secret_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        cursor.decode(cursor.key_of("another pepper"), SEARCH, TEXT, NOW)


def test_k5_a_cursor_expires_after_the_announced_time() -> None:
    assert cursor.decode(KEY, SEARCH, TEXT, NOW + cursor.TIMEOUT_S - 1)

    with pytest.raises(ExpiredCursor, match=str(cursor.TIMEOUT_S)):
        cursor.decode(KEY, SEARCH, TEXT, NOW + cursor.TIMEOUT_S + 1)


def test_the_count_stays_the_same() -> None:
    with pytest.raises(InvalidCount):
        cursor.decode(KEY, Search(SEARCH.scope, 11), TEXT, NOW)
