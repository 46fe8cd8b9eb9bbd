"""Errors (RFC 9457)."""

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.management.roles import Mapping
from shared.contracts.role_events import RoleRef


class Problem(Contract):
    """An error of the `/v1` APIs (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class StaleMapping(Problem):
    """409: a mapping was saved meanwhile. Both versions, and what differs, in sentences.

    Without these members nothing was saved meanwhile, but saving would bring about something else
    than the preview told.
    """

    yours: Mapping | None = None
    stored: Mapping | None = None
    differences: list[str] = Field(default_factory=list)


class RefusedMapping(Problem):
    """422: a mapping cannot be; `losses` are the privileged roles that nobody would hold by it."""

    losses: list[RoleRef] = Field(default_factory=list)
