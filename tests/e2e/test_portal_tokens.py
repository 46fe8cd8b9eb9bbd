"""Bearer tokens in a real browser: shown once, rotated without a gap, revoked on purpose."""

import asyncio
from contextlib import suppress

from playwright.async_api import Browser, Error, Page, expect

from tests.support.portal import Administrator, sign_in
from tests.support.waiting import eventually
from tests.support.world import Directory, World


async def configuration(
    browser: Browser, world: World, directory: Directory, *, script: bool = True
) -> Administrator:
    administrator = await sign_in(browser, world, directory.organization, script=script)
    await administrator.opens(f"/provisioning/{directory.id}")
    return administrator


async def create(page: Page) -> str:
    """Create a token; return its value."""
    await page.get_by_role("button", name="create the second token").click()
    return await page.get_by_label("Bearer Token", exact=True).input_value()


async def content(page: Page) -> str:
    """Return what is shown, once the browser has settled on something."""
    found = ""

    async def is_settled() -> bool:
        nonlocal found
        try:
            found = await page.content()
        except Error:
            return False
        return True

    await eventually(is_settled)
    return found


async def test_a_token_is_shown_once_and_never_again(browser: Browser, world: World) -> None:
    directory = await world.directory()
    administrator = await configuration(browser, world, directory)
    page = administrator.page
    async with page.expect_response("**/tokens") as answered:
        token = await create(page)
    assert (await answered.value).headers["cache-control"] == "no-store"

    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.get_by_text("Two tokens are active")).to_be_visible()

    places = ["", f"/provisioning/{directory.id}", "/activity", "/links", "/users",
              f"/provisioning/{directory.id}/tokens"]  # fmt: skip
    for place in places:
        await administrator.opens(place)
        assert token not in await page.content(), place
    for _ in range(len(places) + 2):
        with suppress(Error):  # Chromium shows no answer to a form again: ERR_CACHE_MISS
            await page.go_back()
        assert token not in await content(page)
    log = world.system.data / "logs" / "portal.log"
    assert token[:20] not in log.read_text(encoding="utf-8")


async def test_the_dialog_of_a_new_token_is_not_closed_by_accident(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    page = (await configuration(browser, world, directory)).page
    token = await create(page)
    dialog = page.get_by_role("dialog", name="Your Bearer Token")

    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.mouse.click(5, 5)

    await expect(dialog.get_by_label("Bearer Token", exact=True)).to_have_value(token)
    await expect(dialog).to_be_visible()


async def test_without_script_a_token_is_created_and_shown_as_well(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    page = (await configuration(browser, world, directory, script=False)).page

    directory.token = await create(page)

    await directory.provision("magdalena")
    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.get_by_label("Bearer Token", exact=True)).to_have_count(0)


async def test_a_double_click_makes_one_token_and_shows_it(browser: Browser, world: World) -> None:
    organization = await world.organization("Double Click")
    made = await world.post(
        "ingest", "/directories", {"organizationId": organization, "name": "Once"}
    )
    administrator = await sign_in(browser, world, organization)
    page = await administrator.opens(f"/provisioning/{made['id']}")
    await page.get_by_label("Label").fill("Night shift")

    await page.get_by_role("button", name="Create token").dblclick()

    await expect(page.get_by_role("dialog", name="Your Bearer Token")).to_be_visible()
    await administrator.opens(f"/provisioning/{made['id']}")
    await expect(page.locator("#token-list tbody tr")).to_have_count(1)


async def test_the_same_form_at_the_same_time_makes_one_token_and_says_so(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    page = (await configuration(browser, world, directory)).page
    form = page.locator("form[action$='/tokens']")
    fields = {
        name: await form.locator(f"[name={name}]").input_value()
        for name in ("csrf", "submission", "label", "expiry")
    }
    headers = {"Origin": world.system.run["portal"]}
    url = f"{page.url.partition('#')[0]}/tokens"

    answers = await asyncio.gather(
        *(page.request.post(url, form=fields, headers=headers) for _ in range(4))
    )

    texts = [await answer.text() for answer in answers]
    assert sum("Your Bearer Token" in text for text in texts) == 1
    assert sum("This form was sent twice" in text for text in texts) == 3


async def test_a_rotation_is_followed_from_the_first_request_to_the_last_of_the_old_token(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    await directory.provision("magdalena")
    page = (await configuration(browser, world, directory)).page
    old, new = directory.token, await create(page)
    await page.get_by_role("link", name="I have stored it").click()
    rotation = page.get_by_role("group", name="Rotation")
    await expect(rotation).to_contain_text(f"Paste the new token, which ends in {new[-4:]}")

    directory.token = new
    await directory.provision("grace")
    await expect(rotation).to_contain_text("First request with the new token at")
    await expect(rotation).to_contain_text("was not used since")
    directory.token = old
    await directory.provision("edsger")
    await expect(rotation).to_contain_text("The old token is still in use")
    await expect(rotation.get_by_role("link", name="Revoke the old token")).to_have_count(0)

    row = page.locator("#token-list tbody tr").filter(has_text=old[-4:])
    await row.get_by_role("link", name="Revoke").click()
    await expect(page.get_by_text("This token is still in use")).to_be_visible()
    await page.get_by_label("to revoke it").fill("Bearer token")
    await page.get_by_role("button", name="Revoke").click()
    await expect(row).to_contain_text("Revoked")
    await expect(rotation).to_have_count(0)


async def test_revoking_asks_for_the_label_and_says_that_syncing_stops(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    page = (await configuration(browser, world, directory)).page
    await page.get_by_role("link", name="Revoke").click()
    await expect(page.get_by_text("syncing stops")).to_be_visible()
    await page.get_by_label("to revoke it").fill("Beaver token")

    await page.get_by_role("button", name="Revoke").click()

    await expect(page.get_by_role("alert")).to_be_focused()
    field = page.get_by_label("to revoke it")
    await expect(field).to_have_value("Beaver token")
    await expect(field).to_have_accessible_description("Type the label as it is: Bearer token")
    await field.fill("bearer TOKEN")
    await page.get_by_role("button", name="Revoke").click()
    await expect(page.locator("#token-list")).to_contain_text("Revoked")
    await expect(page.locator("#checklist")).to_contain_text("Create a token")


async def test_a_token_without_a_label_is_said_at_the_field_and_keeps_the_rest(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    page = (await configuration(browser, world, directory)).page
    await page.get_by_label("Label").fill("   ")
    await page.get_by_label("Expires").select_option("90")

    await page.get_by_role("button", name="create the second token").click()

    await expect(page.get_by_role("alert")).to_be_focused()
    await expect(page.get_by_label("Label")).to_have_accessible_description(
        "Give the token a label."
    )
    await expect(page.get_by_label("Expires")).to_have_value("90")
    await expect(page.locator("#token-list tbody tr")).to_have_count(1)
