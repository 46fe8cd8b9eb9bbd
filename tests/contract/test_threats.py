"""docs/explanation/threats.md names tests that exist, and each of its rows names one."""

import ast
import re
from pathlib import Path

PAGE = Path("docs/explanation/threats.md").read_text(encoding="utf-8")


def known() -> set[str]:
    """Return the names of all tests."""
    return {
        node.name
        for path in Path("tests").rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_what_stands_against_a_threat_is_held_by_a_test_that_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))

    assert len(named) > 20
    assert named - known() == set()


def test_each_threat_is_held_by_some_test() -> None:
    tables = re.findall(r"^\| what \|.*\n\| --- .*\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)

    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) > 20
    assert [row for row in rows if "`test_" not in row.rsplit("|", 2)[1]] == []
