"""Setting up: the checklist turns green by itself, and says what to do when something is off."""

from playwright.async_api import Browser, Page, expect

from services.portal.domain import guides
from tests.support.portal import call_with_wrong_token, seen, sign_in
from tests.support.world import World


def plain(text: str) -> str:
    return text.replace("*", "").replace("`", "")


async def test_the_checklist_turns_green_by_itself_as_requests_arrive(
    browser: Browser, world: World
) -> None:
    await world.declare("admin")
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens(f"/provisioning/{directory.id}")
    done, act = page.locator(".checklist .done .what"), page.locator(".act").first
    await expect(done).to_have_count(0)
    await expect(act).to_contain_text("API Status → Enable")
    await page.evaluate("document.body.append(Object.assign(new Image(), {id: 'same-page'}))")

    await directory.call("GET", '/Users?filter=userName+eq+"nobody"&')
    await expect(done).to_contain_text(["OneLogin reached the endpoint", "Token accepted"])
    await expect(act).to_contain_text("Pending")
    magdalena = await directory.provision("magdalena")
    await expect(done).to_have_count(3)
    await expect(act).to_contain_text("Include in User Provisioning")
    await directory.add(magdalena, "Admins")
    await expect(done).to_have_count(4)
    await expect(act).to_contain_text("which group grants which role")
    await directory.save_mapping({"Admins": "admin"})

    await expect(done).to_have_count(6)
    await expect(page.get_by_role("heading", name="Set-up is complete")).to_be_visible()
    await expect(page.locator("#same-page")).to_have_count(1)  # nobody reloaded it


async def test_without_script_the_checklist_is_as_far_after_a_reload(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization, script=False)
    page = await administrator.opens(f"/provisioning/{directory.id}")
    await directory.provision("magdalena", groups=["Admins"])

    await seen(page, "which group grants which role")

    await expect(page.locator(".checklist .done")).to_have_count(4)
    await page.get_by_role("link", name="Look again").click()
    await expect(page.locator(".checklist .done")).to_have_count(4)


async def test_a_refused_token_is_said_at_once_with_its_ending_and_goes_with_a_good_one(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("")

    await call_with_wrong_token(directory)

    await expect(page.locator("#banner")).to_contain_text("The token is not accepted")
    act = page.locator(".act.trouble")
    await expect(act).to_contain_text("A token was refused a moment ago; it ended in a91f")
    await expect(act).to_contain_text(directory.token[-4:])
    await directory.provision("magdalena")
    await expect(page.locator("#banner")).to_contain_text("In sync")
    await expect(act).to_have_count(0)


async def test_a_call_refused_for_what_it_says_leads_to_why(browser: Browser, world: World) -> None:
    directory = await world.directory()
    await directory.provision("magdalena")
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("")

    await directory.call("POST", "/Users?", {"userName": "magdalena@globex.test"})

    await page.get_by_role("link", name="Why, and what to do").click()
    await expect(page.get_by_text("OneLogin sent a user name that already exists")).to_be_visible()


async def test_whoever_reads_the_checklist_by_ear_hears_what_is_new(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens(f"/provisioning/{directory.id}")
    await expect(page.locator(".checklist")).to_match_aria_snapshot(
        """
        - list:
          - listitem: "OneLogin reached the endpoint : next"
          - listitem: "Token accepted : not yet"
          - listitem: "First user arrived : not yet"
          - listitem: "First group arrived : not yet"
          - listitem: "Mapping saved : not yet"
          - listitem: "First role given : not yet"
        """
    )

    await directory.provision("magdalena")

    await expect(page.locator("#announce")).to_contain_text("First user arrived")


async def test_a_part_that_somebody_is_in_is_not_taken_away(browser: Browser, world: World) -> None:
    directory = await world.directory()
    await directory.provision("magdalena")
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens(f"/provisioning/{directory.id}")
    link = page.locator("#checklist").get_by_role("link").first
    await link.focus()

    await directory.provision("grace", groups=["Admins"])
    await expect(page.locator("#steps .done")).to_have_count(5)

    await expect(link).to_be_focused()
    await page.get_by_label("Label").focus()
    await expect(page.locator(".checklist .done")).to_have_count(4)


async def test_a_lost_connection_is_said_and_what_was_missed_is_there_afterwards(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("")
    await page.context.set_offline(True)  # Playwright's form
    await page.evaluate("window.dispatchEvent(new Event('offline'))")
    await directory.provision("magdalena")

    await page.context.set_offline(False)  # Playwright's form

    await expect(page.locator(".checklist .done")).to_have_count(3)
    await expect(page.locator("#stale")).to_be_hidden()


async def test_each_provider_has_its_steps_and_what_stalls_there(
    browser: Browser, world: World
) -> None:
    organization = await world.organization("Many Providers")
    administrator = await sign_in(browser, world, organization, script=False)

    for provider in guides.GUIDES:
        wanted = {"organizationId": organization, "name": provider, "provider": provider}
        made = await world.post("ingest", "/directories", wanted)
        page = await administrator.opens(f"/provisioning/{made['id']}")
        await shows_the_steps_of(page, provider)


async def shows_the_steps_of(page: Page, provider: str) -> None:
    guide, steps = guides.of(provider), page.locator(".steps > li")
    await expect(steps).to_have_count(len(guide.steps))
    for number, step in enumerate(guide.steps):
        await expect(steps.nth(number).get_by_role("heading")).to_contain_text(step.title)
        for stall in step.stalls:
            await expect(steps.nth(number)).to_contain_text(plain(stall.does)[1:40])
    assert "*" not in (await page.locator(".act").first.inner_text())
