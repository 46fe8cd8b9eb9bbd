"""The portal in a real browser: the whole guide from link to verified user."""

from playwright.async_api import Browser, expect

from tests.support.chromium import violations
from tests.support.portal import seen, sign_in
from tests.support.world import Directory, World


async def test_an_administrator_connects_onelogin_maps_a_group_and_sees_why(
    browser: Browser, world: World
) -> None:
    organization = await world.organization("Initech")
    await world.declare("admin")
    page = await (await browser.new_context()).new_page()
    await page.goto(await world.invitation(organization))
    await page.get_by_role("button", name="Continue").click()

    await page.get_by_role("link", name="SCIM Provisioning").click()
    onelogin = page.get_by_role("listitem").filter(has_text="OneLogin")
    await onelogin.get_by_text("Configure", exact=True).click()
    await page.get_by_role("button", name="Configure OneLogin").click()
    await page.get_by_role("button", name="Create token").click()
    endpoint = await page.get_by_label("Endpoint URL", exact=True).input_value()
    token = await page.get_by_label("Bearer Token", exact=True).input_value()
    await page.get_by_role("link", name="I have stored it").click()

    directory = Directory(world, endpoint.rpartition("/")[2], organization, endpoint, token)
    ada = await directory.provision("ada", groups=["Admins"])

    await page.get_by_role("link", name="Groups").click()
    await seen(page, "Admins")
    await page.get_by_role("link", name="Roles", exact=True).click()
    await expect(
        page.get_by_text("1 group has arrived, and none grants a role yet")
    ).to_be_visible()
    await expect(page.get_by_role("button", name="Switch off")).to_have_count(0)
    await page.get_by_label("Group of row 1").select_option(label="Admins (1)")
    await page.get_by_label("Role of row 1").select_option("admin")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()

    await directory.become(ada, {"admin"})
    await page.get_by_role("link", name="Users").click()
    await page.get_by_role("link", name="Ada Kovac").click()
    await seen(page, "Through group Admins, by a saved mapping")
    await expect(page.get_by_text("Joined Admins")).to_be_visible()


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
    shown = page.get_by_role("region", name="is stored, yours was made from version 1")
    await expect(shown).to_contain_text(
        "Yours gives Admins the role Editor; the stored one does not."
    )
    assert await violations(page) == []
    await page.get_by_role("button", name="Save mine over version 2").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(page.get_by_label("Role of row 1")).to_have_value("editor")


async def test_without_script_rows_are_put_in_order_and_the_first_match_decides(
    browser: Browser, world: World
) -> None:
    directory = await world.directory(mapping={"Admins": "admin", "Staff": "editor"})
    await world.declare("viewer")
    ada = await directory.provision("ada", groups=["Admins", "Staff"])
    bob = await directory.provision("bob")
    await directory.become(ada, {"admin", "editor"})
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.route("**/*.js", lambda route: route.abort())
    await page.goto(f"{administrator.base}/roles")
    await page.get_by_label("Who is in several groups").select_option("first_match")
    await page.get_by_label("Default role", exact=True).select_option("viewer")
    await page.get_by_role("button", name="Preview").click()

    await page.get_by_role("button", name="Move row 2 up").click()

    await expect(page.get_by_label("Role of row 1")).to_have_value("editor")
    assert await violations(page) == []
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await directory.become(ada, {"editor"})
    await directory.become(bob, {"viewer"})
    await page.goto(f"{administrator.base}/users/{bob.id}")
    await seen(page, "As the default role of this directory")
    await page.goto(f"{administrator.base}/users/{ada.id}")
    await seen(page, "Roles held before")
    assert await violations(page) == []


async def test_a_privileged_default_role_and_a_loss_are_confirmed_and_nothing_is_lost_by_asking(
    browser: Browser, world: World
) -> None:
    directory = await world.directory(mapping={"Admins": "chief"})
    await world.declare("chief", privileged=True)
    ada = await directory.provision("ada", groups=["Admins"])
    await directory.become(ada, {"chief"})
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(f"{administrator.base}/roles")
    await page.get_by_label("Default role", exact=True).select_option("chief")

    await page.get_by_role("button", name="Save", exact=True).click()

    await expect(page.get_by_role("alert")).to_contain_text("type its name, Chief")
    await expect(page.get_by_label("Default role", exact=True)).to_have_value("chief")
    await page.get_by_label("Default role", exact=True).select_option("")
    await page.get_by_label("Group of row 1").select_option(label="Remove this row")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Nobody in this directory would hold")
    assert await violations(page) == []
    assert await directory.roles_of(ada) == {"chief"}
    await page.get_by_label("Take Chief, which is privileged, from everybody").check()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await directory.become(ada, set())


async def test_the_mapping_is_switched_off_and_what_is_held_is_kept_by_hand(
    browser: Browser, world: World
) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    ada = await directory.provision("ada", groups=["Admins"])
    await directory.become(ada, {"admin"})
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(f"{administrator.base}/roles")

    await page.get_by_role("button", name="Switch off").click()
    await expect(page.get_by_role("alert")).to_contain_text("Say what becomes of the roles")
    await page.get_by_label("They are kept, given by hand").check()
    await page.get_by_role("button", name="Show who is concerned").click()
    await expect(page.get_by_text("1 user keeps roles by hand")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Switch off").click()

    await expect(page.get_by_text("The mapping is switched off")).to_be_visible()
    await directory.remove(ada, "Admins")
    await page.goto(f"{administrator.base}/users/{ada.id}")
    await seen(page, "manual: the sync never takes it")
    await expect(page.get_by_text("Was given Admin by hand")).to_be_visible()
    assert await directory.roles_of(ada) == {"admin"}
    await page.goto(f"{administrator.base}/roles")
    await page.get_by_label("The mapping alone decides").check()
    await page.get_by_role("button", name="Switch on").click()
    await expect(page.get_by_role("heading", name="Switch the mapping off")).to_be_visible()
    await directory.become(ada, set())


async def test_a_row_without_its_role_is_not_taken_for_a_row_to_remove(
    browser: Browser, world: World
) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(f"{administrator.base}/roles")
    await page.get_by_label("Role of row 1").select_option("")

    await page.get_by_role("button", name="Save").click()

    await expect(page.get_by_role("alert")).to_contain_text("Row 1 has no role")
    await expect(page.get_by_label("Group of row 1")).to_have_value(directory.groups["Admins"])
    await page.goto(f"{administrator.base}/roles")
    await expect(page.get_by_label("Role of row 1")).to_have_value("admin")


async def test_a_row_goes_when_it_is_to_be_removed(browser: Browser, world: World) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(f"{administrator.base}/roles")
    await page.get_by_label("Group of row 1").select_option(label="Remove this row")

    await page.get_by_role("button", name="Save").click()

    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(page.get_by_label("Group of row 1")).to_have_value("")


async def test_what_a_mapping_would_change_is_shown_before_it_is_saved(
    browser: Browser, world: World
) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    await world.declare("editor")
    ada = await directory.provision("ada", groups=["Admins"])
    await directory.become(ada, {"admin"})
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(f"{administrator.base}/roles")
    await page.get_by_label("Role of row 1").select_option("editor")

    await page.get_by_role("button", name="Preview").click()

    shown = page.get_by_role("region", name="If you save this")
    await expect(shown.get_by_role("row").nth(1)).to_contain_text(
        f"{ada.user_name}Editor through AdminsAdmin through Admins"
    )
    assert await violations(page) == []
    assert await directory.roles_of(ada) == {"admin"}
    bob = await directory.provision("bob", groups=["Admins"])
    await directory.become(bob, {"admin"})
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("preview it again")
    await page.get_by_role("button", name="Preview").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await directory.become(ada, {"editor"})


async def test_a_groups_timeline_names_who_came_and_went(browser: Browser, world: World) -> None:
    directory = await world.directory()
    ada = await directory.provision("ada", groups=["Admins"])
    await directory.remove(ada, group="Admins")
    administrator = await sign_in(browser, world, directory.organization)
    page = administrator.page
    await page.goto(f"{administrator.base}/groups/{directory.groups['Admins']}")

    await seen(page, " left")

    await expect(page.get_by_text("Joined Admins")).to_have_count(0)
    await expect(page.get_by_role("listitem").filter(has_text="ada")).to_have_count(2)
