"""What roles knows of a directory and of who holds what; nothing here changes."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from services.roles.domain.fence import Why
from shared.contracts.directory_events import Cause, UserRef
from shared.contracts.ids import DirectoryId, OrganizationId, RoleKey
from shared.contracts.role_events import AssignmentEvent, ManualEvent, Reason, Strategy


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory as roles knows it.

    While it is resyncing, what is known of it is part old, part new: nothing is decided. While it
    is unsettled, a rollout has not reached everybody.
    """

    id: DirectoryId
    organization: OrganizationId
    name: str
    mapping_version: int = 0
    is_resyncing: bool = False
    strategy: Strategy = "union"
    default_role: RoleKey | None = None
    is_mapping_on: bool = True
    is_unsettled: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A role that somebody gave a user by hand: when, by which act."""

    since: datetime
    cause: Cause

    @property
    def is_kept(self) -> bool:
        """Whether it is what a mapping left behind when it was switched off."""
        return self.cause.kind == "mapping"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A loss that the fence keeps from happening: why, since when, whose, and its own reason."""

    why: Why
    since: datetime
    user: UserRef
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a user holds: why, since when, by which act; and if its loss waits."""

    reason: Reason
    since: datetime
    cause: Cause
    waits: Waiting | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """The event or save that makes things happen."""

    time: datetime
    cause: Cause
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A role event and the moment that it follows from."""

    event: AssignmentEvent | ManualEvent
    moment: Moment


def name_key(name: str) -> str:
    """Return the form in which user names and group names compare, as ingest compares them."""
    return unicodedata.normalize("NFC", name).lower()
