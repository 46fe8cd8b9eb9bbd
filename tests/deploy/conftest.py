"""What is deployed, started for real; skipped where there is no Docker engine."""

from pathlib import Path

import pytest

from tests.deploy import docker

TAG = "rollcall:under-test"


@pytest.fixture(scope="session")
def image() -> str:
    """The image, built from this tree; each test that runs one thing in a container uses it."""
    if not docker.is_there():
        pytest.skip("no Docker engine answers")
    docker.build(Path("deploy/Dockerfile"), TAG)
    return TAG
