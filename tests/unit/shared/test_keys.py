"""Keys with scopes: what a file says, and that it counts as soon as it is changed."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.__main__ import rollcall
from shared.keys import OPERATOR, BadKeysError, Keys, digest

MASTER = "the-operators-own-key"


def entry(name: str, key: str, *scopes: str) -> str:
    return f'[{name}]\nsha256 = "{digest(key)}"\nscopes = {list(scopes)}\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text(entry("billing", "first", "roles:read"), encoding="utf-8")
    return path


def test_the_operators_key_opens_everything_with_a_file_or_without(file: Path) -> None:
    assert Keys.of(MASTER, "").caller(MASTER) is OPERATOR
    assert Keys.of(MASTER, str(file)).caller(MASTER) is OPERATOR


@pytest.mark.parametrize("key", ["", "second", MASTER + " ", digest("first"), "\udcff"])
def test_another_key_opens_nothing(file: Path, key: str) -> None:
    assert Keys.of(MASTER, str(file)).caller(key) is None


def test_a_key_opens_what_its_entry_says(file: Path) -> None:
    caller = Keys.of(MASTER, str(file)).caller("first")

    assert caller is not None
    assert (caller.name, caller.scopes) == ("billing", {"roles:read"})


def test_a_change_counts_from_the_next_call_on(file: Path) -> None:
    keys = Keys.of(MASTER, str(file))

    file.write_text(entry("crm", "second", "roles:write"), encoding="utf-8")

    assert keys.caller("first") is None
    assert (found := keys.caller("second")) is not None
    assert found.name == "crm"


def test_a_file_put_in_place_of_the_other_counts_too(file: Path, tmp_path: Path) -> None:
    keys, other = Keys.of(MASTER, str(file)), tmp_path / "other"
    other.write_text(entry("billing", "other", "roles:read"), encoding="utf-8")
    times = file.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))

    other.rename(file)

    assert keys.caller("first") is None
    assert keys.caller("other") is not None


@pytest.mark.parametrize("text", ["[billing", "billing = 1"])
def test_a_file_that_is_broken_by_now_changes_nothing(file: Path, text: str) -> None:
    keys = Keys.of(MASTER, str(file))

    file.write_text(text, encoding="utf-8")

    assert keys.caller("first") is not None
    assert keys.caller("second") is None


@pytest.mark.parametrize(
    "text",
    [
        "[billing",
        '[billing]\nsha256 = "short"\nscopes = ["roles:read"]',
        entry("billing", "first", "roles:all"),
        entry("Billing", "first", "roles:read"),
        entry("billing", "first", "roles:read") + 'key = "first"\n',
    ],
    ids=["no TOML", "no digest", "no scope", "no name", "the key itself"],
)
def test_nobody_starts_with_a_file_that_is_wrong(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(BadKeysError) as refused:
        Keys.of(MASTER, str(path))

    assert str(path) in str(refused.value)
    assert "first" not in str(refused.value)


def test_what_the_command_prints_is_a_key_and_its_entry(tmp_path: Path) -> None:
    made = CliRunner().invoke(
        rollcall, ["keys", "new", "billing", "--scope", "roles:read", "--scope", "links:write"]
    )
    _, key, _, lines = made.output.split("\n\n")
    path = tmp_path / "keys.toml"
    path.write_text(lines, encoding="utf-8")

    caller = Keys.of(MASTER, str(path)).caller(key.strip())

    assert caller is not None
    assert caller.scopes == {"roles:read", "links:write"}
