"""Small decisions at the edge: cookies, where to go back to, marked text, time spans."""

from datetime import timedelta

import pytest
from aiohttp import web

from services.portal.http import appearance, render
from services.portal.http.session import Cookies


@pytest.mark.parametrize(
    ("base_url", "embedded", "expected"),
    [
        ("https://portal.example", False,
         "__Host-session=s3cret; Path=/; HttpOnly; SameSite=Lax; Secure"),
        ("https://portal.example", True,
         "__Host-session=s3cret; Path=/; HttpOnly; SameSite=None; Partitioned; Secure"),
        ("http://127.0.0.1:8083", False, "session=s3cret; Path=/; HttpOnly; SameSite=Lax"),
        ("http://127.0.0.1:8083", True, "session=s3cret; Path=/; HttpOnly; SameSite=Lax"),
    ],
)  # fmt: skip
def test_the_cookie_is_as_strict_as_the_address_allows(
    base_url: str, *, embedded: bool, expected: str
) -> None:
    response = web.Response()

    Cookies(base_url, embedded=embedded).set(response, "s3cret")

    assert response.headers["Set-Cookie"] == expected


@pytest.mark.parametrize(
    ("address", "back"),
    [
        ("/portal/1?q=a", "/portal/1?q=a"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("", "/"),
    ],
)
def test_one_goes_back_to_a_page_of_ours_alone(address: str, back: str) -> None:
    assert appearance.way_back(address) == back


def test_marked_text_is_escaped_before_it_is_marked() -> None:
    assert render.marked("*Rules → <b>* with `.*` & more") == (
        "<em>Rules → &lt;b&gt;</em> with <code>.*</code> &amp; more"
    )


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0184, "18 ms"), (1.25, "1.2 s"), (59.9, "59.9 s"), (180, "3 min")]
)
def test_a_span_of_time_is_said_with_the_unit_that_fits(seconds: float, said: str) -> None:
    assert render.span(timedelta(seconds=seconds)) == said
