"""Activity in a real browser: what OneLogin sent, why it was refused, and what to do."""

import pytest
from playwright.async_api import Browser, expect

from tests.support.chromium import violations
from tests.support.portal import WRONG_TOKEN, Administrator, Scheme, seen, sign_in
from tests.support.world import Directory, World


async def send(directory: Directory, method: str, path: str, body: str, token: str) -> str:
    """Send a request as it is; return the request id of the answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = directory.endpoint + path
    async with directory.world.http.request(method, url, data=body, headers=headers) as answer:
        return answer.headers["X-Request-Id"]


async def troubled(world: World) -> tuple[Directory, str]:
    """Return a directory that refused a name, a body, a token; and the refused name's request."""
    directory = await world.directory()
    await directory.provision("magdalena")
    twice = '{"userName": "MAGDALENA@globex.test", "password": "hunter2hunter2"}'
    refused = await send(directory, "POST", "/Users?", twice, directory.token)
    await send(directory, "POST", "/Users?", '{"userName": "mag', directory.token)
    await send(directory, "GET", "/Users?", "", WRONG_TOKEN)
    return directory, refused


async def activity(browser: Browser, world: World, directory: Directory) -> Administrator:
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("")
    await page.get_by_role("link", name="Activity").click()
    await seen(page, "it ended in a91f")
    return administrator


async def test_an_administrator_sees_what_was_refused_and_why(
    browser: Browser, world: World
) -> None:
    directory, refused = await troubled(world)
    page = (await activity(browser, world, directory)).page

    await page.get_by_label("Result").select_option("failed")
    await page.get_by_role("button", name="Show").click()

    calls = page.locator(".calls li")
    await expect(calls).to_have_count(3)
    await expect(page.get_by_text("OneLogin sent a user name that already exists")).to_be_visible()
    await expect(page.get_by_text("OneLogin sent a body that cannot be read")).to_be_visible()
    await calls.filter(has_text="uniqueness").get_by_role("link").click()
    await expect(page.get_by_text(refused)).to_be_visible()
    await expect(page.get_by_text('"userName": "M…t (21)"')).to_be_visible()
    content = (await page.content()).lower()
    assert "magdalena@" not in content
    assert "hunter2" not in content


async def test_filters_select_survive_a_reload_and_can_be_cleared(
    browser: Browser, world: World
) -> None:
    directory, refused = await troubled(world)
    page = (await activity(browser, world, directory)).page
    calls = page.locator(".calls li")

    await page.get_by_label("Address or request id").fill(refused)
    await page.get_by_role("button", name="Show").click()
    await expect(calls).to_have_count(1)
    await page.reload()
    await expect(calls).to_have_count(1)
    await page.get_by_label("Address or request id").fill("/nowhere")
    await page.get_by_role("button", name="Show").click()
    await page.get_by_role("link", name="Clear the filters").click()
    await page.get_by_label("Action").select_option("GET")
    await page.get_by_role("button", name="Show").click()

    await expect(page.get_by_text("it ended in a91f")).to_be_visible()
    await expect(page.get_by_text("uniqueness")).to_have_count(0)


async def test_a_range_that_ends_before_it_starts_is_said_at_the_field(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(f"{administrator.base}/activity")
    await page.get_by_label("From (UTC)").fill("2025-11-25T14:30")
    await page.get_by_label("Until (UTC)").fill("2025-11-25T14:00")

    await page.get_by_role("button", name="Show").click()

    await expect(page.get_by_role("alert")).to_be_focused()
    await expect(page.get_by_label("Until (UTC)")).to_have_value("2025-11-25T14:00")
    await expect(page.get_by_label("Until (UTC)")).to_have_accessible_description(
        "It must be later than From."
    )


async def test_more_calls_than_a_page_holds_are_behind_a_link(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    for _ in range(60):
        await send(directory, "GET", "/Schemas", "", directory.token)
    await send(directory, "GET", "/Users?", "", WRONG_TOKEN)
    page = (await activity(browser, world, directory)).page
    calls = page.locator(".calls li")
    await expect(calls).to_have_count(50)

    await page.get_by_role("link", name="Earlier calls").click()

    await expect(calls).to_have_count(11)


async def test_empty_screens_say_what_to_do_next(browser: Browser, world: World) -> None:
    bare = await world.organization("Umbrella Activity")
    silent = await world.directory()

    unconnected = await sign_in(browser, world, bare)
    await unconnected.page.goto(f"{unconnected.base}/activity")
    quiet = await sign_in(browser, world, silent.organization)
    await quiet.page.goto(f"{quiet.base}/activity")

    await expect(
        unconnected.page.get_by_role("link", name="Connect your directory")
    ).to_be_visible()
    await expect(quiet.page.get_by_text("Nothing has arrived in the last days")).to_be_visible()


async def test_the_configuration_tells_that_a_token_was_refused(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    await send(directory, "GET", "/Users?", "", WRONG_TOKEN)
    administrator = await sign_in(browser, world, directory.organization)
    await administrator.page.goto(f"{administrator.base}/provisioning/{directory.id}")

    await seen(administrator.page, "A token was refused")

    said = administrator.page.locator("#token-list").get_by_text("it ended in a91f")
    await expect(said).to_be_visible()


async def test_another_organizations_calls_are_out_of_reach(browser: Browser, world: World) -> None:
    theirs, refused = await troubled(world)
    ours = await world.directory()
    administrator = await sign_in(browser, world, ours.organization)

    for path in (f"/activity?directory={theirs.id}",
                 f"/activity/requests/{refused}?directory={theirs.id}",
                 f"/activity/requests/{refused}"):  # fmt: skip
        answer = await administrator.page.goto(administrator.base + path)
        assert answer
        assert answer.status == 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_activity_is_accessible_and_fits_320_pixels(
    browser: Browser, world: World, scheme: Scheme
) -> None:
    directory, refused = await troubled(world)
    administrator = await sign_in(browser, world, directory.organization, scheme)
    page = administrator.page
    await page.goto(f"{administrator.base}/activity")
    await seen(page, "it ended in a91f")

    found = {}
    for screen in ("", "?q=nothing", "?since=nope", f"/requests/{refused}"):
        await page.set_viewport_size({"width": 1200, "height": 800})
        await page.goto(f"{administrator.base}/activity{screen}")
        found[screen] = await violations(page)
        await page.set_viewport_size({"width": 320, "height": 700})
        width = await page.evaluate("document.documentElement.scrollWidth")
        found[screen] += [] if width == 320 else [f"{width} pixels wide"]

    assert {screen: faults for screen, faults in found.items() if faults} == {}
