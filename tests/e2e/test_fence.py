"""A provider's mistake on the running system: it waits, is shown, corrected or approved."""

from collections import Counter
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.support.chromium import faults
from tests.support.portal import sign_in
from tests.support.waiting import eventually
from tests.support.world import Directory, Person, World

PEOPLE = 14


async def staffed(world: World) -> tuple[Directory, list[Person]]:
    """14 people are in Staff, which grants editor; all of them hold it."""
    directory = await world.directory(mapping={"Staff": "editor"})
    people = [await directory.provision(f"user{n}", groups=["Staff"]) for n in range(PEOPLE)]
    for person in people:
        await directory.become(person, {"editor"})
    return directory, people


async def fence(directory: Directory, *arguments: str) -> Any:
    run = await directory.world.system.rollcall("fence", *arguments, "--json")
    assert run.code == 0, run.errors
    return run.json


async def waits(directory: Directory) -> bool:
    return bool((await fence(directory, "show", directory.id))["waiting"] == PEOPLE)


async def verified(directory: Directory) -> str:
    run = await directory.world.system.rollcall("verify", "--directory", directory.id)
    assert run.code == 0, run.output
    return run.output


async def lost(directory: Directory) -> Counter[str]:
    return Counter(
        event["data"]["reason"]["kind"]
        for event in await directory.events("role.events.v1")
        if event["type"] == "rollcall.role.revoked.v1"
    )


@pytest.mark.faults
async def test_a_group_deleted_by_mistake_costs_nobody_a_role_and_restarts_do_not_matter(
    world: World,
) -> None:
    directory, people = await staffed(world)
    await directory.delete_group("Staff")
    await eventually(lambda: waits(directory), within_s=30)

    await world.system.kill("roles")

    assert await waits(directory)
    assert directory.id in {one["directoryId"] for one in await fence(directory, "list")}
    assert f"{PEOPLE} losses wait behind a fence" in await verified(directory)
    explained = await world.system.rollcall("explain", directory.id, people[0].user_name)
    assert "held by the fence since" in explained.output
    newcomer = await directory.provision("newcomer", groups=["Visitors"])
    await directory.save_mapping({"Visitors": "editor"})
    await directory.become(newcomer, {"editor"})
    for person in people:
        await directory.add(person, "Visitors")
    await eventually(lambda: is_clear(directory), within_s=30)
    assert not await lost(directory)
    await verified(directory)


async def is_clear(directory: Directory) -> bool:
    return bool((await fence(directory, "show", directory.id))["waiting"] == 0)


async def test_an_administrator_sees_who_would_lose_what_and_approves(
    browser: Browser, world: World
) -> None:
    directory, _ = await staffed(world)
    await directory.delete_group("Staff")
    await eventually(lambda: waits(directory), within_s=30)
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(administrator.base)
    assert await faults(page) == []

    await page.get_by_role("link", name="See who would lose what").click()
    await expect(page.get_by_role("heading", name="Would lose a role: 14 of 14")).to_be_visible()
    assert await faults(page) == []
    await expect(page.get_by_role("rowheader", name="user3@globex.test")).to_be_visible()
    await page.locator("input[name=waiting]").evaluate("it => { it.value = 13 }")
    await page.get_by_role("button", name="Take 14 roles away").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await faults(page) == []
    await page.get_by_role("button", name="Take 14 roles away").click()

    await expect(page.get_by_text("Approved.")).to_be_visible()
    assert await faults(page) == []
    await eventually(lambda: is_clear(directory), within_s=30)
    await eventually(lambda: _is_told(directory), within_s=30)
    await verified(directory)
    await administrator.opens("/fence")
    await expect(page.get_by_text("Nothing waits")).to_be_visible()
    assert await faults(page) == []


async def _is_told(directory: Directory) -> bool:
    return await lost(directory) == {"fence": PEOPLE}


async def test_the_command_line_approves_what_was_seen(world: World) -> None:
    directory, _ = await staffed(world)
    await directory.delete_group("Staff")
    await eventually(lambda: waits(directory), within_s=30)

    done = await fence(directory, "approve", directory.id, "--yes")
    again = await world.system.rollcall("fence", "approve", directory.id, "--yes")

    assert done["waiting"] == 0
    assert again.code == 1
    assert "Nothing waits" in again.errors
    await eventually(lambda: _is_told(directory), within_s=30)
