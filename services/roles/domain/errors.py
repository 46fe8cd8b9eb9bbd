"""What cannot be done, and why.

RolesError
├── UnknownError        what is asked for is not there
├── BadRoleKeyError     a role cannot be declared by that key
├── RoleInUseError      a role that groups grant cannot go
├── StaleMappingError   somebody else saved meanwhile
├── BadMappingError     a mapping cannot be
├── NotManualError      a role is held, and not by hand
└── FenceError          what waits behind the fence is not what was thought
"""

from collections.abc import Mapping


class RolesError(Exception):
    """A call cannot be done; `extensions` are for programs, the message is for people."""

    def __init__(self, message: str, extensions: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.extensions = extensions or {}


class UnknownError(RolesError):
    """What is asked for is not there."""


class BadRoleKeyError(RolesError):
    """A role cannot be declared by that key."""


class RoleInUseError(RolesError):
    """A role that groups grant cannot go without another in its place."""


class StaleMappingError(RolesError):
    """Somebody else saved the mapping meanwhile."""


class BadMappingError(RolesError):
    """A mapping cannot be as it is wanted."""


class NotManualError(RolesError):
    """A role cannot be taken back by hand from somebody who holds it through the mapping."""


class FenceError(RolesError):
    """What waits behind the fence is not what the caller thinks."""
