"""What a local system keeps between starts, and what it tells others: files under `.local/`.

secrets.json   made once: passwords, API key, pepper
ports.json     the ports chosen last, preferred at the next start
pids.json      what runs now, so that a later start can end what a killed one left
run.json       addresses, API key and process ids; there only while the system is ready
logs/          one file a process; `.1` is that of the start before

All are readable by their owner alone.
"""

import fcntl
import json
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import leftovers, ports
from deploy.local.errors import AlreadyRunningError
from deploy.local.postgres import new_password
from deploy.postgres.bootstrap import SERVICES

USUAL_PORTS = {
    "ingest": 8080,
    "roles": 8081,
    "projector": 8082,
    "portal": 8083,
    "postgres": 5432,
    "kafka": 9092,
    "kafka_controller": 9093,
}
_PASSWORDS = ("superuser", *SERVICES)
_KEYS = ("api_key", "pepper", "portal_secret")


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

    @property
    def jars(self) -> Path:
        """Where Kafka's jars are kept."""
        return self.folder / "cache" / "jars"

    @property
    def pids_file(self) -> Path:
        """Where the running processes are written down."""
        return self.folder / "pids.json"

    def secrets(self) -> dict[str, str]:
        """Return the secrets; what is missing is made and kept."""
        made = {name: new_password() for name in _PASSWORDS}
        made |= {name: secrets.token_urlsafe(32) for name in _KEYS}
        kept: dict[str, str] = {**made, **self._read("secrets.json")}
        self._write("secrets.json", kept)
        return kept

    def ports(self, more: Collection[str] = ()) -> dict[str, int]:
        """Return a free port for each part, and for `more` that have no usual one.

        The last one if possible, else the usual, else any.
        """
        last = self._read("ports.json")
        chosen: dict[str, int] = {}
        for name in [*USUAL_PORTS, *(name for name in more if name not in USUAL_PORTS)]:
            preferred = [port for port in (last.get(name), USUAL_PORTS.get(name)) if port]
            chosen[name] = ports.choose(*preferred, taken=chosen.values())
        self._write("ports.json", chosen)
        return chosen

    def begin(self) -> None:
        """Forget the last run, and put its logs aside."""
        self.remove_run()
        for log in (self.folder / "logs").glob("*.log"):
            log.replace(log.with_suffix(".log.1"))

    def write_run(self, run: Mapping[str, Any]) -> None:
        """Tell others that the system is ready, and where."""
        self._write("run.json", run)

    def note_pids(self, pids: Mapping[str, int]) -> None:
        """Keep the process ids up to date, in `run.json` too where it is."""
        leftovers.record(self.pids_file, pids.values())
        if run := self._read("run.json"):
            self._write("run.json", {**run, "pids": dict(pids)})

    def remove_run(self) -> None:
        """Say that nothing is ready here."""
        (self.folder / "run.json").unlink(missing_ok=True)

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a file whole or not at all."""
        part = self.folder / f"{name}.part"
        part.touch(mode=0o600)
        part.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        part.replace(self.folder / name)
