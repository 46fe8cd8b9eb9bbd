"""Operators sign in at a real OpenID Connect provider, in a real browser."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from deploy.local import ports
from tests.support import openid
from tests.support.chromium import violations
from tests.support.openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.support.service import Service
from tests.support.system import System
from tests.support.world import World


@pytest.fixture(scope="module")
def port() -> int:
    return ports.choose()


@pytest.fixture(scope="module")
async def provider(
    tmp_path_factory: pytest.TempPathFactory, port: int
) -> AsyncIterator[OpenIdProvider]:
    folder: Path = tmp_path_factory.mktemp("openid")
    async with openid.provider(folder, f"http://127.0.0.1:{port}/sign-in/callback") as found:
        yield found


@pytest.fixture(scope="module")
async def portal(system: System, provider: OpenIdProvider, port: int) -> AsyncIterator[Service]:
    """A second portal of the system, at which operators sign in by themselves."""
    found = Service("portal", _environment(system, provider, port), f"http://127.0.0.1:{port}")
    async with found.running():
        yield found


def _environment(system: System, provider: OpenIdProvider, port: int) -> dict[str, str]:
    run = system.run
    return {
        **os.environ,
        "ROLLCALL_PORTAL_DATABASE_URL": run["postgres"]["portal"],
        "ROLLCALL_PORTAL_PORT": str(port),
        "ROLLCALL_PORTAL_SECRET": "a secret of the tests",
        "ROLLCALL_PORTAL_INGEST_URL": run["ingest"],
        "ROLLCALL_PORTAL_ROLES_URL": run["roles"],
        "ROLLCALL_PORTAL_OIDC_ISSUER": provider.issuer,
        "ROLLCALL_PORTAL_OIDC_CLIENT_ID": CLIENT_ID,
        "ROLLCALL_PORTAL_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "ROLLCALL_PORTAL_OIDC_OPERATORS": "groups=rollcall-operators",
        "ROLLCALL_API_KEY": run["api_key"],
        "ROLLCALL_LOG_LEVEL": "WARNING",
    }


async def sign_in(browser: Browser, portal: Service, name: str) -> Page:
    page = await (await browser.new_context()).new_page()
    await page.goto(portal.url)
    await page.get_by_role("link", name="Sign in as an operator").click()
    await page.get_by_role("link", name="Sign in", exact=True).click()
    await page.locator("input[name=login]").fill(name)
    await page.locator("input[name=password]").fill("anything")
    await page.locator("button[type=submit]").click()
    await page.get_by_role("button", name="Continue").click()
    return page


async def test_an_operator_signs_in_and_acts_under_a_name(
    browser: Browser, world: World, portal: Service
) -> None:
    directory = await world.directory()

    page = await sign_in(browser, portal, "ops.ada")

    await expect(page.get_by_role("heading", name="Organizations")).to_be_visible()
    assert page.url == f"{portal.url}/organizations"
    # The provider has cookies of its own on this machine; of ours one is left.
    cookies = {each["name"] for each in await page.context.cookies(portal.url)}
    assert cookies & {"session", "sign-in"} == {"session"}
    base = f"{portal.url}/portal/{directory.organization}/provisioning/{directory.id}"
    await page.goto(f"{base}/pause")
    await page.get_by_label("Type Globex to pause it").fill("Globex")
    await page.get_by_role("button", name="Pause syncing").click()
    await expect(page.get_by_text("Paused a moment ago by ops.ada@operators.test.")).to_be_visible()


async def test_who_is_no_operator_stays_outside(browser: Browser, portal: Service) -> None:
    page = await sign_in(browser, portal, "somebody")

    await expect(page.get_by_role("alert")).to_contain_text("not as an operator")
    assert await violations(page) == []
    await page.goto(portal.url)
    await expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()


async def test_an_answer_to_another_browser_or_a_second_time_is_refused(
    browser: Browser, world: World, portal: Service
) -> None:
    answers: list[str] = []
    page = await (await browser.new_context()).new_page()
    page.on("request", lambda sent: answers.append(sent.url) if "code=" in sent.url else None)
    await page.goto(f"{portal.url}/sign-in")
    await page.get_by_role("link", name="Sign in", exact=True).click()
    await page.locator("input[name=login]").fill("ops.grace")
    await page.locator("input[name=password]").fill("anything")
    await page.locator("button[type=submit]").click()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", name="Organizations")).to_be_visible()

    (answer,) = {each for each in answers if each.startswith(portal.url)}
    again = await page.goto(answer)
    stranger = await (await browser.new_context()).new_page()
    elsewhere = await stranger.goto(answer)

    assert again
    assert elsewhere
    assert (again.status, elsewhere.status) == (403, 403)
    assert await stranger.context.cookies(portal.url) == []


async def test_where_no_provider_is_set_there_is_no_such_page(
    browser: Browser, world: World
) -> None:
    page = await (await browser.new_context()).new_page()

    answer = await page.goto(f"{world.system.run['portal']}/sign-in")

    assert answer
    assert answer.status == 404
