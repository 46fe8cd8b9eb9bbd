"""Any accent colour of an application can be read, in light and dark."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.domain import appearance


def rgb(text: str) -> appearance.Rgb:
    red, green, blue = (int(text[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


@given(st.integers(min_value=0, max_value=0xFFFFFF))
def test_every_accent_can_be_read_on_the_page_on_its_tint_and_below_text(colour: int) -> None:
    found = appearance.theme(f"#{colour:06x}")

    grounds = (("#ffffff", "#fbfbfa", found.light), ("#1b1d20", "#131416", found.dark))
    for raised, ground, scheme in grounds:
        for other in (raised, ground, scheme.tint, scheme.on_accent):
            assert appearance.contrast(rgb(scheme.accent), rgb(other)) >= 4.5, (scheme, other)


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert appearance.theme("#2454c4").light.accent == "#2454c4"


def test_black_and_white_differ_by_21() -> None:
    assert appearance.contrast(appearance.WHITE, appearance.BLACK) == pytest.approx(21)


@pytest.mark.parametrize("text", ["", "blue", "#12345", "#12345g", "#2454c4;}body{display:none"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a colour looks like"):
        appearance.theme(text)


def test_the_stylesheet_says_both_schemes_at_once() -> None:
    text = appearance.stylesheet(appearance.theme("#d6336c"))

    assert text.startswith(":root {\n  --accent: light-dark(#")
    assert text.count("light-dark(") == 3
