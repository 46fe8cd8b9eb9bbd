"""docs/reference/settings.md names every variable that the code reads, and no other."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from shared.variables import SECRETS_DIR

SERVICES = ("ingest", "roles", "projector", "portal")
REFERENCE = Path("docs/reference/settings.md").read_text(encoding="utf-8")
_VARIABLE = r"(?:ROLLCALL|OTEL)_[A-Z_]+"


def variables(service: str) -> set[str]:
    settings: type[BaseSettings] = import_module(f"services.{service}.settings").Settings
    prefix = settings.model_config.get("env_prefix", "")
    return {
        str(field.validation_alias or f"{prefix}{name}".upper())
        for name, field in settings.model_fields.items()
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_in_the_reference(service: str) -> None:
    assert variables(service) - set(re.findall(_VARIABLE, REFERENCE)) == set()


def test_the_reference_names_no_setting_that_nobody_reads() -> None:
    services, _, _ = REFERENCE.partition("## The command line")

    read = {SECRETS_DIR}.union(*map(variables, SERVICES))
    assert set(re.findall(_VARIABLE, services)) == read
