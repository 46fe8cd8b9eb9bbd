"""Text that is not caseExact compares without case, letter by letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.scim.folding import LOWER, folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ADA", "ada"),
        ("ÉLODIE", "e\u0301lodie"),
        ("İstanbul", "istanbul"),
        ("\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c2"),
        ("STRA\u1e9eE", "straße"),
        ("\u212aelvin", "kelvin"),
        ("ИВАН", "иван"),
        ("𐐀", "𐐨"),
        ("J\u030c", "\u01f0"),
    ],
)
def test_these_are_the_same_name(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("\u0131", "i"), ("ss", "ß"), ("a", "á"), ("日", "月")])
def test_these_are_not(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text() | st.text("Jj\u01f0\u030c\u0307\u0130I\u0345\u1fb3\u0391"))
def test_folding_twice_is_folding_once(text: str) -> None:
    once = folded(text)

    assert folded(once) == once


def test_the_table_is_that_of_the_database_on_every_python() -> None:
    # `folded` in the migration holds these letters; another number means another Unicode version.
    assert len(LOWER) == 1404
