"""Verify on one page: the user, the groups, the roles, why, and the way of the last change."""

from playwright.async_api import Browser, expect

from tests.support.portal import sign_in
from tests.support.waiting import eventually
from tests.support.world import Directory, World


async def test_a_typed_address_shows_the_user_the_roles_why_and_each_hop(
    browser: Browser, world: World
) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    magdalena = await directory.provision("magdalena", groups=["Staff", "Admins"])
    await directory.become(magdalena, {"admin"})
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("/verify")
    await page.get_by_label("E-mail or user name").fill("Magdalena@Globex.test")

    await page.get_by_role("button", name="Verify").click()

    await expect(page.get_by_role("heading", name="Magdalena Kovac")).to_be_visible()
    await expect(page.get_by_role("region", name="Roles, and why")).to_contain_text(
        "Admin Through group Admins, by a request from OneLogin"
    )
    groups = page.get_by_role("region", name="Groups")
    await expect(groups).to_contain_text("Admins grants Admin")
    await expect(groups).to_contain_text("Staff grants nothing")
    change = page.get_by_role("region", name="The last change")
    await expect(change.get_by_role("listitem")).to_contain_text(
        ["Joined Admins", "Was given Admin through Admins"]
    )
    await expect(change.get_by_role("rowheader")).to_have_text(
        ["Received", "Stored", "Published", "Roles applied and told", "Visible here"]
    )  # fmt: skip
    times = await change.locator("tbody time").evaluate_all("all => all.map(each => each.dateTime)")
    assert times == sorted(times)
    await change.get_by_role("link", name="The request").click()
    await expect(page.get_by_role("heading", name="Change a group")).to_be_visible()


async def known_to_roles(directory: Directory, members: int) -> None:
    """Wait until roles has heard of so many members of the one group there is."""
    world = directory.world
    url = f"{world.system.run['roles']}/v1/directories/{directory.id}/groups"

    async def heard() -> bool:
        async with world.http.get(url, headers=world.headers) as answer:
            found = (await answer.json()).get("items", [])
        return [group["members"] for group in found] == [members]

    await eventually(heard)


async def test_a_role_that_a_mapping_gave_has_no_request_and_says_so(
    browser: Browser, world: World
) -> None:
    directory = await world.directory()
    await world.declare("admin")
    magdalena = await directory.provision("magdalena", groups=["Admins"])
    await known_to_roles(directory, members=1)
    await directory.save_mapping({"Admins": "admin"})
    await directory.become(magdalena, {"admin"})
    administrator = await sign_in(browser, world, directory.organization)

    page = await administrator.opens("/verify?q=magdalena@globex.test")

    await expect(page.get_by_role("region", name="Roles, and why")).to_contain_text(
        "Through group Admins, by a saved mapping"
    )
    change = page.get_by_role("region", name="The last change")
    await expect(change.get_by_role("rowheader").first).to_have_text("Mapping saved")
    await expect(change.get_by_role("link", name="The request")).to_have_count(0)


async def test_the_page_follows_while_somebody_looks_at_it(browser: Browser, world: World) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    magdalena = await directory.provision("magdalena")
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("/verify?q=magdalena@globex.test")
    await expect(page.get_by_text("None: the user is in no group.")).to_be_visible()

    await directory.add(magdalena, "Admins")

    await expect(page.locator(".held .role")).to_have_text("Admin")


async def test_several_people_are_offered_and_nobody_leads_to_advice(
    browser: Browser, world: World
) -> None:
    directory = await world.directory(provider="okta")
    for name in ("magdalena", "magnus"):
        await directory.provision(name)
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("/verify?q=mag")
    await expect(page.locator("main li")).to_have_count(2)

    await page.get_by_role("link", name="Magnus Kovac").click()
    await expect(page.get_by_role("heading", name="Magnus Kovac")).to_be_visible()
    await administrator.opens("/verify?q=nobody@globex.test")

    await expect(page.get_by_text("Nobody of that name has arrived")).to_be_visible()
    await expect(page.locator("#verified")).to_contain_text("Provision User")


async def test_a_deactivated_user_says_why_there_is_no_role(browser: Browser, world: World) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    magdalena = await directory.provision("magdalena", groups=["Admins"])
    await directory.become(magdalena, {"admin"})
    await directory.suspend(magdalena)
    await directory.become(magdalena, set())
    administrator = await sign_in(browser, world, directory.organization)

    page = await administrator.opens("/verify?q=magdalena@globex.test")

    await expect(page.get_by_text("None: the user is inactive.")).to_be_visible()
    await expect(page.get_by_role("region", name="The last change")).to_contain_text("Deactivated")


async def test_other_organizations_users_are_not_found(browser: Browser, world: World) -> None:
    theirs, ours = await world.directory(), await world.directory()
    await theirs.provision("lovelace")
    await ours.provision("grace")
    administrator = await sign_in(browser, world, ours.organization)

    page = await administrator.opens("/verify?q=lovelace@globex.test")

    await expect(page.get_by_text("Nobody of that name has arrived")).to_be_visible()
    assert "Lovelace" not in await page.content()
