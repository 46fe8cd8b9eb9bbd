"""Where the running system is: from environment and files, else from `.local/run.json`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import CommandError, SettingError
from shared import variables

if TYPE_CHECKING:
    from shared.kafka import Access

VARIABLES = {
    "ingest": "ROLLCALL_INGEST_URL",
    "roles": "ROLLCALL_ROLES_URL",
    "projector": "ROLLCALL_PROJECTOR_URL",
    "portal": "ROLLCALL_PORTAL_URL",
    "api_key": "ROLLCALL_API_KEY",
    "kafka": "ROLLCALL_KAFKA_SERVERS",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """What is known of the running system; each part is asked for by name."""

    known: dict[str, Any]

    def of(self, part: str) -> str:
        """Return an address or the API key. Raises CommandError, saying how to give it."""
        if part not in self.known:
            raise CommandError(
                f"Where {part} is, is not known. Start Rollcall with `make run` "
                f"(or `rollcall local up`), or set {VARIABLES[part]}."
            )
        return str(self.known[part])

    @property
    def brokers(self) -> "Access":
        """How Kafka is reached. Raises CommandError."""
        from shared import kafka  # noqa: PLC0415  # takes a moment, and few commands need it

        given = {field: variables.read(name) for field, name in kafka.VARIABLES.items()}
        known = {field: text for field, text in given.items() if text is not None}
        try:
            return kafka.Access(**known | {"servers": self.of("kafka")})
        except kafka.KafkaRefusedError as error:
            raise SettingError(str(error)) from error

    @property
    def databases(self) -> dict[str, str]:
        """The database of each service, where the running system told them."""
        return dict(self.known.get("postgres", {}))


def find() -> Addresses:
    """Return the addresses that variables give, completed from the nearest `.local/run.json`."""
    given = {part: variables.read(name) for part, name in VARIABLES.items()}
    return Addresses(_run_json() | {part: text for part, text in given.items() if text is not None})


def _run_json() -> dict[str, Any]:
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / ".local" / "run.json"
        if path.is_file():
            return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}
