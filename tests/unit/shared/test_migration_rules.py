"""Migrations go forward only, and leave a schema that the code before them can use as well.

Both run at once during a rolling upgrade: processes of the version before read and write until the
last of them is replaced, and none can be put back. What would break them needs a reason, in a line
`-- breaks old code: why it may` right above the clause, or below for files of the time before.
"""

import re
from collections.abc import Iterator

import pytest

from services.projector.usecases.versions import REGISTRY
from shared.db import Migration, migrations_of

PACKAGES = ("shared", "services.ingest", "services.roles", "services.projector", REGISTRY,
            "services.portal")  # fmt: skip
STEPS = {step.name: step for package in PACKAGES for step in migrations_of(package)}
_NAME = re.compile(r"/(\d{4})_[a-z_]+\.sql$")
_REASON = re.compile(r"\s*-- breaks old code: \S")
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_ADDED = (
    r"(?:^|[\s,(])add (?:column )?(?:if not exists )?(?!constraint|primary|unique|check|foreign)"
)
RULES = {
    "drops a table, a view or a function": r"\bdrop (table|view|materialized view|function|type)\b",
    "drops a column": r"\bdrop column\b",
    "drops a column without the word": r"\bdrop (?!constraint|default|not null|index|table|view"
    r"|materialized|function|type|trigger|column|identity|expression)\w",
    "renames": r"\brename\b",
    "moves to another schema": r"\bset schema\b",
    "demands a value that old code does not give": r"\bset not null\b",
    "takes away a default of old code": r"\bdrop default\b",
    "adds a column that old code cannot fill": _ADDED + r"\w+ (?![^,;]*\b(default|generated)\b)"
    r"[^,;]*\bnot null\b",
    "deletes rows": r"\b(truncate|delete from)\b",
}
# Never edited once on `main`, so their reasons stand here.
ALLOWED = {
    ("services.roles/0002_fold_names.sql", "demands a value that old code does not give"):
        "of the days before the first release: no process of a version before ever ran",
    ("services.projector/0002_counts_and_pages.sql", "takes away a default of old code"):
        "of the days before the first release: no process of a version before ever ran",
    ("services.projector.migrations.registry/0001_versions.sql", "moves to another schema"):
        "a view of the same name, through which old code writes, takes the place of each table; "
        "tests/integration/projector/test_versions.py proves it",
}  # fmt: skip


def breaches(step: Migration) -> Iterator[str]:
    """Yield the rules that a migration breaks without a reason."""
    lines = [_QUOTED.sub("''", line) for line in step.sql.splitlines()]
    code = "\n".join(line.partition("--")[0].lower() for line in lines)
    for rule, pattern in RULES.items():
        for found in re.finditer(pattern, code):
            above = code[: found.end()].count("\n") - 1
            has_reason = above >= 0 and _REASON.match(lines[above])
            if not has_reason and (step.name, rule) not in ALLOWED:
                yield rule


@pytest.mark.parametrize("name", STEPS)
def test_code_of_the_version_before_can_use_the_schema(name: str) -> None:
    assert list(breaches(STEPS[name])) == [], (
        f"{name} breaks processes of the version before, which run beside it: make the change in "
        "two releases (add, fill and use; remove later), or write `-- breaks old code: why it may` "
        "in the line above"
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_numbers_go_forward_and_there_is_no_way_back(package: str) -> None:
    names = [step.name for step in migrations_of(package)]
    numbers = [found[1] for name in names if (found := _NAME.search(name))]

    assert len(numbers) == len(names), "a migration is called NNNN_what_it_is_about.sql"
    assert len(set(numbers)) == len(numbers)
    assert not any(word in name for name in names for word in ("down", "rollback", "revert"))


@pytest.mark.parametrize("name", STEPS)
def test_its_first_line_says_why(name: str) -> None:
    assert re.match(r"-- \S.{20,}", STEPS[name].sql)


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("drop table users;", "drops a table, a view or a function"),
        ("alter table users drop column name;", "drops a column"),
        ("alter table users drop name;", "drops a column without the word"),
        ("alter table users rename to people;", "renames"),
        ("alter table users\n  rename column name to title;", "renames"),
        ("alter table users set schema elsewhere;", "moves to another schema"),
        (
            "alter table users alter column name set not null;",
            "demands a value that old code does not give",
        ),
        (
            "alter table users alter column name drop default;",
            "takes away a default of old code",
        ),
        (
            "alter table users add column name text not null, add column title text;",
            "adds a column that old code cannot fill",
        ),
        ("alter table users add name text not null;", "adds a column that old code cannot fill"),
        ("delete from users;", "deletes rows"),
        ("truncate users;", "deletes rows"),
    ],
)
def test_what_breaks_old_code_is_found_unless_a_reason_stands_above(sql: str, broken: str) -> None:
    assert list(breaches(Migration("x/0001_x.sql", sql))) == [broken]
    head, _, last = sql.rpartition("\n")
    reasoned = "\n".join(filter(None, [head, "-- breaks old code: nobody reads it", last]))
    assert list(breaches(Migration("x/0001_x.sql", reasoned))) == []


@pytest.mark.parametrize(
    "sql",
    [
        "alter table users add column name text;",
        "alter table users add column name text not null default '';",
        "alter table users add column name text generated always as (lower(a)) stored not null;",
        "alter table users drop constraint users_key, add constraint users_key check (a);",
        "alter table users alter column name drop not null;",
        "create table users (id uuid not null, name text not null);",
        "drop index users_name_idx;",
        "-- Old code may rename and drop table users.\nselect 'drop table users';",
    ],
)
def test_what_old_code_does_not_notice_is_allowed(sql: str) -> None:
    assert list(breaches(Migration("x/0001_x.sql", sql))) == []


def test_no_reason_is_kept_for_what_is_not_there() -> None:
    for name, rule in ALLOWED:
        assert re.search(RULES[rule], STEPS[name].sql.lower()), (name, rule)
