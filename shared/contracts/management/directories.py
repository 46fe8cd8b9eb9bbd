"""Organizations, their directories, limits and bearer tokens."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.contracts.base import Contract
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.management.fields import Actor, Moment, Name, Provider

_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_IDS = f"^{_ID}(,{_ID}){{0,99}}$"


class NewOrganization(Contract):
    """Body of `POST /v1/organizations`; an existing name answers with that organization."""

    name: Name


class Organization(Contract):
    """A customer of the application that runs Rollcall."""

    id: OrganizationId
    name: str
    created_at: datetime


class NewDirectory(Contract):
    """Body of `POST /v1/directories`."""

    organization_id: OrganizationId
    name: Name
    provider: Provider = "onelogin"


class Directory(Contract):
    """A connection of an organization to a provider; `endpoint` is its SCIM base address.

    `delayed_s` is how long its oldest change has waited to be published; 0 when none waits.
    `state_since` and `state_by` say when and by whom it was paused, resumed or deleted last.
    """

    id: DirectoryId
    organization_id: OrganizationId
    name: str
    provider: str
    endpoint: str
    created_at: datetime
    last_request_at: datetime | None = None
    delayed_s: float = 0.0
    state: Literal["live", "paused", "deleted"] = "live"
    state_since: datetime | None = None
    state_by: str | None = None


class Deletion(Contract):
    """Query of `DELETE /v1/directories/{id}`: who deletes it, for the audit record."""

    actor: Actor = "api"


class DirectoryQuery(Contract):
    """Query of `GET /v1/directories`: those of one organization, or all."""

    organization: OrganizationId | None = None


class PulseQuery(Contract):
    """Query of `GET /v1/pulses`: the ids of at most 100 organizations, separated by commas."""

    organizations: Annotated[str, StringConstraints(pattern=_IDS, max_length=3700)]


class Pulse(Contract):
    """Of `GET /v1/pulses`: `mark` differs once a directory of it was called or changed."""

    organization_id: OrganizationId
    mark: str


class Limit(Contract):
    """Body of `PUT /v1/directories/{id}/limit`: operations a second, and at once after a rest."""

    requests_per_second: Annotated[float, Field(ge=0.001, le=10_000)]
    burst: Annotated[int, Field(ge=1, le=100_000)]


class NewToken(Contract):
    """Body of `POST /v1/directories/{id}/tokens`; no expiry means that it lives until revoked."""

    label: Name = "Bearer token"
    expires_at: Moment | None = None


class Token(Contract):
    """A bearer token as it is listed; `id` is its key id, `last_four` ends its value."""

    id: str
    label: str
    last_four: str
    created_at: datetime
    expires_at: datetime | None = None
    first_used_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class IssuedToken(Token):
    """A new token with its value, told this once."""

    value: str
