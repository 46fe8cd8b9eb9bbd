"""A setting is a variable of the environment, or a file of its name in `ROLLCALL_SECRETS_DIR`.

Containers are given secrets as files: other processes and `docker inspect` show an environment. A
file is read when it is asked for, so what is rotated is seen by whoever asks again.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

if TYPE_CHECKING:
    # The command line reads a variable or two, and starts a third faster without it.
    from pydantic_settings import BaseSettings

SECRETS_DIR = "ROLLCALL_SECRETS_DIR"
AnySettings = TypeVar("AnySettings", bound="BaseSettings")


class UnreadableFileError(Exception):
    """The file of a setting is there and cannot be read."""


class WrongSettingsError(Exception):
    """Settings are missing or wrong: a line for each, by its variable and without its value."""


def read(name: str) -> str | None:
    """Return a variable, or the text of its file; None when there is neither.

    White space around the text is left out: editors end files with a line break.
    Raises UnreadableFileError, naming the variable.
    """
    if name in os.environ:
        return os.environ[name]
    path = file_of(name)
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UnreadableFileError(f"{name}: {path} cannot be read: {reason}") from error


def file_of(name: str) -> Path | None:
    """Return where the file of a variable would be, if there is a folder for them."""
    folder = os.environ.get(SECRETS_DIR)
    return Path(folder) / name if folder else None


def load(settings_type: type[AnySettings]) -> AnySettings:
    """Return the settings, from environment and files. Raises WrongSettingsError."""
    try:
        return settings_type(**_from_files(settings_type))
    except UnreadableFileError as error:
        raise WrongSettingsError(str(error)) from error
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        lines = (_line(variable_of(settings_type, fault["loc"]), fault) for fault in faults)
        # Not from the error: it would show the values.
        raise WrongSettingsError("\n".join(lines)) from None


def variable_of(settings_type: "type[BaseSettings]", location: tuple[int | str, ...]) -> str:
    """Return the variable of a setting, by the setting's key or its alias."""
    name = str(location[0]) if location else ""
    field = settings_type.model_fields.get(name)
    if field is None:
        return name.upper()
    prefix = settings_type.model_config.get("env_prefix", "")
    return str(field.validation_alias or f"{prefix}{name}".upper())


def _from_files(settings_type: "type[BaseSettings]") -> dict[str, Any]:
    """Return those settings that a file holds and the environment does not."""
    names = {
        str(field.validation_alias or key): variable_of(settings_type, (key,))
        for key, field in settings_type.model_fields.items()
    }
    found = {key: read(name) for key, name in names.items() if name not in os.environ}
    return {key: text for key, text in found.items() if text is not None}


def _line(name: str, fault: Any) -> str:
    if fault["type"] != "missing":
        return f"{name}: {fault['msg']}"
    file = file_of(name)
    place = f", and there is no file {file}" if file else ""
    return f"{name}: is not set{place}; docs/reference/settings.md says what it holds"
