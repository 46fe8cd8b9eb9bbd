"""Who may look: links that let somebody in, and the session that follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.contracts.ids import OrganizationId

IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=8)

LinkKind = Literal["invitation", "redirect", "operator"]
LINK_SECONDS: Mapping[LinkKind, int] = {
    "invitation": 7 * 86_400,
    "redirect": 5 * 60,
    "operator": 3600,
}


LinkState = Literal["open", "used", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link as it is listed: by an id that opens nothing, never by its secret."""

    id: str
    kind: LinkKind
    organization: OrganizationId | None
    created_at: datetime
    expires_at: datetime
    created_by: str
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> LinkState:
        """Return whether it still opens, as far as the link itself tells."""
        if self.revoked_at:
            return "revoked"
        if self.expires_at <= now:
            return "expired"
        return "used" if self.kind == "redirect" and self.used_at else "open"


@dataclass(frozen=True, slots=True)
class Session:
    """Who looks: an administrator of one organization, or an operator (None)."""

    organization: OrganizationId | None
    csrf: str
    name: str | None = None

    @property
    def actor(self) -> str:
        """What the acts of this session are recorded under."""
        if self.name:
            return self.name
        return "an operator" if self.organization is None else "an administrator"

    def may_see(self, organization: str) -> bool:
        """Tell whether an organization's pages are open to this session."""
        return self.organization is None or self.organization == organization
