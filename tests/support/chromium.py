"""A real browser for the e2e tests: the Chromium that `tests.support.browser` finds."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support import browser

# What a page must come to say is waited for; how fast it does is no test's business.
expect.set_options(timeout=20_000)
# Chromium must not look for updates and services elsewhere; root may not use its sandbox.
_ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Yield a headless browser."""
    path = await _find()
    assert path, "no Chromium: `make browser` installs one"
    arguments = [*_ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=path, args=arguments)
        yield found
        await found.close()


async def _find() -> str | None:
    # Asks Playwright's synchronous half, which refuses to run inside an event loop.
    return await asyncio.to_thread(browser.find)


Rules = Literal["all", "colours", "all but colours"]
# Also the rule of WCAG 2.2 that axe leaves out unless asked: targets of 24 pixels.
_RULES: Mapping[Rules, Mapping[str, object]] = {
    "all": {"rules": {"target-size": {"enabled": True}}},
    "colours": {"runOnly": ["color-contrast"]},
    "all but colours": {
        "rules": {"target-size": {"enabled": True}, "color-contrast": {"enabled": False}}
    },
}


async def violations(page: Page, rules: Rules = "all") -> list[str]:
    """Return what axe finds on a page, as rule and element."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], **_RULES[rules]}
    found = await page.evaluate("options => axe.run(options)", options)
    return [
        f"{violation['id']}: {node['html']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


_WIDTHS: Mapping[int, Rules] = {1280: "all", 320: "all but colours"}


async def faults(page: Page) -> list[str]:
    """Return what axe finds, wide and at 320 px, in light and dark, and what is too wide.

    A colour is the same at each width, and with the scheme nothing but colours changes.
    """
    found = []
    # No colour is halfway to another one.
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    for width, rules in _WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": 800})
        found += [f"{width}: {each}" for each in await violations(page, rules)]
        actual = await page.evaluate("document.documentElement.scrollWidth")
        found += [f"{actual} pixels wide at {width}"] if actual > width else []
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return [*found, *(f"dark: {each}" for each in await violations(page, "colours"))]
