"""One Chromium for all browser tests of a worker; nothing that a test opened outlives it."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.support.chromium import chromium


@pytest.fixture(scope="session")
async def shared_browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest.fixture
async def browser(shared_browser: Browser) -> AsyncIterator[Browser]:
    """A browser without cookies and pages of other tests: an open page goes on following."""
    yield shared_browser
    for context in shared_browser.contexts:
        await context.close()
