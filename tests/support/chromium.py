"""A real browser for the e2e tests: the Chromium that `tests.support.browser` finds."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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


# Also the rule of WCAG 2.2 that axe leaves out unless asked: targets of 24 pixels.
_ALL_RULES = """
() => axe.run({resultTypes: ["violations"], rules: {"target-size": {enabled: true}}})
"""
_COLOURS = """
() => axe.run({resultTypes: ["violations"], runOnly: ["color-contrast"]})
"""


async def violations(page: Page, *, only_colours: bool = False) -> list[str]:
    """Return what axe finds on a page, as rule and element."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate(_COLOURS if only_colours else _ALL_RULES)
    return [
        f"{violation['id']}: {node['html']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


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
