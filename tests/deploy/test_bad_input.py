"""What is missing or wrong stops a container with exit code 2 and one line that names it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.deploy import docker
from tests.deploy.docker import Ended

SERVICES = ("ingest", "roles", "projector", "portal")
RIGHT = {
    **{f"ROLLCALL_{name.upper()}_DATABASE_URL": f"postgresql://{name}:marked@nowhere/rollcall"
       for name in SERVICES},
    "ROLLCALL_KAFKA_SERVERS": "nowhere:9092",
    "ROLLCALL_API_KEY": "a marked key of the tests",
    "ROLLCALL_INGEST_TOKEN_PEPPER": "a marked pepper of the tests",
    "ROLLCALL_PORTAL_SECRET": "a marked secret of the tests",
}  # fmt: skip
Start = Callable[[str, Mapping[str, str | None]], Ended]


@pytest.fixture
def start(image: str, tmp_path: Path) -> Start:
    """Start a service with every setting in a file, save those that are given; None leaves out."""

    def run(service: str, given: Mapping[str, str | None]) -> Ended:
        for name, text in {**RIGHT, **given}.items():
            if text is not None:
                (tmp_path / name).write_text(text, encoding="utf-8")
        tmp_path.chmod(0o755)
        mounted = (f"--volume={tmp_path}:/run/secrets:ro", "--network=none")
        return docker.run(image, service, options=mounted)

    return run


WRONG = [
    *[(name, f"ROLLCALL_{name.upper()}_DATABASE_URL", None, "is not set") for name in SERVICES],
    *[(name, "ROLLCALL_API_KEY", "marked", "at least 16 characters") for name in SERVICES],
    *[(name, "ROLLCALL_KAFKA_SERVERS", None, "is not set")
      for name in ("ingest", "roles", "projector")],
    ("ingest", "ROLLCALL_INGEST_TOKEN_PEPPER", None, "no file /run/secrets/ROLLCALL_INGEST_TOKEN"),
    ("ingest", "ROLLCALL_INGEST_DATABASE_URL", "mysql://marked", "postgres"),
    ("portal", "ROLLCALL_PORTAL_SECRET", "", "at least 16 characters"),
    ("roles", "ROLLCALL_LOG_LEVEL", "marked", "'DEBUG'"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "variable", "text", "expected"), WRONG)
def test_a_setting_that_is_missing_or_wrong(
    start: Start, service: str, variable: str, text: str | None, expected: str
) -> None:
    ended = start(service, {variable: text})

    [line] = ended.errors.splitlines()
    assert ended.code == 2
    assert line.startswith(f"{variable}: ")
    assert expected in line
    assert "marked" not in line


@pytest.mark.parametrize("service", ["roles", "migrate"])
def test_a_secret_that_its_user_may_not_read(image: str, tmp_path: Path, service: str) -> None:
    for name, text in RIGHT.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    tmp_path.chmod(0o755)
    (tmp_path / "ROLLCALL_ROLES_DATABASE_URL").chmod(0o600)
    mounted = (f"--volume={tmp_path}:/run/secrets:ro", "--network=none")

    ended = docker.run(image, service, options=mounted)

    [line] = ended.errors.splitlines()
    assert ended.code == 2
    assert "ROLLCALL_ROLES_DATABASE_URL: /run/secrets/" in line
    assert line.endswith("cannot be read: Permission denied")


@pytest.mark.parametrize("service", SERVICES)
def test_a_certificate_that_is_not_there(start: Start, service: str) -> None:
    variable = f"ROLLCALL_{service.upper()}_DATABASE_URL"
    url = f"{RIGHT[variable]}?sslmode=verify-full&sslrootcert=/run/secrets/root.crt"

    ended = start(service, {variable: url})

    [line] = ended.errors.splitlines()
    assert ended.code == 2
    assert variable in line
    assert "sslrootcert in the database URL is /run/secrets/root.crt" in line
    assert "marked" not in line
