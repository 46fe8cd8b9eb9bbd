"""WCAG 2.2 AA: axe on every screen and state, 320 pixels, the keyboard alone, names for the ear."""

from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.chromium import faults
from tests.support.portal import call_with_wrong_token, seen, sign_in
from tests.support.world import Directory, Person, World

EMPTY = ("", "/provisioning", "/roles", "/verify", "/users", "/groups", "/activity", "/events",
         "/health", "/links")  # fmt: skip
# Screens and states of a directory in use; what is in braces is filled in.
USED = (
    *EMPTY,
    "/provisioning/{directory}",
    "/provisioning/{directory}/tokens/{token}/revoke",
    "/provisioning/{directory}/pause",
    "/fence",
    "/verify?q=magdalena",
    "/verify?q=ma",
    "/verify?q=nobody",
    "/users?q=nobody",
    "/users?group=nobody",
    "/users?sort=updated&state=active&role=admin&group=Admins",
    "/users/{user}",
    "/groups?q=nobody",
    "/groups/{group}",
    "/events?kind=role.events.v1",
    "/events?q=magdalena@globex.test&kind=rollcall.user.created.v1",
    "/events?q=nobody&since=never",
    "/events?kind=rollcall.group.deleted.v1",
    "/events?pause=1",
    "/events/{directory}:1:1",
    "/nothing",
)
STOPS = 60
# The name, tag, and whether one can see that it has the focus.
FOCUSED = """() => {
  const it = document.activeElement, style = getComputedStyle(it);
  const name = it.getAttribute('aria-label') || it.labels?.[0]?.innerText || it.innerText;
  return [name, style.outlineStyle !== 'none' || style.boxShadow !== 'none', it.tagName];
}"""


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
    await expect(page.get_by_text("Saved.")).to_be_visible()
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


async def test_a_directory_is_paused_and_resumed_by_keyboard_alone(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization)
    page, keys = administrator.page, administrator.page.keyboard
    await administrator.opens(f"/provisioning/{directory.id}")
    await tab_to(page, "Pause")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name="Pause Globex")).to_be_visible()
    await tab_to(page, "Type Globex to pause it", "input")
    await keys.type("Initech")
    await keys.press("Enter")
    # The summary has the focus, and leads to the field.
    await expect(page.get_by_role("alert")).to_be_focused()
    await tab_to(page, "Type the name as it is")
    await keys.press("Enter")
    await expect(page.get_by_label("Type Globex to pause it")).to_be_focused()
    await keys.press("Control+A")
    await keys.type("Globex")
    await keys.press("Enter")
    await expect(page.get_by_text("by an administrator")).to_be_visible()

    await tab_to(page, "Resume")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name="Resume Globex")).to_be_visible()
    await tab_to(page, "Resume syncing", "button")
    await keys.press("Enter")

    await expect(page.get_by_role("link", name="Pause Globex")).to_be_visible()


async def test_an_event_is_found_and_revealed_by_keyboard_alone(
    browser: Browser, world: World
) -> None:
    made = await used(world)
    administrator = await sign_in(browser, world, made.directory.organization)
    page, keys = administrator.page, administrator.page.keyboard
    await administrator.opens("/events")
    await seen(page, "magnus@globex.test: Created")
    await tab_to(page, "User, group or id", "input")
    await keys.type("magnus@globex.test")
    await keys.press("Enter")
    await expect(page.locator(".calls li")).to_have_count(1)
    await tab_to(page, "user.created")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name="user.created")).to_be_visible()
    await tab_to(page, "Reveal", "button")
    await keys.press("Enter")

    await expect(page.locator("pre")).to_contain_text("magnus@globex.test")


async def test_what_the_ear_hears_of_events_health_and_deleting(
    browser: Browser, world: World
) -> None:
    made = await used(world)
    administrator = await sign_in(browser, world, made.directory.organization)
    page = await administrator.opens("/events?kind=rollcall.group.created.v1")
    await seen(page, "Admins: Created")

    await expect(page.locator("main")).to_match_aria_snapshot(
        """
        - main:
          - heading "Events" [level=1]
          - search:
            - combobox "Topic or type"
            - searchbox "User, group or id"
            - textbox "From (UTC)"
            - textbox "Until (UTC)"
            - button "Show"
          - paragraph:
            - link "Pause"
          - region:
            - heading [level=2]
            - list:
              - listitem:
                - time
                - link /group.created number \\d+/
                - paragraph: "Admins: Created"
        """
    )
    await administrator.opens("/health")
    await expect(page.locator("main")).to_match_aria_snapshot(
        """
        - main:
          - heading "Sync health" [level=1]
          - region "The token is not accepted"
          - region "How far each stage is":
            - table "The stages that a change passes, in order":
              - rowgroup:
                - row "Stage State Waits for Event"
              - rowgroup:
                - row /Received/
                - row /Stored Up to date/
                - row /Published Up to date/
          - region "How long the way takes"
          - region "What needs a look"
        """
    )
    await administrator.opens(f"/provisioning/{made.directory.id}/pause")
    await expect(page.locator("main")).to_match_aria_snapshot(
        """
        - main:
          - heading "Pause Globex" [level=1]
          - list:
            - listitem
          - textbox "Type Globex to pause it"
          - paragraph:
            - button "Pause syncing"
            - link "Leave it as it is"
        """
    )
