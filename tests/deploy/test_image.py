"""The image: small, without root, tools or place to write, and made of what is locked."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker

from tests.deploy import docker
from tests.deploy.conftest import TAG

MIB = 1024 * 1024
BASE = "python:3.11-slim-bookworm"
PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
TOOLS = ("cc", "gcc", "g++", "ld", "make", "go", "cargo", "git", "hatchling")
LISTED = """
import importlib.metadata as m
for one in m.distributions():
    print(one.metadata["Name"].lower().replace("_", "-"), one.version)
"""


def locked() -> dict[str, str]:
    """Return what requirements/runtime.txt pins for Linux."""
    lock = Path("requirements/runtime.txt").read_text(encoding="utf-8")
    lines = re.findall(r"^([\w.-]+)==([^ ;\\]+)(?: ; ([^\\\n]+))?", lock, flags=re.MULTILINE)
    here = {"sys_platform": "linux", "python_version": "3.11", "python_full_version": "3.11.2",
            "platform_python_implementation": "CPython", "platform_system": "Linux",
            "implementation_name": "cpython", "os_name": "posix"}  # fmt: skip
    return {
        name: version
        for name, version, marker in lines
        if not marker or Marker(marker.strip()).evaluate(here)
    }


def test_it_adds_less_than_200_mib_to_its_base(image: str) -> None:
    added = docker.inspect(image)["Size"] - docker.inspect(BASE)["Size"]

    assert 0 < added < 200 * MIB


def test_it_says_what_it_is(image: str) -> None:
    labels = docker.inspect(image)["Config"]["Labels"]

    prefix = "org.opencontainers.image"
    assert labels[f"{prefix}.version"] == PROJECT["version"]
    assert labels[f"{prefix}.licenses"] == PROJECT["license"]
    assert labels[f"{prefix}.description"] == PROJECT["description"]
    assert labels[f"{prefix}.base.name"].endswith(BASE)


def test_the_commit_it_is_made_of_is_a_label(image: str) -> None:
    docker.build(Path("deploy/Dockerfile"), f"{TAG}-labelled", REVISION="abc1234", VERSION="9.9.9")

    labels = docker.inspect(f"{TAG}-labelled")["Config"]["Labels"]

    docker.call("image", "rm", f"{TAG}-labelled")
    assert labels["org.opencontainers.image.revision"] == "abc1234"
    assert labels["org.opencontainers.image.version"] == "9.9.9"


def test_its_user_is_a_number_and_not_root(image: str) -> None:
    config = docker.inspect(image)["Config"]

    user, _, group = config["User"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert config["Entrypoint"] == ["rollcall"]


def test_it_holds_no_tool_to_build_with(image: str) -> None:
    looked = " ".join(f"command -v {tool};" for tool in TOOLS)

    found = docker.run(image, "-c", f"{looked} true", options=("--entrypoint=sh",))
    pip = docker.run(image, "-c", "import pip", options=("--entrypoint=python",))

    assert found.output == ""
    assert "No module named 'pip'" in pip.errors


def test_it_holds_exactly_what_is_locked(image: str) -> None:
    listed = docker.run(image, "-Ic", LISTED, options=("--entrypoint=python",))

    found = dict(line.split() for line in listed.output.splitlines())
    assert found == {**locked(), "rollcall": PROJECT["version"]}


def test_its_list_of_parts_is_what_it_holds(image: str) -> None:
    found = docker.run(image, "/opt/rollcall/sbom.cdx.json", options=("--entrypoint=cat",))

    bom = json.loads(found.output)
    parts = {one["name"].lower().replace("_", "-"): one["version"] for one in bom["components"]}
    assert bom["bomFormat"] == "CycloneDX"
    assert bom["metadata"]["component"]["name"] == "rollcall"
    assert parts == locked()
    assert [one["name"] for one in bom["components"] if "purl" not in one] == []


@pytest.mark.parametrize("user", ["10001:10001", "4711:0"], ids=["its user", "any user"])
def test_commands_run_where_nothing_can_be_written(image: str, user: str) -> None:
    ended = docker.run(image, "--help", options=(f"--user={user}",))

    assert ended.code == 0
    assert "Directory sync you can run yourself." in ended.output


def test_its_files_belong_to_root(image: str) -> None:
    """What runs cannot change what runs."""
    writable = "find /opt/rollcall -writable -not -type l | head"

    found = docker.run(image, "-c", writable, options=("--entrypoint=sh",))

    assert found.output == ""
