"""Every event ever published, as files: with the events before it, so that it can be applied."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.contracts import directory_events, envelope, role_events
from shared.contracts.envelope import Envelope

FOLDER = Path(__file__).parents[2] / "contract" / "events"
_FIRST = ("directory.created", "user.created", "group.created")
_BEGINS = {"snapshot.item": ("snapshot.begin",), "snapshot.end": ("snapshot.begin",)}


@dataclass(frozen=True, slots=True)
class Golden:
    """An event as it was published; `stem` is the name of its file."""

    stem: str
    record: bytes

    @property
    def event(self) -> Envelope:
        return envelope.parse(self.record)

    @property
    def type(self) -> str:
        return self.event.type

    @property
    def history(self) -> list[bytes]:
        """The records of its topic up to it, numbered without a hole."""
        return numbered([*_before(self.type), self])


def _load(stem: str) -> Golden:
    return Golden(stem, (FOLDER / f"{stem}.json").read_bytes())


EVERY = [_load(file.stem) for file in sorted(FOLDER.glob("*.json"))]
OF_DIRECTORIES = [one for one in EVERY if one.type in directory_events.EVENTS]
OF_ROLES = [one for one in EVERY if one.type in role_events.EVENTS]
STATES = [one for one in EVERY if one.type == role_events.RoleState.type]


def _before(event_type: str) -> list[Golden]:
    if event_type not in directory_events.EVENTS:
        return []
    name = event_type.removeprefix("rollcall.").removesuffix(".v1")
    names = [*_FIRST, *_BEGINS.get(name, ())]
    return [_load(f"rollcall.{each}.v1") for each in names if each != name]


def numbered(events: Sequence[Golden]) -> list[bytes]:
    """Return the records with sequences from 1 on, the rest as it was published."""
    return [_renumbered(json.loads(one.record), number) for number, one in enumerate(events, 1)]


def _renumbered(document: dict[str, Any], sequence: int) -> bytes:
    head, generation, _ = document["id"].rsplit(":", 2)
    changed = {"id": f"{head}:{generation}:{sequence}", "sequence": f"{sequence:020}"}
    return json.dumps(document | changed).encode()
