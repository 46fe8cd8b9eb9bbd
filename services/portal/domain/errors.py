"""Why a page cannot be shown.

PortalError
├── GoneError        a link that is used, expired or unknown
├── MissingError     nothing there for this session, whatever exists
├── RefusedError     the owning service refused; its sentence is for the person
└── DelayedError     the owning service does not answer
"""

from collections.abc import Mapping
from typing import Any


class PortalError(Exception):
    """A page cannot be shown as asked."""


class GoneError(PortalError):
    """A sign-in link that is used, expired, or was never made."""


class MissingError(PortalError):
    """There is nothing here for this session."""


class RefusedError(PortalError):
    """The owning service refused; the message says what to do, `extensions` the rest."""

    def __init__(
        self, message: str, status: int, extensions: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.extensions = extensions or {}


class DelayedError(PortalError):
    """The owning service does not answer at the moment."""
