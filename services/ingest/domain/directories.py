"""Organizations and directories, and what can be wrong with managing them.

ManagementError
├── Unknown          what is asked for is not there
├── TooManyTokens    two bearer tokens live at most
├── UnclearSchema    a declaration does not say what it must
├── SchemaConflict   a declaration that other schemas or stored values stand against
└── Serving          ingest must not run meanwhile
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


class UnclearSchemaError(ManagementError):
    """A declaration does not say what it must."""


class SchemaConflictError(ManagementError):
    """Other schemas of the directory, or stored values, stand against a declaration."""


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
