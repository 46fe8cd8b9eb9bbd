"""A real browser for the e2e tests: the Chromium that `tests.support.browser` finds."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from tests.support import browser

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


async def violations(page: Page) -> list[str]:
    """Return what axe finds on a page, as rule and element."""
    results = await Axe().run(page)
    return [
        f"{violation['id']}: {node['html']}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]
