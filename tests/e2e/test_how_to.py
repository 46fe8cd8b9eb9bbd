"""The how-to pages do what they say, command by command."""

import json
import re
import shlex
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.support.system import System
from tests.support.world import World

PAGE = Path("docs/how-to/declare-an-extension-schema.md").read_text(encoding="utf-8")

DECIDING = Path("docs/how-to/decide-who-holds-which-role.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)


async def test_an_extension_schema_is_declared_used_and_removed(system: System) -> None:
    schema, template = blocks("json")
    declare, remove = blocks("sh")
    made = (await system.rollcall("directories", "create", "Badges", "--json")).json
    (system.folder / "badge.json").write_text(schema, encoding="utf-8")
    user = template.replace("{$parameters.scimusername}", "ada").replace(
        "{$parameters.badge}", "0042"
    )

    declared = [
        await system.rollcall(*shlex.split(line)[1:], "--json")
        for line in declare.replace("Globex OneLogin", made["id"]).splitlines()
    ]
    async with (
        ClientSession(headers={"Authorization": f"Bearer {made['token']}"}) as session,
        session.post(f"{made['endpoint']}/Users", json=json.loads(user)) as answer,
    ):
        body = await answer.json(content_type=None)
    removed = [
        await system.rollcall(*shlex.split(line)[1:], "--json")
        for line in remove.replace("Globex OneLogin", made["id"]).splitlines()
    ]

    urn = json.loads(schema)["id"]
    assert [each.code for each in (*declared, *removed)] == [0, 0, 0]
    assert declared[1].json == [declared[0].json]
    assert body[urn] == {"number": 42, "color": "red", "issued": "2026-03-01T08:30:00Z"}
    assert removed[0].json == {"removed": urn}


async def test_what_people_read_names_the_attributes(system: System) -> None:
    made = (await system.rollcall("directories", "create", "Initech", "--json")).json
    file = system.folder / "shift.json"
    file.write_text(blocks("json")[0].replace(":User", ""), encoding="utf-8")

    unclear = await system.rollcall("schemas", "declare", made["id"], str(file))
    told = await system.rollcall(
        "schemas", "declare", made["id"], str(file), "--resource-type", "Group"
    )
    listed = await system.rollcall("schemas", "list", made["id"])

    assert (unclear.code, told.code, listed.code) == (1, 0, 0)
    assert "resourceType" in unclear.errors
    assert "Groups have" in told.output
    assert "number, color, issued" in told.output
    assert "Badge" in listed.output


# Eleven commands, each a process of its own.
@pytest.mark.timeout(300)
async def test_who_holds_which_role_is_decided_as_the_page_says(
    system: System, world: World
) -> None:
    acme = await world.directory(mapping={"Admins": "admin", "Staff": "editor"})
    for role in ("viewer", "auditor"):
        await world.declare(role)
    mira = await acme.provision("mira.kovac", groups=["Admins", "Staff"])
    await acme.become(mira, {"admin", "editor"})
    commands = [
        line.replace("Globex OneLogin", acme.id)
        for block in re.findall(r"```sh\n(.*?)```", DECIDING, flags=re.DOTALL)
        for line in block.splitlines()
    ]

    outcomes = [await system.rollcall(*shlex.split(line)[1:]) for line in commands]

    assert len(commands) == 11
    assert [
        (line, one.code) for line, one in zip(commands, outcomes, strict=True) if one.code
    ] == []
    assert await acme.roles_of(mira) == {"admin"}
