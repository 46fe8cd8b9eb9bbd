"""Fixtures for all tests; nothing starts unless a test asks for it."""

import os
from collections.abc import AsyncIterator

# Its plugin would import it at the very end, deep in the stack, where a garbage collection makes
# Python 3.11 fail (python/cpython#106905).
import hypothesis
import pytest

from tests.support.servers import Databases, Servers, fresh_database
from tests.support.servers import servers as running_servers
from tests.support.system import System
from tests.support.system import running as running_system
from tests.support.world import World, world_of

# No test asserts a time: a machine that has other work would fail it.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Servers]:
    async with running_servers() as found:
        yield found


@pytest.fixture
async def databases(servers: Servers) -> AsyncIterator[Databases]:
    async with fresh_database(servers) as made:
        yield made


@pytest.fixture(scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """All of Rollcall, shared by the e2e tests; each test has organizations of its own."""
    async with running_system(tmp_path_factory.mktemp("system")) as ready:
        yield ready


@pytest.fixture
async def world(system: System) -> AsyncIterator[World]:
    async with world_of(system) as found:
        yield found


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A skipped test is a failure where CI=true: it proves nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if reporter and skipped and os.environ.get("CI") == "true":
        reporter.write_line(f"{len(skipped)} skipped: with CI=true that is a failure")
        session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
