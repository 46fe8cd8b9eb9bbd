"""The command line against the running system: what it prints, and what it says when it cannot."""

import json
import uuid
from pathlib import Path

import pytest

from tests.support.system import System

COMMANDS = (
    "ingest", "roles", "projector", "portal", "migrate", "topics ensure", "local up",
    "directories create", "directories list", "roles declare", "roles list", "mapping set",
    "mapping show", "explain", "portal-link", "simulate onelogin", "events tail",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
async def test_each_command_has_help_with_an_example_and_a_json_form(
    system: System, command: str
) -> None:
    outcome = await system.rollcall(*command.split(), "--help")

    assert outcome.code == 0
    assert "Example: rollcall" in outcome.output
    assert "--json" in outcome.output


async def test_from_a_new_directory_to_an_explained_role(system: System) -> None:
    name, role = f"dir-{uuid.uuid4()}", f"role-{uuid.uuid4()}"
    made = (await system.rollcall("directories", "create", name, "--json")).json
    await system.rollcall("roles", "declare", role, "--name", "Reviewer")
    played = await system.rollcall(
        "simulate", "onelogin", "--endpoint", made["endpoint"], "--token", made["token"],
        "--users", "6", "--groups", "2", "--seed", "5", "--json",
    )  # fmt: skip
    mapped = await system.rollcall("mapping", "set", name, f"admins={role}", "--json")
    again = await system.rollcall(
        "simulate", "onelogin", "--endpoint", made["endpoint"], "--token", made["token"],
        "--users", "6", "--groups", "2", "--seed", "5", "--json",
    )  # fmt: skip

    assert set(made) == {"id", "organization", "endpoint", "token"}
    assert played.code == 0
    assert played.json["requests"]["create user"] == 6
    assert again.json["requests"]["update user"] == 6
    assert [row["role"] for row in mapped.json["rows"]] == [role]
    shown = await system.rollcall("mapping", "show", made["id"])
    assert "Reviewer" in shown.output


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("mapping", "show", "nowhere"), 1, "directories list"),
        (("mapping", "set", "nowhere", "no-equals-sign"), 1, "directories"),
        (("explain", "nowhere", "ada"), 1, "directories"),
        (("portal-link",), 2, "--operator"),
        (("portal-link", "Nobody & Co"), 1, "organization"),
        (("simulate", "onelogin", "--endpoint", "nowhere", "--token", "t"), 2, "address"),
        (("simulate", "onelogin", "--endpoint", "http://127.0.0.1:9", "--token", "t"), 1, "answer"),
        (("roles", "declare", "Not A Key", "--name", "x"), 1, "key"),
        (("directories", "create", "x", "--provider", "nobody"), 2, "onelogin"),
        (("nonsense",), 2, "No such command"),
    ],
)
async def test_what_cannot_be_done_is_said_with_a_remedy(
    system: System, arguments: tuple[str, ...], code: int, word: str
) -> None:
    outcome = await system.rollcall(*arguments)

    assert outcome.code == code
    assert word.lower() in outcome.errors.lower()
    assert "Traceback" not in outcome.errors


async def test_topics_are_as_declared(system: System) -> None:
    outcome = await system.rollcall("topics", "ensure", "--json")

    assert outcome.code == 0
    assert {report["outcome"] for report in outcome.json} == {"as declared"}


async def test_the_schemas_are_up_to_date(system: System) -> None:
    outcome = await system.rollcall("migrate", "--json")

    assert outcome.json == {"ingest": [], "roles": [], "projector": [], "portal": []}


async def test_a_refused_token_ends_the_simulator_with_the_servers_words(system: System) -> None:
    made = (await system.rollcall("directories", "create", "Refused", "--json")).json

    outcome = await system.rollcall(
        "simulate", "onelogin", "--endpoint", made["endpoint"], "--token", "wrong", "--json"
    )

    assert outcome.code == 1
    assert outcome.json["refused"][0]["status"] == 401


async def test_without_a_running_system_a_command_says_how_to_start_one(
    system: System, tmp_path: Path
) -> None:
    outcome = await System(tmp_path).rollcall("directories", "list")

    assert outcome.code == 1
    assert "make run" in outcome.errors


async def test_the_operators_link_is_printed_alone_for_scripts(system: System) -> None:
    outcome = await system.rollcall("portal-link", "--operator", "--json")

    assert json.loads(outcome.output)["url"].startswith(system.run["portal"])
