"""Which variables each container of an installation reads: what deployments are held to."""

import re
from importlib import import_module
from pathlib import Path

from cli.addresses import VARIABLES
from shared import kafka

SERVICES = ("ingest", "roles", "projector", "portal")
URLS = {f"ROLLCALL_{name.upper()}_DATABASE_URL" for name in SERVICES}
SUPERUSER = "ROLLCALL_SUPERUSER_DATABASE_URL"
SECRET = {*URLS, "ROLLCALL_API_KEY", "ROLLCALL_INGEST_TOKEN_PEPPER", "ROLLCALL_PORTAL_SECRET"}
MAY_BE_SECRET = {
    "ROLLCALL_KAFKA_CA",
    "ROLLCALL_KAFKA_PASSWORD",
    "ROLLCALL_PORTAL_OIDC_CLIENT_SECRET",
}
"""What need not be given, and comes as a file if it is."""
NAMED_BY_SETTINGS = {"API_KEYS", "POSTGRES_CA"}
"""Files beside those of settings, whose paths settings say."""
READ_BY = {
    "bootstrap": {SUPERUSER, *URLS},
    "migrate": URLS,
    "topics": {*kafka.VARIABLES.values()},
    "rollcall": {
        *VARIABLES.values(),
        *kafka.VARIABLES.values(),
        *URLS - {"ROLLCALL_PORTAL_DATABASE_URL"},
    },
}
"""What jobs and the command line read."""


def settings_of(service: str) -> set[str]:
    """Return every variable that a service reads."""
    return set(_settings(service))


def required_by(service: str) -> set[str]:
    """Return the variables without which a service does not start."""
    return {name for name, is_required in _settings(service).items() if is_required}


def of_the_image() -> set[str]:
    """Return the variables that the image sets."""
    dockerfile = Path("deploy/Dockerfile").read_text(encoding="utf-8")
    return set(re.findall(r"(ROLLCALL_\w+)=", dockerfile))


def _settings(service: str) -> dict[str, bool]:
    settings = import_module(f"services.{service}.settings").Settings
    prefix = settings.model_config["env_prefix"]
    return {
        str(field.validation_alias or f"{prefix}{name}".upper()): field.is_required()
        for name, field in settings.model_fields.items()
    }
