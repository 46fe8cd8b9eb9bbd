"""Settings come from variables or files; a wrong one ends with its name, never with its value."""

import asyncio
import os
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic_settings import BaseSettings
from structlog.testing import capture_logs

from cli import addresses
from cli.__main__ import rollcall
from services import __main__ as services
from shared import service, variables

SERVICES = ("ingest", "roles", "projector", "portal")
RIGHT = {
    **{
        f"ROLLCALL_{name.upper()}_DATABASE_URL": f"postgresql://{name}:secret@db:5432/rollcall"
        for name in SERVICES
    },
    "ROLLCALL_KAFKA_SERVERS": "one:9092,two:9092",
    "ROLLCALL_API_KEY": "a key of the tests",
    "ROLLCALL_INGEST_TOKEN_PEPPER": "a pepper of the tests",
    "ROLLCALL_PORTAL_SECRET": "a secret of the tests",
}
WRONG = [
    ("projector", "ROLLCALL_PROJECTOR_DATABASE_URL", None, "is not set"),
    *[(name, f"ROLLCALL_{name.upper()}_DATABASE_URL", "mysql://secret", "postgres")
      for name in SERVICES],
    *[(name, "ROLLCALL_KAFKA_SERVERS", "secret-host", "match pattern")
      for name in ("ingest", "roles", "projector")],
    ("projector", "ROLLCALL_KAFKA_SERVERS", None, "is not set"),
    ("projector", "ROLLCALL_PROJECTOR_PORT", "99999", "less than or equal to 65535"),
    ("projector", "ROLLCALL_PROJECTOR_PORT", "http", "valid integer"),
    ("projector", "ROLLCALL_LOG_FORMAT", "secret", "'json' or 'console'"),
    ("ingest", "ROLLCALL_INGEST_PUBLIC_URL", "secret.example", "http"),
    ("ingest", "ROLLCALL_INGEST_TOKEN_PEPPER", "secret", "match pattern"),
    ("ingest", "ROLLCALL_INGEST_TOKEN_PEPPER", "a right secret pepper\nsecret", "match pattern"),
    ("ingest", "ROLLCALL_KAFKA_SECURITY_PROTOCOL", "secret", "'PLAINTEXT', 'SSL' or 'SASL_SSL'"),
    ("portal", "ROLLCALL_PORTAL_PUBLIC_URL", "secret.example", "http"),
    ("portal", "ROLLCALL_PORTAL_INGEST_URL", "secret.example", "http"),
    ("portal", "ROLLCALL_PORTAL_ROLES_URL", "secret.example", "http"),
    ("roles", "ROLLCALL_API_KEY", "secret", "at least 16 characters"),
    ("projector", "ROLLCALL_API_KEY", None, "is not set"),
    *[(name, f"ROLLCALL_{name.upper()}_INGEST_URL", "secret.example", "http")
      for name in ("roles", "projector")],
]  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def settings_of(name: str) -> type[BaseSettings]:
    settings: type[BaseSettings] = import_module(f"services.{name}.settings").Settings
    return settings


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_required_is_enough(name: str) -> None:
    settings = service.load(settings_of(name))

    assert settings is not None
    assert settings.model_dump()["log_format"] == "json"


@pytest.mark.parametrize("name", ["ingest", "portal"])
def test_an_empty_public_address_is_none(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(f"ROLLCALL_{name.upper()}_PUBLIC_URL", "")

    assert service.load(settings_of(name)) is not None


@pytest.mark.parametrize(("name", "variable", "value", "expected"), WRONG)
def test_a_wrong_variable_is_named_with_what_was_expected_and_without_its_value(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    variable: str,
    value: str | None,
    expected: str,
) -> None:
    environment.delenv(variable, raising=False)
    if value is not None:
        environment.setenv(variable, value)

    settings = service.load(settings_of(name))

    said = capsys.readouterr().err
    assert settings is None
    assert said.startswith(f"{variable}: ")
    assert expected in said
    assert "secret" not in said


@pytest.fixture
def files(environment: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that holds each setting in a file; the environment has none."""
    for name, value in RIGHT.items():
        environment.delenv(name)
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
    environment.setenv("ROLLCALL_SECRETS_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", SERVICES)
def test_files_say_what_the_environment_does_not(name: str, files: Path) -> None:
    settings = service.load(settings_of(name))

    assert settings is not None
    said = settings.model_dump()
    assert said["database_url"] == RIGHT[f"ROLLCALL_{name.upper()}_DATABASE_URL"]
    assert said["api_key"] == RIGHT["ROLLCALL_API_KEY"]


def test_the_environment_goes_before_a_file(environment: pytest.MonkeyPatch, files: Path) -> None:
    environment.setenv("ROLLCALL_API_KEY", "a key of the environment")

    settings = service.load(settings_of("roles"))

    assert settings is not None
    assert settings.model_dump()["api_key"] == "a key of the environment"


def test_commands_and_migrations_read_the_same_files(files: Path) -> None:
    assert services.database_urls()["portal"] == RIGHT["ROLLCALL_PORTAL_DATABASE_URL"]
    assert addresses.find().of("api_key") == RIGHT["ROLLCALL_API_KEY"]


def test_what_is_in_no_file_either_is_named_with_the_file(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "ROLLCALL_API_KEY").unlink()

    settings = service.load(settings_of("roles"))

    assert settings is None
    assert capsys.readouterr().err == (
        f"ROLLCALL_API_KEY: is not set, and there is no file {files}/ROLLCALL_API_KEY; "
        "docs/reference/settings.md says what it holds\n"
    )


def test_a_wrong_text_in_a_file_is_named_and_not_shown(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "ROLLCALL_API_KEY").write_text("secret", encoding="utf-8")

    settings = service.load(settings_of("roles"))

    said = capsys.readouterr().err
    assert settings is None
    assert said == "ROLLCALL_API_KEY: String should have at least 16 characters\n"


def test_a_file_that_cannot_be_read_is_named(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "ROLLCALL_INGEST_DATABASE_URL").unlink()
    (files / "ROLLCALL_INGEST_DATABASE_URL").mkdir()

    settings = service.load(settings_of("ingest"))
    code = services.main(["migrate"])
    outcome = CliRunner().invoke(rollcall, ["migrate"])

    expected = f"ROLLCALL_INGEST_DATABASE_URL: {files}/ROLLCALL_INGEST_DATABASE_URL cannot be read"
    line = f"{expected}: {os.strerror(21)}\n"
    assert settings is None
    assert code == 2
    assert capsys.readouterr().err == line * 2
    assert outcome.output == f"Error: {line}"
    assert outcome.exit_code == 2


async def changed(settings: BaseSettings) -> None:
    await service.until_changed(settings, look_every_s=0.01)


@pytest.mark.parametrize("name", SERVICES)
async def test_another_text_in_a_file_is_noticed(files: Path, name: str) -> None:
    watch = asyncio.create_task(changed(variables.load(settings_of(name))))

    done, _ = await asyncio.wait([watch], timeout=0.1)
    (files / f"ROLLCALL_{name.upper()}_DATABASE_URL").write_text(
        "postgresql://new:word@db/rollcall"
    )

    assert not done
    await asyncio.wait_for(watch, timeout=5)


async def test_a_wrong_text_in_a_file_changes_nothing_and_is_said_once(files: Path) -> None:
    watch = asyncio.create_task(changed(variables.load(settings_of("roles"))))
    with capture_logs() as logs:
        (files / "ROLLCALL_API_KEY").write_text("secret", encoding="utf-8")
        await asyncio.wait([watch], timeout=0.2)

        assert not watch.done()
        assert [log["reason"] for log in logs] == [
            "ROLLCALL_API_KEY: String should have at least 16 characters"
        ]
    (files / "ROLLCALL_API_KEY").write_text("another key of the tests", encoding="utf-8")
    await asyncio.wait_for(watch, timeout=5)
