"""The `/v1` APIs of ingest and roles: what the portal asks others to do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import aiohttp
from pydantic import BaseModel

from services.portal.domain.errors import DelayedError, MissingError, RefusedError
from shared.contracts import management
from shared.contracts.ids import OrganizationId, is_id

_TIMEOUT = aiohttp.ClientTimeout(total=8)
# What a page can do without: it says that a service does not answer rather than wait for it.
_BRIEF = aiohttp.ClientTimeout(total=2)
# What a mapping would do to 50,000 users takes seconds to find out.
_PATIENT = aiohttp.ClientTimeout(total=30)
_NOT_FOUND = 404
_PULSES_AT_ONCE = 100
Body = TypeVar("Body", bound=BaseModel)


def session(api_key: str) -> aiohttp.ClientSession:
    """Return a session for both services."""
    headers = {"Authorization": f"Bearer {api_key}"}
    return aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Services:
    """Calls to the owning services. Raise MissingError, RefusedError, DelayedError."""

    http: aiohttp.ClientSession
    ingest_url: str
    roles_url: str
    _names: dict[OrganizationId, str] = field(default_factory=dict)

    async def organization_name(self, organization: OrganizationId) -> str:
        """Return the name of an organization, remembered since names do not change."""
        if not is_id(organization):
            raise MissingError
        if organization not in self._names:
            url = f"{self.ingest_url}/v1/organizations/{organization}"
            found = await self._one(management.Organization, "GET", url)
            self._names[organization] = found.name
        return self._names[organization]

    async def organizations(self) -> list[management.Organization]:
        """Return all organizations by name."""
        url = f"{self.ingest_url}/v1/organizations"
        return await self._many(management.Organization, url)

    async def create_organization(self, name: str) -> management.Organization:
        """Return the organization of that name, made if it is missing."""
        url = f"{self.ingest_url}/v1/organizations"
        body = management.NewOrganization(name=name)
        return await self._one(management.Organization, "POST", url, body)

    async def directories(self, organization: OrganizationId) -> list[management.Directory]:
        """Return the directories of an organization, the newest first, deleted ones last."""
        url = f"{self.ingest_url}/v1/directories?organization={organization}"
        found = (await self._many(management.Directory, url))[::-1]
        return sorted(found, key=lambda one: one.state == "deleted")

    async def directory(self, organization: OrganizationId, key: str) -> management.Directory:
        """Return a directory of this organization; another one's is as if it were not there."""
        if not is_id(key):
            raise MissingError
        url = f"{self.ingest_url}/v1/directories/{key}"
        found = await self._one(management.Directory, "GET", url)
        if found.organization_id != organization:
            raise MissingError
        return found

    async def create_directory(self, wanted: management.NewDirectory) -> management.Directory:
        """Connect an organization to a provider."""
        url = f"{self.ingest_url}/v1/directories"
        return await self._one(management.Directory, "POST", url, wanted)

    async def turn_directory(
        self, directory: str, turn: Literal["pause", "resume"], actor: str
    ) -> management.Directory:
        """Pause a directory, or resume it; RefusedError for a deleted one."""
        url = f"{self.ingest_url}/v1/directories/{directory}/{turn}"
        return await self._one(management.Directory, "POST", url, management.Act(actor=actor))

    async def delete_directory(self, directory: str, actor: str) -> None:
        """Delete a directory for good; RefusedError for one that is not paused long enough."""
        url = f"{self.ingest_url}/v1/directories/{directory}?{urlencode({'actor': actor})}"
        await self._call("DELETE", url, patience=_PATIENT)

    async def pulses(self, organizations: Sequence[OrganizationId]) -> dict[OrganizationId, str]:
        """Return a mark for each organization; it differs once a provider of it called."""
        found: dict[OrganizationId, str] = {}
        for start in range(0, len(organizations), _PULSES_AT_ONCE):
            some = organizations[start : start + _PULSES_AT_ONCE]
            url = f"{self.ingest_url}/v1/pulses?organizations={','.join(some)}"
            items = await self._many(management.Pulse, url)
            found |= {one.organization_id: one.mark for one in items}
        return found

    async def tokens(self, directory: str) -> list[management.Token]:
        """Return the tokens of a directory."""
        return await self._many(
            management.Token, f"{self.ingest_url}/v1/directories/{directory}/tokens"
        )

    async def issue_token(
        self, directory: str, wanted: management.NewToken
    ) -> management.IssuedToken:
        """Return a new token with its value."""
        url = f"{self.ingest_url}/v1/directories/{directory}/tokens"
        return await self._one(management.IssuedToken, "POST", url, wanted)

    async def revoke_token(self, directory: str, key: str) -> None:
        """End a token."""
        await self._call("DELETE", f"{self.ingest_url}/v1/directories/{directory}/tokens/{key}")

    async def requests(
        self, directory: str, wanted: management.RequestQuery
    ) -> management.RequestPage:
        """Return a page of the calls of a directory, the newest first."""
        query = urlencode(wanted.model_dump(mode="json", by_alias=True, exclude_none=True))
        url = f"{self.ingest_url}/v1/directories/{directory}/requests?{query}"
        return await self._one(management.RequestPage, "GET", url)

    async def request(self, directory: str, key: str) -> management.RequestDetail:
        """Return one call with its masked body."""
        if not is_id(key):
            raise MissingError
        url = f"{self.ingest_url}/v1/directories/{directory}/requests/{key}"
        return await self._one(management.RequestDetail, "GET", url)

    async def roles(self) -> list[management.Role]:
        """Return the roles that the application declared."""
        return await self._many(management.Role, f"{self.roles_url}/v1/roles")

    async def groups(self, directory: str) -> list[management.KnownGroup]:
        """Return the groups of a directory."""
        url = f"{self.roles_url}/v1/directories/{directory}/groups"
        return await self._many(management.KnownGroup, url)

    async def stopped(self, directory: str) -> list[management.StoppedDirectory]:
        """Return what roles does not apply of a directory at the moment."""
        url = f"{self.roles_url}/v1/parked?directory={directory}"
        return await self._many(management.StoppedDirectory, url, _BRIEF)

    async def outgoing(self, directory: str) -> management.Outgoing:
        """Return where the history of a directory ends, and how far it is published."""
        url = f"{self.ingest_url}/v1/directories/{directory}/position"
        return await self._one(management.Outgoing, "GET", url)

    async def roles_position(self, directory: str) -> management.RolesPosition:
        """Return how far roles is with a directory; MissingError before it has heard of it."""
        url = f"{self.roles_url}/v1/directories/{directory}/position"
        return await self._one(management.RolesPosition, "GET", url, patience=_BRIEF)

    async def mapping(self, directory: str) -> management.Mapping:
        """Return the mapping of a directory."""
        url = f"{self.roles_url}/v1/directories/{directory}/mapping"
        return await self._one(management.Mapping, "GET", url)

    async def explain(self, directory: str, user: str) -> management.Explanation:
        """Return why a user holds its roles now."""
        url = f"{self.roles_url}/v1/directories/{directory}/users/{user}/roles"
        return await self._one(management.Explanation, "GET", url)

    async def fences(self) -> list[management.Fence]:
        """Return the fences of all directories behind which something waits."""
        return await self._many(management.Fence, f"{self.roles_url}/v1/fences", _BRIEF)

    async def fence(self, directory: str, losses: int) -> management.Fence:
        """Return the fence of a directory, with so many of the losses that wait."""
        url = f"{self.roles_url}/v1/directories/{directory}/fence?losses={losses}"
        return await self._one(management.Fence, "GET", url)

    async def approve_losses(
        self, directory: str, wanted: management.FenceApproval
    ) -> management.Fence:
        """Let the losses happen that wait; RefusedError when others wait by now."""
        url = f"{self.roles_url}/v1/directories/{directory}/fence/approve"
        return await self._one(management.Fence, "POST", url, wanted)

    async def preview_mapping(
        self, directory: str, edit: management.MappingEdit
    ) -> management.MappingPreview:
        """Return what a mapping would change; some of the users by name."""
        url = f"{self.roles_url}/v1/directories/{directory}/mapping/preview?users=20"
        return await self._one(management.MappingPreview, "POST", url, edit, _PATIENT)

    async def save_mapping(
        self, directory: str, edit: management.MappingEdit
    ) -> management.Mapping:
        """Save a mapping; RefusedError with status 409 when it is stale."""
        url = f"{self.roles_url}/v1/directories/{directory}/mapping"
        return await self._one(management.Mapping, "PUT", url, edit, _PATIENT)

    async def _one(
        self,
        kind: type[Body],
        method: str,
        url: str,
        body: BaseModel | None = None,
        patience: aiohttp.ClientTimeout = _TIMEOUT,
    ) -> Body:
        return kind.model_validate(await self._call(method, url, body, patience))

    async def _many(
        self, kind: type[Body], url: str, patience: aiohttp.ClientTimeout = _TIMEOUT
    ) -> list[Body]:
        items: Sequence[Any] = (await self._call("GET", url, patience=patience))["items"]
        return [kind.model_validate(item) for item in items]

    async def _call(
        self,
        method: str,
        url: str,
        body: BaseModel | None = None,
        patience: aiohttp.ClientTimeout = _TIMEOUT,
    ) -> dict[str, Any]:
        data = body.model_dump(mode="json", by_alias=True) if body else None
        try:
            async with self.http.request(method, url, json=data, timeout=patience) as response:
                answer = await response.json(content_type=None) or {}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DelayedError from error
        if response.status == _NOT_FOUND:
            raise MissingError
        if response.status >= 500:  # noqa: PLR2004  # a fault on their side
            raise DelayedError
        if not response.ok:
            words = str(answer.get("detail", "That was refused."))
            raise RefusedError(words, response.status, answer)
        return dict(answer)
