"""What can be said of the image without building it; tests/deploy builds it."""

import re
import tomllib
from pathlib import Path

DOCKERFILE = Path("deploy/Dockerfile").read_text(encoding="utf-8")
IGNORE = Path(".dockerignore").read_text(encoding="utf-8").splitlines()
PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))


def test_it_needs_no_frontend_from_a_registry() -> None:
    assert not re.search(r"^#\s*syntax=", DOCKERFILE, flags=re.MULTILINE)


def test_its_base_is_one_and_pinned() -> None:
    assert re.findall(r"^ARG PYTHON=(.*)$", DOCKERFILE, flags=re.MULTILINE) == [
        "python:3.11-slim-bookworm"
    ]
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)) == {"$PYTHON"}


def test_its_version_is_that_of_the_package() -> None:
    assert f"ARG VERSION={PROJECT['project']['version']}\n" in DOCKERFILE


def test_everything_is_installed_by_its_hash() -> None:
    installs = re.findall(r"pip[^\n]* install.*?(?=\n&&|\nCOPY|\n\n| && )", DOCKERFILE, re.DOTALL)

    of_locks = [one for one in installs if "requirements/" in one]
    assert len(of_locks) == 2
    assert all("--require-hashes" in one for one in of_locks)


def test_what_it_is_made_of_is_written_down_once_everything_is_installed() -> None:
    installed = DOCKERFILE.index("dist/*.whl")
    written = DOCKERFILE.index("cyclonedx-py environment")

    assert installed < written < DOCKERFILE.index("FROM $PYTHON\n", installed)
    assert "/opt/rollcall/sbom.cdx.json /opt/rollcall/bin/python" in DOCKERFILE


def test_only_what_the_image_is_made_of_is_sent_to_the_engine() -> None:
    assert IGNORE[1] == "*"
    allowed = [line[1:] for line in IGNORE if line.startswith("!")]

    assert all(Path(path).exists() for path in allowed)
    assert {path.partition("/")[0] for path in allowed} >= set(
        PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    )
