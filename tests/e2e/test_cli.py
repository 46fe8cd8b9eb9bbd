"""The command line against the running system: what it prints, and what it says when it cannot."""

import json
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cli.addresses import Addresses
from cli.api import Api
from cli.output import CommandError
from tests.support.system import Outcome, System
from tests.support.waiting import eventually
from tests.support.world import World


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


async def test_a_mapping_with_an_order_and_a_default_role_is_previewed_saved_and_switched(
    system: System, world: World
) -> None:
    acme = await world.directory(mapping={"Admins": "admin", "Staff": "editor"})
    await world.declare("viewer")
    ada = await acme.provision("ada", groups=["Admins", "Staff"])
    bob = await acme.provision("bob")
    await acme.become(ada, {"admin", "editor"})
    wanted = (acme.id, "Staff=editor", "Admins=admin", "--strategy", "first-match",
              "--default-role", "viewer")  # fmt: skip

    shown = await system.rollcall("mapping", "preview", *wanted)
    saved = await system.rollcall("mapping", "set", *wanted)
    stale = await system.rollcall("mapping", "set", acme.id, "Admins=admin", "--version", "1")
    unsaid = await system.rollcall("mapping", "off", acme.id)
    off = await system.rollcall("mapping", "off", acme.id, "--keep")
    held = await system.rollcall("roles", "held", acme.id, "--json")
    verified = await eventually_verified(system)
    on = await system.rollcall("mapping", "on", acme.id, "--revoke", "--json")

    assert "1 users would gain roles, 1 lose some" in shown.output
    assert bob.user_name in shown.output
    assert "Viewer is the default role of users whom no row matches." in saved.output
    assert saved.output.index("Staff") < saved.output.index("Admins")
    assert stale.code == 1
    assert "The stored one gives Staff the role Editor; yours does not." in stale.errors
    assert unsaid.code == 2
    assert "--keep (given by hand) or --revoke" in " ".join(unsaid.errors.split())
    assert "Switched off: it grants nothing. 2 roles are kept by hand." in off.output
    assert {(one["userId"], one["role"]["key"]) for one in held.json} == {
        (ada.id, "editor"), (bob.id, "viewer"),
    }  # fmt: skip
    assert (on.json["enabled"], on.json["kept"]) == (True, 0)
    assert "C6" in verified.output


async def eventually_verified(system: System) -> Outcome:
    """Return what `verify` says once all is settled: no fault, at any time."""

    async def settled() -> Outcome | None:
        outcome = await system.rollcall("verify")
        assert outcome.code in {0, 3}, outcome.output
        return outcome if outcome.code == 0 else None

    found = await eventually(settled, within_s=60)
    assert found
    return found


async def test_a_role_is_given_by_hand_explained_and_taken_back(
    system: System, world: World
) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})
    ada = await acme.provision("ada", groups=["Admins"])
    await acme.become(ada, {"admin"})

    given = await system.rollcall("roles", "assign", acme.id, ada.user_name, "admin")
    explained = await system.rollcall("explain", acme.id, ada.user_name)
    verified = await eventually_verified(system)
    taken = await system.rollcall("roles", "unassign", acme.id, ada.id, "admin", "--json")
    again = await system.rollcall("roles", "unassign", acme.id, ada.id, "admin")
    before = await system.rollcall("roles", "held", acme.id, "--at", "2020-01-01")
    nonsense = await system.rollcall("roles", "held", acme.id, "--at", "lately")

    assert f"{ada.user_name} is given Admin by hand." in given.output
    assert "Admin through Admins and by hand, since" in explained.output
    assert "by command line: " in explained.output
    assert taken.json == {"unassigned": "admin", "user": ada.id}
    assert (again.code, "not by hand" in again.errors) == (1, True)
    assert before.output.startswith("Held at 2020-01-01 23:59:59 UTC: none")
    assert (nonsense.code, "is no date" in nonsense.errors) == (2, True)
    assert "C6" in verified.output


async def test_what_a_provider_sent_is_listed_and_shown_by_its_id(system: System) -> None:
    name = f"dir-{uuid.uuid4()}"
    made = (await system.rollcall("directories", "create", name, "--json")).json
    await system.rollcall(
        "simulate", "onelogin", "--endpoint", made["endpoint"], "--token", made["token"] + "x",
        "--users", "1", "--groups", "1",
    )  # fmt: skip

    async def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            await system.rollcall("requests", "list", name, "--failed", "--json")
        ).json
        return found

    refused = (await eventually(listed))[0]
    shown = await system.rollcall("requests", "show", name, refused["id"])
    lines = await system.rollcall("requests", "list", name)

    assert (refused["status"], refused["tokenLastFour"]) == (401, (made["token"] + "x")[-4:])
    assert f"id              {refused['id']}" in shown.output
    assert refused["id"] in lines.output


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
        (("roles", "declare", "key", "--name", ""), 2, "name"),
        (("directories", "create", "x", "--provider", "nobody"), 2, "onelogin"),
        (("directories", "create", ""), 2, "name"),
        (("events", "tail", "--directory", "nowhere"), 2, "directories list"),
        (("schemas", "list", "nowhere"), 1, "directories list"),
        (("schemas", "declare", "nowhere", "no-file.json"), 2, "no such file"),
        (("schemas", "declare", "nowhere", "broken.json"), 1, "not JSON"),
        (("schemas", "declare", "nowhere", "half.json"), 1, "attributes: Field required"),
        (("schemas", "remove", "nowhere", "urn:a:b"), 1, "directories list"),
        (("nonsense",), 2, "No such command"),
    ],
)
async def test_what_cannot_be_done_is_said_with_a_remedy(
    system: System, arguments: tuple[str, ...], code: int, word: str
) -> None:
    (system.folder / "broken.json").write_text("{", encoding="ascii")
    (system.folder / "half.json").write_text('{"id": "urn:acme:b:User", "name": "B"}', "ascii")

    outcome = await system.rollcall(*arguments)

    assert outcome.code == code
    assert word.lower() in outcome.errors.lower()
    assert "Traceback" not in outcome.errors


@pytest.mark.parametrize("text", ["<h1>It works</h1>", "[]", '{"items": [{"colour": "red"}]}'])
async def test_an_address_where_something_else_answers_is_said_to_be_wrong(text: str) -> None:
    async def welcome(_request: web.Request) -> web.Response:
        return web.Response(text=text)

    app = web.Application()
    app.router.add_get("/v1/directories", welcome)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        known = Addresses({"ingest": str(server.make_url("/")), "api_key": "any"})

        with pytest.raises(CommandError, match="ROLLCALL_INGEST_URL"):
            await Api(session, known).directories()


async def test_addresses_stay_whole_in_a_narrow_terminal(system: System) -> None:
    made = (await system.rollcall("directories", "create", f"d-{uuid.uuid4()}", "--json")).json

    listed = await system.rollcall("directories", "list")

    assert made["endpoint"] in listed.output
    assert made["id"] in listed.output


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
