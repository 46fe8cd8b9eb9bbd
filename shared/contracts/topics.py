"""The topics and their settings (design section 5, ADR 0004).

A directory lives in one partition, its *lane*, chosen when it is created and always passed
explicitly; keys never decide the partition, so adding partitions keeps every order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from shared.contracts.ids import DirectoryId

LANES = 24
_DAY_MS = 86_400_000


def lane_of(directory: DirectoryId) -> int:
    """Return the lane of a directory made today; it is stored then, and never computed again."""
    return UUID(directory).int % LANES


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic with the settings that `rollcall topics ensure` creates and checks."""

    name: str
    partitions: int = LANES
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def _log(name: str) -> Topic:
    return Topic(name, settings={"cleanup.policy": "delete", "retention.ms": "-1"})


DIRECTORY_EVENTS = _log("directory.events.v1")
ROLE_EVENTS = _log("role.events.v1")
ROLE_STATE = Topic(
    "role.state.v1",
    settings={"cleanup.policy": "compact", "delete.retention.ms": str(7 * _DAY_MS)},
)
DEAD_LETTERS = Topic(
    "dead-letters.v1",
    settings={"cleanup.policy": "delete", "retention.ms": str(30 * _DAY_MS)},
)
TOPICS = (DIRECTORY_EVENTS, ROLE_EVENTS, ROLE_STATE, DEAD_LETTERS)
