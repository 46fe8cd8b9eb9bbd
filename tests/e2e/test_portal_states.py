"""A directory is paused, resumed and deleted, in a real browser and by the command line."""

import asyncpg
from playwright.async_api import Browser, Page, expect

from tests.support.chromium import violations
from tests.support.portal import Administrator, sign_in
from tests.support.waiting import eventually
from tests.support.world import Directory, Person, World


async def staffed(world: World, people: int = 3) -> tuple[Directory, list[Person]]:
    directory = await world.directory(mapping={"Staff": "editor"})
    found = [await directory.provision(f"user{n}", groups=["Staff"]) for n in range(people)]
    for person in found:
        await directory.become(person, {"editor"})
    return directory, found


async def pause(page: Page, administrator: Administrator, directory: Directory) -> None:
    await administrator.opens(f"/provisioning/{directory.id}")
    await page.get_by_role("link", name="Pause Globex").click()
    await page.get_by_label("Type Globex to pause it").fill("globex")
    await page.get_by_role("button", name="Pause syncing").click()
    await expect(page.get_by_text("Paused a moment ago by an administrator.")).to_be_visible()


async def status_of(directory: Directory) -> int:
    headers = {"Authorization": f"Bearer {directory.token}"}
    async with directory.world.http.get(f"{directory.endpoint}/Users", headers=headers) as answer:
        return answer.status


async def test_a_paused_directory_keeps_its_roles_until_it_is_resumed(
    browser: Browser, world: World
) -> None:
    directory, people = await staffed(world)
    administrator = await sign_in(browser, world, directory.organization, script=False)
    page = administrator.page

    await administrator.opens(f"/provisioning/{directory.id}/pause")
    await page.get_by_label("Type Globex to pause it").fill("Initech")
    await page.get_by_role("button", name="Pause syncing").click()
    await expect(page.get_by_role("alert")).to_have_text("! Type the name as it is: Globex")
    assert await status_of(directory) == 200
    await pause(page, administrator, directory)

    await eventually(lambda: _is(directory, 503), within_s=10)
    assert await directory.roles_of(people[0]) == {"editor"}
    await administrator.opens("")
    await expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    await page.get_by_role("link", name="Resume").click()
    await page.get_by_role("button", name="Resume syncing").click()
    await eventually(lambda: _is(directory, 200), within_s=10)
    await directory.remove(people[0], group="Staff")
    await directory.become(people[0], set())


async def _is(directory: Directory, status: int) -> bool:
    return await status_of(directory) == status


async def test_a_deleted_directory_takes_its_roles_with_it(browser: Browser, world: World) -> None:
    directory, people = await staffed(world, people=14)
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await pause(page, administrator, directory)
    await directory.rest()
    await administrator.opens(f"/provisioning/{directory.id}")
    await page.get_by_role("link", name="Delete Globex").click()
    await expect(page.get_by_text("14 users and 1 group are deleted here.")).to_be_visible()
    assert await violations(page) == []

    await page.get_by_label("Type Globex to delete it").fill("Globex")
    await page.get_by_role("button", name="Delete for good").click()

    await expect(page.get_by_text("by an administrator. Its users")).to_be_visible()
    assert await violations(page) == []
    # More than any fence lets pass of a provider's mistakes, and nothing waits.
    for person in people:
        await directory.become(person, set())
    await eventually(lambda: _all_revoked(directory, people), within_s=30)
    run = await world.system.rollcall("verify", "--directory", directory.id)
    assert run.code == 0, run.output
    await administrator.opens("/events")
    await expect(page.get_by_text("Deleted by an administrator")).to_be_visible()
    for screen in ("/users", "/groups", "/roles"):
        await administrator.opens(screen)
        await expect(page.get_by_text("Globex was deleted a moment ago")).to_be_visible()
    await administrator.opens("")
    await expect(page.get_by_role("heading", name="Connect your directory")).to_be_visible()


async def _all_revoked(directory: Directory, people: list[Person]) -> bool:
    found = [
        event["data"]["reason"]["kind"]
        for event in await directory.events("role.events.v1")
        if event["type"] == "rollcall.role.revoked.v1"
    ]
    return found == ["deleted"] * len(people)


async def test_what_waits_behind_the_fence_goes_with_the_directory(
    browser: Browser, world: World
) -> None:
    directory, people = await staffed(world, people=14)
    await directory.delete_group("Staff")
    await eventually(lambda: _waiting(directory, len(people)), within_s=30)
    administrator = await sign_in(browser, world, directory.organization)
    await pause(administrator.page, administrator, directory)
    await directory.rest()
    await administrator.opens(f"/provisioning/{directory.id}/delete")
    await administrator.page.get_by_label("Type Globex to delete it").fill("Globex")

    await administrator.page.get_by_role("button", name="Delete for good").click()

    for person in people:
        await directory.become(person, set())
    await eventually(lambda: _waiting(directory, 0), within_s=30)


async def _waiting(directory: Directory, count: int) -> bool:
    world = directory.world
    url = f"{world.system.run['roles']}/v1/directories/{directory.id}/fence"
    async with world.http.get(url, headers=world.headers) as answer:
        return bool((await answer.json())["waiting"] == count)


async def test_what_is_under_way_is_waited_for(browser: Browser, world: World) -> None:
    directory, _ = await staffed(world, people=1)
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await pause(page, administrator, directory)
    await administrator.opens(f"/provisioning/{directory.id}/delete")
    await page.get_by_label("Type Globex to delete it").fill("Globex")

    await page.get_by_role("button", name="Delete for good").click()

    await expect(page.get_by_role("alert")).to_contain_text("requests may be under way")
    assert await violations(page) == []


async def test_the_command_line_pauses_resumes_and_deletes_what_is_named_twice(
    world: World,
) -> None:
    directory, people = await staffed(world, people=1)
    rollcall = world.system.rollcall

    paused = await rollcall("directories", "pause", directory.id, "--json")
    resumed = await rollcall("directories", "resume", directory.id)
    await rollcall("directories", "pause", directory.id)
    early = await rollcall("directories", "delete", directory.id, "--confirm", "Globex")
    await directory.rest()
    misnamed = await rollcall("directories", "delete", directory.id, "--confirm", "Initech")
    deleted = await rollcall("directories", "delete", directory.id, "--confirm", "Globex", "--json")

    assert paused.json["state"] == "paused"
    assert paused.json["stateBy"].startswith("command line: ")
    assert "Globex is live" in resumed.output
    assert (early.code, misnamed.code, deleted.code) == (1, 1, 0)
    assert "paused a moment ago" in early.errors
    assert "called 'Globex'" in misnamed.errors
    assert deleted.json == {"id": directory.id, "state": "deleted"}
    await directory.become(people[0], set())
    assert await acts(directory) == [
        "directory.paused", "directory.resumed", "directory.paused", "directory.deleted",
    ]  # fmt: skip


async def acts(directory: Directory) -> list[str]:
    """Return what the audit records say was done by the command line."""
    connection = await asyncpg.connect(directory.world.system.run["postgres"]["ingest"])
    try:
        rows = await connection.fetch(
            """
            select act from ingest.audit_records
            where directory_id = $1 and actor like 'command line: %' order by id
            """,
            directory.id,
        )
        return [row["act"] for row in rows]
    finally:
        await connection.close()
