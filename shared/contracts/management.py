"""HTTP bodies of the `/v1` APIs of ingest, roles and portal; errors are problem+json (RFC 9457)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.contracts.base import Contract
from shared.contracts.directory_events import Cause, UserRef
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, RoleKey
from shared.contracts.role_events import HeldRole

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.:-]{0,62}$")]
Provider = Literal["onelogin", "okta", "entra", "jumpcloud", "ping", "generic"]


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
    """A connection of an organization to a provider; `endpoint` is its SCIM base address."""

    id: DirectoryId
    organization_id: OrganizationId
    name: str
    provider: str
    endpoint: str
    created_at: datetime
    last_request_at: datetime | None = None


class NewToken(Contract):
    """Body of `POST /v1/directories/{id}/tokens`; no expiry means that it lives until revoked."""

    label: Name = "Bearer token"
    expires_at: datetime | None = None


class Token(Contract):
    """A bearer token as it is listed; `id` is its key id, `last_four` ends its value."""

    id: str
    label: str
    last_four: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class IssuedToken(Token):
    """A new token with its value, told this once."""

    value: str


class RoleDeclaration(Contract):
    """Body of `PUT /v1/roles/{key}`."""

    name: Name
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    privileged: bool = False


class Role(RoleDeclaration):
    """A role that the application declared."""

    key: RoleKey


class KnownGroup(Contract):
    """A group of a directory as the roles service knows it."""

    id: GroupId
    display_name: str
    external_id: str | None = None
    members: int


class MappingRow(Contract):
    """Who is in the group holds the role."""

    group_id: GroupId
    role: Key


class MappingEdit(Contract):
    """Body of `PUT /v1/directories/{id}/mapping`: all rows, and the version they were made from.

    409 when the stored mapping has another version by now.
    """

    version: Annotated[int, Field(ge=0)]
    rows: Annotated[list[MappingRow], Field(max_length=10_000)]
    actor: str | None = None


class MappedGroupRow(MappingRow):
    """A mapping row as stored; a deleted group's row stays and is marked."""

    group_name: str
    group_deleted: bool = False
    role_name: str


class Mapping(Contract):
    """The mapping of a directory; version 0 was never saved."""

    directory_id: DirectoryId
    version: int
    rows: list[MappedGroupRow]


class ExplainedRole(HeldRole):
    """A held role, since when, and by which act."""

    since: datetime
    cause: Cause


class Explanation(Contract):
    """Why a user holds its roles; `missing` says in words why there are none."""

    directory_id: DirectoryId
    user: UserRef
    roles: list[ExplainedRole]
    missing: str | None = None


class NewLink(Contract):
    """Body of `POST /v1/links` of the portal.

    `invitation`: mailed to a customer's administrator, reusable until it expires (7 days);
    `redirect`: from the application, single use, 5 minutes; `operator`: all organizations.
    """

    kind: Literal["invitation", "redirect", "operator"]
    organization_id: OrganizationId | None = None
    valid_for_s: Annotated[int, Field(ge=1, le=604_800)] | None = None


class Link(Contract):
    """A sign-in link, told this once."""

    url: str
    expires_at: datetime


class Problem(Contract):
    """An error of the `/v1` APIs (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
