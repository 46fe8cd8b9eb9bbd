"""WCAG 2.2 AA: axe on every screen and state, 320 pixels, the keyboard alone, names for the ear."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.chromium import chromium, violations
from tests.support.portal import call_with_wrong_token, seen, sign_in
from tests.support.world import Directory, Person, World

EMPTY = ("", "/provisioning", "/roles", "/verify", "/users", "/groups", "/activity", "/links")
# Screens and states of a directory in use; what is in braces is filled in.
USED = (
    *EMPTY,
    "/provisioning/{directory}",
    "/provisioning/{directory}/tokens/{token}/revoke",
    "/verify?q=magdalena",
    "/verify?q=ma",
    "/verify?q=nobody",
    "/users?q=nobody",
    "/users?group=nobody",
    "/users?sort=updated&state=active&role=admin&group=Admins",
    "/users/{user}",
    "/groups?q=nobody",
    "/groups/{group}",
    "/nothing",
)
STOPS = 60
# The name, tag, and whether one can see that it has the focus.
FOCUSED = """() => {
  const it = document.activeElement, style = getComputedStyle(it);
  const name = it.getAttribute('aria-label') || it.labels?.[0]?.innerText || it.innerText;
  return [name, style.outlineStyle !== 'none' || style.boxShadow !== 'none', it.tagName];
}"""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@dataclass(frozen=True, slots=True)
class Used:
    """A directory with people, groups, a mapping, and a call that was refused."""

    directory: Directory
    person: Person

    def fill(self, screen: str) -> str:
        return screen.format(
            directory=self.directory.id,
            user=self.person.id,
            token=self.directory.token.split("_")[1],
            group=self.directory.groups["Admins"],
        )


async def used(world: World) -> Used:
    directory = await world.directory(mapping={"Admins": "admin"})
    person = await directory.provision("magdalena", groups=["Admins"])
    await directory.provision("magnus")
    await directory.become(person, {"admin"})
    await call_with_wrong_token(directory)
    return Used(directory, person)


async def faults(page: Page) -> list[str]:
    """Return what axe finds, wide and at 320 px, in light and dark, and what is too wide."""
    found = []
    # No colour is halfway to another one; and with the scheme nothing but colours changes.
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    for width in (1280, 320):
        await page.set_viewport_size({"width": width, "height": 800})
        found += [f"{width}: {each}" for each in await violations(page)]
        actual = await page.evaluate("document.documentElement.scrollWidth")
        found += [f"{actual} pixels wide at {width}"] if actual > width else []
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return [*found, *(f"dark: {each}" for each in await violations(page, only_colours=True))]


@pytest.mark.timeout(300)
async def test_axe_finds_nothing_on_any_screen_of_a_directory_in_use(
    browser: Browser, world: World
) -> None:
    made = await used(world)
    administrator = await sign_in(browser, world, made.directory.organization)
    page = await administrator.opens("/users")
    await seen(page, "Magdalena Kovac")

    found = {}
    for screen in USED:
        await administrator.opens(made.fill(screen))
        found[screen] = await faults(page)
    await administrator.opens(made.fill("/provisioning/{directory}"))
    await page.get_by_role("button", name="create the second token").click()
    found["a new token"] = await faults(page)

    assert {screen: each for screen, each in found.items() if each} == {}


async def test_axe_finds_nothing_where_there_is_nothing_yet(browser: Browser, world: World) -> None:
    organization = await world.organization("Umbrella")
    administrator = await sign_in(browser, world, organization)
    page = administrator.page

    found = {}
    for screen in EMPTY:
        await administrator.opens(screen)
        found[screen] = await faults(page)
    await page.goto(await world.invitation(organization))
    found["sign in"] = await faults(page)
    await page.goto(f"{world.system.run['portal']}/link/gone")
    found["gone"] = await faults(page)
    await page.context.clear_cookies()
    await administrator.opens("")
    found["signed out"] = await faults(page)

    assert {screen: each for screen, each in found.items() if each} == {}


async def tab_to(page: Page, name: str, role: str = "") -> None:
    """Press Tab until something of that name has the focus, and see that the focus is visible."""
    stops = []
    for _ in range(STOPS):
        await page.keyboard.press("Tab")
        shown = await page.evaluate(FOCUSED)
        if shown[2] == "BODY":
            continue  # once around
        assert shown[1], f"the focus cannot be seen on {shown}"
        stops.append(shown[0])
        if name in shown[0] and role.upper() in shown[2]:
            return
    raise AssertionError(f"{name} is not reached by Tab: {stops}")


async def test_a_directory_is_set_up_by_keyboard_alone(browser: Browser, world: World) -> None:
    await world.declare("admin")
    organization = await world.organization("Keyboard")
    administrator = await sign_in(browser, world, organization)
    page, keys = administrator.page, administrator.page.keyboard
    await administrator.opens("/provisioning")
    await tab_to(page, "Skip to content")
    await keys.press("Enter")
    await tab_to(page, "OneLogin")
    await keys.press("Enter")
    await tab_to(page, "Configure OneLogin", "button")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name="OneLogin", exact=True)).to_be_visible()
    await tab_to(page, "Create token", "button")
    await keys.press("Enter")
    dialog = page.get_by_role("dialog", name="Your Bearer Token")
    await expect(dialog).to_be_visible()
    token = await dialog.get_by_label("Bearer Token", exact=True).input_value()
    endpoint = await page.get_by_label("Endpoint URL", exact=True).input_value()
    await tab_to(page, "I have stored it")
    await keys.press("Enter")
    await expect(dialog).to_have_count(0)

    directory = Directory(world, endpoint.rpartition("/")[2], organization, endpoint, token)
    person = await directory.provision("magdalena", groups=["Admins"])
    await expect(page.locator(".checklist .done")).to_have_count(4)
    await tab_to(page, "Map groups to roles")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name="Group-to-role mapping")).to_be_visible()
    await tab_to(page, "Group of row 1", "select")
    await keys.press("ArrowDown")
    await tab_to(page, "Role of row 1", "select")
    await keys.type("Admin")
    await tab_to(page, "Save", "button")
    await keys.press("Enter")
    await directory.become(person, {"admin"})
    await tab_to(page, "Verify")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name="Verify a user")).to_be_visible()
    await tab_to(page, "E-mail or user name")
    await keys.type("magdalena@globex.test")
    await keys.press("Enter")

    await expect(page.get_by_role("heading", name="Magdalena Kovac")).to_be_visible()
    await expect(page.locator(".held .role")).to_have_text("Admin")


async def test_what_the_ear_hears_of_the_overview(browser: Browser, world: World) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization)

    page = await administrator.opens("")

    await expect(page.locator("main")).to_match_aria_snapshot(
        """
        - main:
          - heading "Overview" [level=1]
          - region "Waiting for OneLogin"
          - region "Sync activity, last 24 hours":
            - heading "Sync activity, last 24 hours" [level=2]
            - img "1 change in 24 hours; at most 1 in one hour"
          - region "Verify a user":
            - heading "Verify a user" [level=2]
            - search:
              - searchbox "E-mail or user name"
              - button "Verify"
          - region "Set-up 0 of 6"
        """
    )
    await expect(page.locator("body")).to_match_aria_snapshot(
        """
        - link "Skip to content"
        - banner
        - navigation "Sections":
          - list:
            - listitem:
              - link "Overview"
        - main
        - contentinfo
        """
    )
