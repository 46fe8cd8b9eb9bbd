"""What an export writes is read back as it was, and never executed."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.domain import tables
from services.portal.domain.rows import UserRow
from shared.contracts.ids import UserId

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(st.lists(st.lists(TEXT, min_size=2, max_size=4), min_size=1))
def test_what_is_written_is_read_back_but_for_the_apostrophe(rows: list[list[str]]) -> None:
    written = tables.lines(rows)

    read = list(csv.reader(io.StringIO(written, newline="")))
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    cells = [cell for row in read for cell in row]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ('=HYPERLINK("https://evil.example")', '"\'=HYPERLINK(""https://evil.example"")"'),
        ("+41 44 668 18 00", "'+41 44 668 18 00"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("Kovac, Magdalena", '"Kovac, Magdalena"'),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_a_cell_that_looks_like_a_formula_is_text(cell: str, written: str) -> None:
    assert tables.lines([["x", cell]]) == f"x,{written}\r\n"


def test_a_user_is_a_row_below_the_titles() -> None:
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    row = UserRow(
        UserId("1"), "ada@x.test", "Ada", None, active=False, updated_at=at, groups=["A", "B"],
        roles=["Admin"],
    )  # fmt: skip

    assert dict(zip(tables.USERS, tables.user(row), strict=True)) == {
        "Name": "Ada",
        "User name": "ada@x.test",
        "E-mail": "",
        "State": "inactive",
        "Groups": "A; B",
        "Roles": "Admin",
        "Updated (UTC)": "2026-03-02 09:30:00",
    }
