"""The portal as somebody meets it: signed in by an invitation, in a browser of its own."""

from dataclasses import dataclass
from typing import Literal

from playwright.async_api import Browser, Page

from tests.support.waiting import eventually
from tests.support.world import Directory, World

Scheme = Literal["light", "dark"]
WRONG_TOKEN = "scim_0a1b2c3d4e_this-token-was-never-made-a91f"


@dataclass(slots=True)
class Administrator:
    """Somebody who signed in by an invitation for one organization."""

    page: Page
    base: str

    async def opens(self, path: str) -> Page:
        await self.page.goto(self.base + path)
        return self.page


async def sign_in(
    browser: Browser,
    world: World,
    organization: str,
    scheme: Scheme = "light",
    *,
    script: bool = True,
) -> Administrator:
    context = await browser.new_context(color_scheme=scheme, java_script_enabled=script)
    page = await context.new_page()
    await page.goto(await world.invitation(organization))
    await page.get_by_role("button", name="Continue").click()
    return Administrator(page, f"{world.system.run['portal']}/portal/{organization}")


async def seen(page: Page, text: str) -> None:
    """Reload until the page shows the text: what OneLogin sent is there within a second."""

    async def is_there() -> bool:
        await page.reload()
        return await page.get_by_text(text).first.is_visible()

    await eventually(is_there, within_s=10)


async def call_with_wrong_token(directory: Directory) -> None:
    """Call as a provider does that holds another token, which ends in a91f."""
    headers = {"Authorization": f"Bearer {WRONG_TOKEN}"}
    async with directory.world.http.get(f"{directory.endpoint}/Users?", headers=headers) as answer:
        assert answer.status == 401
