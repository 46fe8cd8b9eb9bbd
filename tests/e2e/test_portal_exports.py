"""Lists as files, downloaded by a real browser."""

import csv
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.support.portal import call_with_wrong_token, seen, sign_in
from tests.support.world import World


async def exported(page: Page, folder: Path) -> tuple[str, list[dict[str, str]]]:
    """Press Export as CSV; return the name of the file and its rows."""
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Export as CSV").click()
    download = await waiting.value
    path = folder / download.suggested_filename
    await download.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return download.suggested_filename, list(csv.DictReader(file))


async def test_the_users_of_a_selection_are_a_file_with_groups_and_roles(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    directory = await world.directory(mapping={"Admins": "admin"})
    magdalena = await directory.provision("magdalena", groups=["Admins"])
    evil = await directory.provision("=cmd|calc")
    await directory.suspend(evil)
    await directory.become(magdalena, {"admin"})
    administrator = await sign_in(browser, world, directory.organization, script=False)
    await administrator.opens("/users")
    await seen(administrator.page, "○ Inactive")

    name, rows = await exported(administrator.page, tmp_path)

    assert name.startswith("users-globex-")
    by_name = {row["User name"]: row for row in rows}
    assert by_name.keys() == {"magdalena@globex.test", "'=cmd|calc@globex.test"}
    assert by_name["magdalena@globex.test"]["Groups"] == "Admins"
    assert by_name["magdalena@globex.test"]["Roles"] == "Admin"
    assert by_name["'=cmd|calc@globex.test"]["State"] == "inactive"
    await administrator.opens("/users?state=active")
    assert [row["User name"] for row in (await exported(administrator.page, tmp_path))[1]] == [
        "magdalena@globex.test"
    ]


async def test_more_users_than_a_page_are_all_in_the_file_once(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    directory = await world.directory()
    people = {f"user{number}@globex.test" for number in range(60)}
    for person in sorted(people):
        await directory.call("POST", "/Users?", {"userName": person})
    administrator = await sign_in(browser, world, directory.organization)
    await administrator.opens("/users?q=user59")
    await seen(administrator.page, "user59@globex.test")
    await administrator.opens("/users")

    _, rows = await exported(administrator.page, tmp_path)

    assert sorted(row["User name"] for row in rows) == sorted(people)


async def test_the_calls_of_a_period_are_a_file_with_advice(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    directory = await world.directory()
    await directory.provision("magdalena")
    await call_with_wrong_token(directory)
    administrator = await sign_in(browser, world, directory.organization)
    page = await administrator.opens("/activity?result=failed")
    await seen(page, "it ended in a91f")

    _, rows = await exported(page, tmp_path)

    assert [(row["Status"], row["Action"]) for row in rows] == [("401", "List users")]
    assert "it ended in a91f" in rows[0]["Advice"]
    base = page.url.partition("/activity")[0]
    answer = await page.request.get(f"{base}/activity.csv?since=never", max_redirects=0)
    assert answer.status == 303
    await page.goto(f"{base}/activity.csv?since=never")
    await expect(page.get_by_role("alert")).to_contain_text("Give it as a day and a time")
