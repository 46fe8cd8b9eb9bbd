"""The portal as somebody meets it: signed in by an invitation, in a browser of its own."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from playwright.async_api import Browser, Page

from tests.support.world import Directory, World

Scheme = Literal["light", "dark"]
# Half of a test's work may be loading pages: what is not there yet is not looked for at once.
_LOOK_AGAIN_AFTER_S = 0.25
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
    """Sign in as the button of the link does, without loading the pages around it."""
    context = await browser.new_context(color_scheme=scheme, java_script_enabled=script)
    answer = await context.request.post(await world.invitation(organization), max_redirects=0)
    assert answer.status == 303  # on to the overview
    base = f"{world.system.run['portal']}/portal/{organization}"
    return Administrator(await context.new_page(), base)


async def seen(page: Page, text: str) -> None:
    """Reload until the page shows the text: what OneLogin sent is there within a second."""
    wanted = page.get_by_text(text).first
    async with asyncio.timeout(20):
        while not await wanted.is_visible():
            await asyncio.sleep(_LOOK_AGAIN_AFTER_S)
            await page.reload()


async def call_with_wrong_token(directory: Directory) -> None:
    """Call as a provider does that holds another token, which ends in a91f."""
    headers = {"Authorization": f"Bearer {WRONG_TOKEN}"}
    async with directory.world.http.get(f"{directory.endpoint}/Users?", headers=headers) as answer:
        assert answer.status == 401
