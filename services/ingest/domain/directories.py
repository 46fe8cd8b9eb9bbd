"""Organizations and directories, and what can be wrong with managing them.

ManagementError
├── Unknown          what is asked for is not there
└── TooManyTokens    two bearer tokens live at most
"""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.ids import DirectoryId, OrganizationId

LIVE_TOKENS = 2


class ManagementError(Exception):
    """A management call cannot be done."""


class UnknownError(ManagementError):
    """What is asked for is not there."""


class TooManyTokensError(ManagementError):
    """Two bearer tokens live at most: one in use, one to change over to."""


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
