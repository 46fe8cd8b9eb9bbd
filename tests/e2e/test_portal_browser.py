"""The portal in a real browser: the whole guide from link to verified user."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.chromium import chromium, violations
from tests.support.waiting import eventually
from tests.support.world import Directory, World

Scheme = Literal["light", "dark"]
SCREENS = ("", "/provisioning", "/provisioning/{directory}", "/roles", "/users", "/groups")


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@dataclass(slots=True)
class Administrator:
    """Somebody who signed in by an invitation for one organization."""

    page: Page
    base: str


async def invitation(world: World, organization: str) -> str:
    outcome = await world.system.rollcall("portal-link", organization, "--json")
    return str(outcome.json["url"])


async def sign_in(
    browser: Browser, world: World, organization: str, scheme: Scheme = "light"
) -> Administrator:
    page = await (await browser.new_context(color_scheme=scheme)).new_page()
    await page.goto(await invitation(world, organization))
    await page.get_by_role("button", name="Continue").click()
    return Administrator(page, f"{world.system.run['portal']}/portal/{organization}")


async def new_organization(world: World, name: str) -> str:
    url = f"{world.system.run['ingest']}/v1/organizations"
    async with world.http.post(url, json={"name": name}, headers=world.headers) as answer:
        return str((await answer.json())["id"])


async def test_an_administrator_connects_onelogin_maps_a_group_and_sees_why(
    browser: Browser, world: World
) -> None:
    organization = await new_organization(world, "Initech")
    await world.declare("admin")
    page = (await sign_in(browser, world, organization)).page

    await page.get_by_role("link", name="SCIM Provisioning").click()
    onelogin = page.get_by_role("listitem").filter(has_text="OneLogin")
    await onelogin.get_by_text("Configure", exact=True).click()
    await page.get_by_role("button", name="Configure OneLogin").click()
    await page.get_by_role("button", name="Create token").click()
    endpoint = await page.get_by_label("Endpoint URL", exact=True).input_value()
    token = await page.get_by_label("Bearer Token", exact=True).input_value()

    directory = Directory(world, endpoint.rpartition("/")[2], organization, endpoint, token)
    ada = await directory.provision("ada", groups=["Admins"])

    await page.get_by_role("link", name="Groups").click()
    await seen(page, "Admins")
    await page.get_by_role("link", name="Roles", exact=True).click()
    await page.get_by_label("Group of row 1").select_option(label="Admins (1)")
    await page.get_by_label("Role of row 1").select_option("admin")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()

    await directory.become(ada, {"admin"})
    await page.get_by_role("link", name="Users").click()
    await page.get_by_role("link", name="Ada Kovac").click()
    await seen(page, "Through group Admins, by a saved mapping")
    await expect(page.get_by_text("Joined Admins")).to_be_visible()


async def seen(page: Page, text: str) -> None:
    """Reload until the page shows the text: what OneLogin sent is there within a second."""

    async def is_there() -> bool:
        await page.reload()
        return await page.get_by_text(text).first.is_visible()

    await eventually(is_there, within_s=10)


async def test_a_token_is_shown_once_and_never_again(browser: Browser, world: World) -> None:
    directory = await world.directory()
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(f"{administrator.base}/provisioning/{directory.id}")
    await page.get_by_role("button", name="Create token").click()
    token = await page.get_by_label("Bearer Token", exact=True).input_value()

    await page.get_by_role("link", name="I have stored it").click()

    assert token not in await page.content()
    await expect(page.get_by_text("Two tokens are active")).to_be_visible()


async def test_a_stale_mapping_says_so_and_keeps_what_was_chosen(
    browser: Browser, world: World
) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    await world.declare("editor")
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(f"{administrator.base}/roles")
    await page.get_by_label("Role of row 1").select_option("editor")
    await directory.save_mapping({})

    await page.get_by_role("button", name="Save").click()

    await expect(page.get_by_role("alert")).to_contain_text("The mapping was saved meanwhile")
    await expect(page.get_by_label("Role of row 1")).to_have_value("editor")


@pytest.mark.parametrize("screen", [*SCREENS, "/users/{user}", "/groups/{group}"])
async def test_another_organizations_pages_are_out_of_reach(
    browser: Browser, world: World, screen: str
) -> None:
    theirs = await world.directory()
    ada = await theirs.provision("ada", groups=["Admins"])
    ours = await world.directory()
    administrator = await sign_in(browser, world, ours.organization)
    parts = {"directory": theirs.id, "user": ada.id, "group": theirs.groups["Admins"]}
    path = screen.format(**parts)

    foreign = await administrator.page.goto(
        f"{world.system.run['portal']}/portal/{theirs.organization}{path}"
    )
    smuggled = await administrator.page.goto(f"{administrator.base}{path}?directory={theirs.id}")

    assert foreign
    assert foreign.status == 404
    assert smuggled
    assert smuggled.status == 404 or screen in {"", "/provisioning"}
    assert "ada" not in await administrator.page.content()


async def test_an_invitation_is_not_used_up_by_looking_and_an_unknown_link_says_gone(
    browser: Browser, world: World
) -> None:
    organization = await new_organization(world, "Umbrella")
    link = await invitation(world, organization)
    page = await (await browser.new_context()).new_page()

    for _ in range(2):
        await page.goto(link)
        await expect(page.get_by_role("button", name="Continue")).to_be_visible()
    unknown = await page.goto(f"{link}x")

    assert unknown
    assert unknown.status == 410
    assert "Umbrella" not in await page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_screen(
    browser: Browser, world: World, scheme: Scheme
) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    ada = await directory.provision("ada", groups=["Admins"])
    await directory.become(ada, {"admin"})
    administrator = await sign_in(browser, world, directory.organization, scheme)
    page = administrator.page
    await page.goto(f"{administrator.base}/users")
    await seen(page, "Ada Kovac")
    parts = {"directory": directory.id, "user": ada.id, "group": directory.groups["Admins"]}

    found = {}
    for screen in (*SCREENS, "/users/{user}", "/groups/{group}", "/nothing"):
        await page.goto(administrator.base + screen.format(**parts))
        found[screen] = await violations(page)

    assert {screen: rules for screen, rules in found.items() if rules} == {}


async def test_every_page_works_at_320_pixels_without_sideways_scrolling(
    browser: Browser, world: World
) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    await directory.provision("ada", groups=["Admins"])
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.set_viewport_size({"width": 320, "height": 700})

    widths = {}
    for screen in SCREENS:
        await page.goto(administrator.base + screen.format(directory=directory.id))
        widths[screen] = await page.evaluate("document.documentElement.scrollWidth")

    assert set(widths.values()) == {320}, widths
