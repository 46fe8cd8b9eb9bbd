"""deploy/compose.yaml fits the code, hides secrets and bounds what runs; tests/deploy starts it."""

import re
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.deployed import (
    READ_BY,
    SECRET,
    SERVICES,
    SUPERUSER,
    of_the_image,
    settings_of,
)

FILE = yaml.safe_load(Path("deploy/compose.yaml").read_text(encoding="utf-8"))
CONTAINERS: dict[str, dict[str, Any]] = FILE["services"]
OURS = (*SERVICES, "bootstrap", "migrate", "topics", "rollcall")


def given_to(container: str) -> set[str]:
    found = CONTAINERS[container]
    return {*found.get("environment", {}), *found.get("secrets", [])}


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_of_a_service_can_be_given_and_nothing_else_is(service: str) -> None:
    assert given_to(service) == settings_of(service) - of_the_image()


@pytest.mark.parametrize("container", READ_BY)
def test_jobs_and_commands_are_given_what_they_read(container: str) -> None:
    assert given_to(container) == READ_BY[container]


@pytest.mark.parametrize("container", CONTAINERS)
def test_no_secret_is_in_an_environment(container: str) -> None:
    environment = CONTAINERS[container].get("environment", {})

    assert not {*SECRET, SUPERUSER, "POSTGRES_PASSWORD"} & set(environment)
    assert not [value for value in environment.values() if re.search(r"://[^/]*@", str(value))]


def test_every_secret_is_a_file_that_the_script_makes_and_somebody_reads(tmp_path: Path) -> None:
    subprocess.run(["sh", "deploy/secrets.sh", str(tmp_path / "secrets")], check=True)  # noqa: S607

    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert {Path(one["file"]).name for one in FILE["secrets"].values()} == made
    assert set(FILE["secrets"]) == made
    assert made == {name for one in CONTAINERS.values() for name in one.get("secrets", [])}


def test_the_script_keeps_what_is_there_and_closes_the_folder(tmp_path: Path) -> None:
    def made() -> dict[str, str]:
        subprocess.run(["sh", "deploy/secrets.sh", str(tmp_path / "secrets")], check=True)  # noqa: S607
        return {path.name: path.read_text("utf-8") for path in (tmp_path / "secrets").iterdir()}

    first = made()
    (tmp_path / "secrets" / "ROLLCALL_API_KEY").unlink()
    second = made()

    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {name for name in first if first[name] != second[name]} == {"ROLLCALL_API_KEY"}
    assert len(set(second.values())) == len(second)
    assert all(len(text.strip()) >= 32 for text in second.values())


@pytest.mark.parametrize("container", CONTAINERS)
def test_images_are_pinned(container: str) -> None:
    image = re.sub(r"\$\{\w+:-(.*)\}", r"\1", CONTAINERS[container]["image"])
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]

    _, _, tag = image.rpartition(":")
    assert re.match(r"\d", tag)
    if container in OURS:
        assert tag == project["version"]


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_runs_is_bounded_and_may_do_no_more_than_it_needs(container: str) -> None:
    found = CONTAINERS[container]

    assert found["mem_limit"]
    assert found["pids_limit"]
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["logging"]["options"]["max-size"]
    assert found.get("read_only", False) == (container in OURS)


@pytest.mark.parametrize("container", [*SERVICES, "postgres", "kafka"])
def test_what_dies_is_started_again(container: str) -> None:
    assert CONTAINERS[container]["restart"] == "unless-stopped"


@pytest.mark.parametrize("container", ["postgres", "kafka"])
def test_data_is_in_a_volume_and_only_containers_reach_it(container: str) -> None:
    found = CONTAINERS[container]

    [mount] = found["volumes"]
    assert mount.partition(":")[0] in FILE["volumes"]
    assert found["networks"] == ["data"]
    assert "ports" not in found
    assert FILE["networks"]["data"] == {"internal": True}


def test_ports_are_published_on_this_machine_alone_unless_told() -> None:
    published = [port for one in CONTAINERS.values() for port in one.get("ports", [])]

    assert len(published) == 2
    assert all(port.startswith("${ROLLCALL_PUBLISH_ADDRESS:-127.0.0.1}:") for port in published)


@pytest.mark.parametrize("service", SERVICES)
def test_services_start_after_migrations_and_topics(service: str) -> None:
    waits = CONTAINERS[service]["depends_on"]

    assert set(waits) == {"migrate", "topics"}
    assert {one["condition"] for one in waits.values()} == {"service_completed_successfully"}


def test_the_page_names_each_variable_of_the_file_that_is_no_setting() -> None:
    page = Path("docs/how-to/deploy-with-compose.md").read_text(encoding="utf-8")
    text = Path("deploy/compose.yaml").read_text(encoding="utf-8")

    assert set(re.findall(r"\$\{(\w+)", text)) <= set(re.findall(r"`(ROLLCALL_\w+)`", page))
