"""Organizations and directories, and what can be wrong with managing them.

ManagementError
├── Unknown          what is asked for is not there
├── TooManyTokens    two bearer tokens live at most
├── UnclearSchema    a declaration does not say what it must
├── SchemaConflict   a declaration that other schemas or stored values stand against
├── State            a directory that is paused, or not, or deleted
├── StillThere       a user who is to be erased is in the directory
└── Serving          ingest must not run meanwhile
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.contracts.ids import DirectoryId, OrganizationId

LIVE_TOKENS = 2
State = Literal["live", "paused", "deleted"]
RESTS_FOR = timedelta(seconds=30)
"""How long a directory must be paused before it is deleted.

By then no request is under way that came in before: one takes 25 s at most, and a token is
remembered for 5.
"""


class ManagementError(Exception):
    """A management call cannot be done."""


class UnknownError(ManagementError):
    """What is asked for is not there."""


class TooManyTokensError(ManagementError):
    """Two bearer tokens live at most: one in use, one to change over to."""


class UnclearSchemaError(ManagementError):
    """A declaration does not say what it must."""


class SchemaConflictError(ManagementError):
    """Other schemas of the directory, or stored values, stand against a declaration."""


class StateError(ManagementError):
    """What is asked for does not go together with the state that a directory is in."""


class StillThereError(ManagementError):
    """Who is to be forgotten is still in the directory."""


class ServingError(ManagementError):
    """What changes all histories at once cannot be done while ingest runs."""


@dataclass(frozen=True, slots=True)
class Organization:
    """A customer of the application that runs Rollcall."""

    id: OrganizationId
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Directory:
    """A connection of an organization to a provider."""

    id: DirectoryId
    organization: OrganizationId
    name: str
    provider: str
    created_at: datetime
    last_request_at: datetime | None = None
    delayed_s: float = 0.0
    state: State = "live"
    state_since: datetime | None = None
    state_by: str | None = None

    def check_rests(self, now: datetime) -> None:
        """Raise StateError unless nothing writes to the directory any more."""
        if self.state != "paused" or self.state_since is None:
            raise StateError("Pause the directory first; what its provider sends is refused then.")
        left = self.state_since + RESTS_FOR - now
        if left > timedelta():
            raise StateError(
                "The directory was paused a moment ago, and requests may be under way. "
                f"Delete it in {left.seconds + 1} seconds."
            )
