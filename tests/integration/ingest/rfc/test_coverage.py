"""Every requirement has a test, every test a requirement, and the page says so."""

from tests.integration.ingest.rfc import coverage
from tests.integration.ingest.rfc.rows import ROWS, SECTIONS


def test_every_row_has_a_test() -> None:
    assert sorted(ROWS.keys() - coverage.tests_by_row().keys()) == []


def test_every_named_row_exists() -> None:
    assert sorted(coverage.tests_by_row().keys() - ROWS.keys()) == []


def test_every_row_is_in_a_section() -> None:
    assert {name[0] for name in ROWS} == SECTIONS.keys()


def test_the_rows_of_a_test_are_read_from_its_name() -> None:
    assert coverage.named("test_q3_q4_counts_from_one") == ("Q3", "Q4")
    assert coverage.named("test_a10_is_required") == ("A10",)
    assert coverage.named("test_every_row_has_a_test") == ()


def test_the_page_is_up_to_date() -> None:
    written = coverage.PAGE.read_text(encoding="utf-8")

    assert written == coverage.page(), "run `make generate`"
