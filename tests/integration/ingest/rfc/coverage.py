"""Which test proves which row: by the names of the tests, `test_q3_q4_…` proves Q3 and Q4."""

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.integration.ingest.rfc.rows import ROWS, SECTIONS

FOLDER = Path(__file__).parent
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "scim-conformance.md"
_ROWS = re.compile(r"test((?:_[a-z][0-9]{1,2})+)(?=_|$)")
_INTRODUCTION = """\
# SCIM conformance

For whoever connects a provider, or checks what "SCIM 2.0" means here: each requirement of RFC 7643
(schema), RFC 7644 (protocol) and RFC 9865 (cursors), in our words, and the tests that prove it
against the running service. M: must, S: should, O: an option that Rollcall offers, I: what
providers need beyond the RFCs. This page is generated (`make generate`); the tests are in
`tests/integration/ingest/rfc/`.
"""


def named(test: str) -> tuple[str, ...]:
    """Return the rows that the name of a test begins with."""
    found = _ROWS.match(test)
    return tuple(found[1].upper().strip("_").split("_")) if found else ()


def tests_by_row() -> dict[str, list[str]]:
    """Return the tests of each row as `file::name`, read from the files."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for row in named(node.name):
                    found[row].append(f"{file.name}::{node.name}")
    return found


def page() -> str:
    """Return the documentation page."""
    found = tests_by_row()
    parts = [_INTRODUCTION]
    for letter, title in SECTIONS.items():
        parts += [f"\n## {title}\n", "| row | level | requirement | RFC | tests |\n"]
        parts += ["| --- | --- | --- | --- | --- |\n"]
        for name, row in ROWS.items():
            if name.startswith(letter):
                tests = ", ".join(f"`{test.partition('::')[2]}`" for test in sorted(found[name]))
                parts.append(
                    f"| {name} | {row.level} | {row.requirement} | {row.reference} | {tests} |\n"
                )
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
