"""A setting is a variable of the environment, or a file of its name in `ROLLCALL_SECRETS_DIR`.

Containers are given secrets as files: other processes and `docker inspect` show an environment. A
file is read when it is asked for, so what is rotated is seen by whoever asks again.
"""

import os
from pathlib import Path

SECRETS_DIR = "ROLLCALL_SECRETS_DIR"


class UnreadableFileError(Exception):
    """The file of a setting is there and cannot be read."""


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
