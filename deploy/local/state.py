"""What a local system keeps between starts, and what it tells others: files under `.local/`.

secrets.json   made once, mode 0600: passwords, API key, pepper
ports.json     the ports chosen last, preferred at the next start
run.json       addresses, API key and process ids; there while the system is ready, mode 0600
"""

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import ports
from deploy.local.postgres import SERVICES, new_password

_PREFERRED = {
    "ingest": 8080,
    "roles": 8081,
    "projector": 8082,
    "portal": 8083,
    "postgres": 5432,
    "kafka": 9092,
    "kafka_controller": 9093,
}


class AlreadyRunningError(Exception):
    """Another process runs a system on this data directory."""


@dataclass(frozen=True, slots=True)
class State:
    """The data directory."""

    folder: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process. Raises AlreadyRunningError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunningError(
                    f"Rollcall runs on {self.folder} already; stop it first, "
                    "or choose another directory with --data-dir"
                ) from error
            yield

    def secrets(self) -> dict[str, str]:
        """Return the secrets, making them at the first call."""
        path = self.folder / "secrets.json"
        if not path.exists():
            names = ("superuser", *SERVICES)
            made = {name: new_password() for name in names}
            made |= {
                name: secrets.token_urlsafe(32) for name in ("api_key", "pepper", "portal_secret")
            }
            self.write("secrets.json", made)
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def ports(self) -> dict[str, int]:
        """Return a free port for each part: the last one if possible, else the usual, else any."""
        path = self.folder / "ports.json"
        last = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        chosen: dict[str, int] = {}
        for name, usual in _PREFERRED.items():
            chosen[name] = ports.choose(last.get(name, usual), chosen.values())
        self.write("ports.json", chosen)
        return chosen

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Write a file that only its owner can read, whole or not at all."""
        part = self.folder / f"{name}.part"
        part.touch(mode=0o600)
        part.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        part.replace(self.folder / name)

    def remove_run(self) -> None:
        """Say that nothing runs here."""
        (self.folder / "run.json").unlink(missing_ok=True)


def unusual(chosen: dict[str, int]) -> dict[str, int]:
    """Return the ports that differ from the usual ones."""
    return {name: port for name, port in chosen.items() if port != _PREFERRED[name]}
