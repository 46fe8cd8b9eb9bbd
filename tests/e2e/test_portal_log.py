"""Events and sync health in a real browser: what applications get, and how far each stage is."""

import json
import os
import signal

import asyncpg
from playwright.async_api import Browser, Page, expect

from tests.support.chromium import violations
from tests.support.portal import Administrator, call_with_wrong_token, seen, sign_in
from tests.support.world import Directory, World


async def busy(
    browser: Browser, world: World, *, script: bool = True
) -> tuple[Directory, Administrator]:
    """Return a directory in which Magdalena was given a role, and its administrator."""
    directory = await world.directory(mapping={"Admins": "admin"})
    magdalena = await directory.provision("magdalena", groups=["Admins"])
    await directory.become(magdalena, {"admin"})
    administrator = await sign_in(browser, world, directory.organization, script=script)
    await administrator.opens("/events?kind=role.events.v1")
    await seen(administrator.page, "magdalena@globex.test: Was given Admin through Admins")
    return directory, administrator


async def document(page: Page) -> dict[str, object]:
    return dict(json.loads(await page.locator("pre").inner_text()))


async def test_the_list_shows_what_is_on_the_topic_in_its_order(
    browser: Browser, world: World
) -> None:
    directory, administrator = await busy(browser, world)

    page = await administrator.opens("/events")

    told = await directory.events("directory.events.v1")
    shown = await page.locator(".calls .what a").all_inner_texts()
    expected = [
        f"{event['type'].removeprefix('rollcall.').removesuffix('.v1')} number "
        f"{event['sequence'].lstrip('0')}"
        for event in reversed(told)
    ]
    assert [" ".join(each.split()) for each in shown] == expected


async def test_an_event_is_the_document_on_the_topic_once_it_is_revealed(
    browser: Browser, world: World
) -> None:
    directory, administrator = await busy(browser, world)
    page = await administrator.opens("/events?kind=rollcall.membership.added.v1")
    await page.get_by_role("link", name="membership.added").click()
    masked = await document(page)
    assert "magdalena" not in await page.locator("pre").inner_text()
    assert masked["data"]["user"]["userName"] == "m…t (21)"  # type: ignore[index]
    await expect(page.get_by_text("yes", exact=True)).to_be_visible()

    await page.get_by_role("button", name="Reveal").click()

    await expect(page.get_by_text("that it was shown is recorded")).to_be_visible()
    shown = await document(page)
    (told,) = [
        event
        for event in await directory.events("directory.events.v1")
        if event["type"] == "rollcall.membership.added.v1"
    ]
    assert shown == {name: told[name] for name in told.keys() - {"traceparent", "causationid"}}
    assert await acts(world, directory) == [("an administrator", "event.revealed", told["id"])]
    assert await violations(page) == []


async def acts(world: World, directory: Directory) -> list[tuple[str, str, str]]:
    connection = await asyncpg.connect(world.system.run["postgres"]["portal"])
    try:
        rows = await connection.fetch(
            """
            select actor, act, facts ->> 'event' as event from portal.audit_records
            where directory_id = $1 order by id
            """,
            directory.id,
        )
        return [tuple(row) for row in rows]
    finally:
        await connection.close()


async def test_filters_work_without_script_and_say_what_is_wrong(
    browser: Browser, world: World
) -> None:
    _, administrator = await busy(browser, world, script=False)
    page = await administrator.opens("/events")

    await page.get_by_label("Topic or type").select_option("rollcall.user.created.v1")
    await page.get_by_label("User, group or id").fill("Magdalena@globex.test")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator(".calls li")).to_have_count(1)
    await page.get_by_label("User, group or id").fill("nobody")
    await page.get_by_role("button", name="Show").click()

    await expect(page.get_by_role("alert")).to_contain_text("no user or group called nobody.")
    await expect(page.locator(".calls li")).to_have_count(0)
    await administrator.opens("/events?kind=rollcall.group.deleted.v1")
    await expect(page.get_by_text("No event matches.")).to_be_visible()


async def test_the_tail_follows_until_it_is_paused_and_goes_on_where_one_was(
    browser: Browser, world: World
) -> None:
    directory, administrator = await busy(browser, world)
    page = await administrator.opens("/events")

    await directory.provision("grace")
    await expect(page.get_by_text("grace@globex.test: Created")).to_be_visible()
    await page.get_by_role("link", name="Pause").click()
    await directory.provision("ada")
    await directory.provision("linus")

    await expect(page.locator(".tail")).to_contain_text("Paused")
    assert await page.locator("body").get_attribute("data-stream") is None
    await page.get_by_role("link", name="Follow again").click()
    await seen(page, "linus@globex.test: Created")


async def test_health_says_that_everything_has_arrived_and_how_long_it_took(
    browser: Browser, world: World
) -> None:
    directory, administrator = await busy(browser, world)
    await call_with_wrong_token(directory)
    page = await administrator.opens("/health")

    await expect(page.locator("#stages").get_by_text("Up to date")).to_have_count(6)
    await expect(page.locator("#hops tbody tr")).to_have_count(4)
    await expect(page.get_by_text("1 call refused or failed")).to_be_visible()

    last = (await directory.events("directory.events.v1"))[-1]
    stored = page.get_by_role("row").filter(has_text="Stored").first
    await expect(stored).to_contain_text(str(int(last["sequence"])))
    assert await violations(page) == []


async def test_health_says_which_stage_does_not_answer(browser: Browser, world: World) -> None:
    _, administrator = await busy(browser, world)
    roles = world.system.run["pids"]["roles"]
    os.kill(roles, signal.SIGSTOP)
    try:
        page = await administrator.opens("/health")

        await expect(page.get_by_text("Does not answer")).to_have_count(2)
        assert await violations(page) == []
    finally:
        os.kill(roles, signal.SIGCONT)
    await page.reload()
    await expect(page.locator("#stages").get_by_text("Up to date")).to_have_count(6)
