"""Wrong settings end with the name of the variable and what was expected."""

import pytest

from services.projector.settings import Settings
from shared import service

RIGHT = {
    "ROLLCALL_PROJECTOR_DATABASE_URL": "postgresql://projector:secret@db:5432/rollcall",
    "ROLLCALL_KAFKA_SERVERS": "one:9092,two:9092",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_two_addresses_are_enough(environment: pytest.MonkeyPatch) -> None:
    settings = service.load(Settings)

    assert settings is not None
    assert (settings.port, settings.log_format) == (8082, "json")


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ROLLCALL_PROJECTOR_DATABASE_URL", None, "is not set"),
        ("ROLLCALL_PROJECTOR_DATABASE_URL", "mysql://secret", "postgres"),
        ("ROLLCALL_PROJECTOR_PORT", "99999", "less than or equal to 65535"),
        ("ROLLCALL_PROJECTOR_PORT", "http", "valid integer"),
        ("ROLLCALL_KAFKA_SERVERS", None, "is not set"),
        ("ROLLCALL_KAFKA_SERVERS", "secret-host", "match pattern"),
        ("ROLLCALL_LOG_FORMAT", "secret", "'json' or 'console'"),
    ],
)
def test_a_wrong_variable_is_named_with_what_was_expected_and_without_its_value(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str | None,
    expected: str,
) -> None:
    environment.delenv(variable, raising=False)
    if value is not None:
        environment.setenv(variable, value)

    settings = service.load(Settings)

    said = capsys.readouterr().err
    assert settings is None
    assert said.startswith(f"{variable}: ")
    assert expected in said
    assert "secret" not in said
