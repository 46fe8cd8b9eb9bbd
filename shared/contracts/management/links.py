"""Sign-in links of the portal."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.management.fields import KnownOrganization


class NewLink(Contract):
    """Body of `POST /v1/links` of the portal.

    `invitation`: mailed to a customer's administrator, reusable until it expires (7 days);
    `redirect`: from the application, single use, 5 minutes; `operator`: all organizations.
    """

    kind: Literal["invitation", "redirect", "operator"]
    organization_id: KnownOrganization | None = None
    valid_for_s: Annotated[int, Field(ge=1, le=604_800)] | None = None


class LinkQuery(Contract):
    """Query of `GET /v1/links` and `DELETE /v1/links/{id}`: whose links."""

    organization: KnownOrganization


class Link(Contract):
    """A sign-in link, told this once."""

    id: str
    url: str
    expires_at: datetime


class ListedLink(Contract):
    """A link as it is listed; `id` opens nothing, it is for `DELETE /v1/links/{id}`."""

    id: str
    kind: Literal["invitation", "redirect", "operator"]
    state: Literal["open", "used", "expired", "revoked"]
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
