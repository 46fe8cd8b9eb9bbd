"""What the pages say, from rows: states, next steps and reasons in words. Pure.

PortalError
├── GoneError        a link that is used, expired or unknown
├── MissingError     nothing there for this session, whatever exists
├── RefusedError     the owning service refused; its sentence is for the person
└── DelayedError     the owning service does not answer
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, UserId
from shared.contracts.management import Directory, Token

IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=8)
QUIET_AFTER = timedelta(days=7)
PAGE_SIZE = 50

LinkKind = Literal["invitation", "redirect", "operator"]
LINK_SECONDS: Mapping[LinkKind, int] = {
    "invitation": 7 * 86_400,
    "redirect": 5 * 60,
    "operator": 3600,
}


class PortalError(Exception):
    """A page cannot be shown as asked."""


class GoneError(PortalError):
    """A sign-in link that is used, expired, or was never made."""


class MissingError(PortalError):
    """There is nothing here for this session."""


class RefusedError(PortalError):
    """The owning service refused; the message says what to do."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class DelayedError(PortalError):
    """The owning service does not answer at the moment."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who looks: an administrator of one organization, or an operator (None)."""

    organization: OrganizationId | None
    csrf: str

    def may_see(self, organization: str) -> bool:
        """Tell whether an organization's pages are open to this session."""
        return self.organization is None or self.organization == organization


@dataclass(frozen=True, slots=True)
class DirectorySummary:
    """A directory as the read model counts it."""

    id: DirectoryId
    organization: OrganizationId
    name: str
    provider: str
    users: int
    active_users: int
    groups: int
    mapped_groups: int
    last_event_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user in a list, with the names of its groups and roles."""

    id: UserId
    user_name: str
    display_name: str
    email: str | None
    active: bool
    updated_at: datetime
    groups: Sequence[str]
    roles: Sequence[str]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group in a list."""

    id: GroupId
    display_name: str
    members: int
    updated_at: datetime
    roles: Sequence[str]
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role that a user holds."""

    key: str
    name: str
    reason: Mapping[str, Any]
    cause: Mapping[str, Any]
    since: datetime


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in a timeline."""

    id: str
    type: str
    time: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UserDetail:
    """Everything the page of a user shows."""

    row: UserRow
    resource: Mapping[str, Any]
    created_at: datetime
    deleted_at: datetime | None
    groups: Sequence[GroupRow]
    roles: Sequence[RoleRow]
    events: Sequence[EventRow]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of connecting OneLogin; done when traffic shows it."""

    title: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Status:
    """A directory's state in words; `tone` chooses icon and colour, `step` where to go on."""

    title: str
    words: str
    tone: Literal["new", "waiting", "good", "quiet"]
    next_step: str
    next_page: Literal["provisioning", "roles", "users"]


@dataclass(frozen=True, slots=True)
class MappingForm:
    """The mapping as it is being edited: what was typed, and what is wrong with it."""

    version: int
    rows: Sequence[tuple[str, str]]
    problem: str | None = None
    is_saved: bool = False


PROVIDERS: Mapping[str, str] = {
    "onelogin": "OneLogin",
    "okta": "Okta",
    "entra": "Microsoft Entra ID",
    "jumpcloud": "JumpCloud",
    "ping": "Ping",
    "generic": "Another provider (SCIM 2.0)",
}


def status(directory: Directory | None, counts: DirectorySummary | None, now: datetime) -> Status:
    """Return the state of a directory, and the next step to take."""
    if directory is None:
        return Status(
            "Connect your directory",
            "Users and groups will follow your identity provider by themselves.",
            "new",
            "Choose your directory provider",
            "provisioning",
        )
    provider = PROVIDERS.get(directory.provider, directory.provider)
    if directory.last_request_at is None:
        return Status(
            f"Waiting for {provider}",
            f"{provider} has not called yet.",
            "waiting",
            f"Paste endpoint and token into {provider}",
            "provisioning",
        )
    return _status_of_traffic(provider, directory.last_request_at, counts, now)


def _status_of_traffic(
    provider: str, last: datetime, counts: DirectorySummary | None, now: datetime
) -> Status:
    if counts is None or not counts.users:
        words = f"{provider} reached Rollcall {ago(last, now)}."
        return Status("Connected", words, "waiting", "Assign a test user", "provisioning")
    if now - last > QUIET_AFTER:
        words = f"{provider} called last {ago(last, now)}. That is no error."
        return Status("Quiet", words, "quiet", "Look at the users", "users")
    words = f"{provider} called {ago(last, now)}."
    if not counts.groups:
        return Status("In sync", words, "good", "Include groups in provisioning", "provisioning")
    if not counts.mapped_groups:
        return Status("In sync", words, "good", "Map groups to roles", "roles")
    return Status("In sync", words, "good", "Look at a user and the reasons for its roles", "users")


def steps(
    directory: Directory, tokens: Iterable[Token], counts: DirectorySummary | None
) -> list[Step]:
    """Return the steps of connecting a provider, ticked off by what was observed."""
    name = PROVIDERS.get(directory.provider, directory.provider)
    called = directory.last_request_at is not None
    users, groups, mapped = (
        (counts.users, counts.groups, counts.mapped_groups) if counts else (0, 0, 0)
    )
    return [
        Step(f"Create a token and paste it into {name}", any(True for _ in tokens)),
        Step(f"Enable the API connection in {name}", called),
        Step("Assign and approve a test user", users > 0),
        Step("Include groups in user provisioning", groups > 0),
        Step("Map groups to roles", mapped > 0),
    ]


def is_live(token: Token, now: datetime) -> bool:
    """Tell whether a token opens its directory."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now)


def reason_in_words(role: RoleRow, provider: str) -> str:
    """Say why a user holds a role: through which groups, and by which act."""
    groups = [group["displayName"] for group in role.reason.get("groups", ())]
    through = _and(groups)
    plural = "groups" if len(groups) > 1 else "group"
    because = {
        "group": f"Through {plural} {through}",
        "default": "The default role of this directory",
        "manual": "Given by hand",
    }.get(str(role.reason.get("kind")), "Held")
    return f"{because}, by {cause_in_words(role.cause, provider)}"


def cause_in_words(cause: Mapping[str, Any], provider: str) -> str:
    """Say which act something follows from."""
    kinds = {
        "scim": f"a request from {PROVIDERS.get(provider, provider)}",
        "mapping": "a saved mapping",
        "administrator": "an administrator",
        "resync": "a resync",
    }
    return kinds.get(str(cause.get("kind")), "an unknown act")


def event_in_words(event: EventRow) -> str:
    """Say what happened, for a timeline."""
    data = event.data
    group = (data.get("group") or {}).get("displayName", "a group")
    role = (data.get("role") or {}).get("name", "a role")
    reason = data.get("reason") or {}
    through = _and([one["displayName"] for one in reason.get("groups", ())])
    changed = ", ".join(data.get("changed") or [])
    words = {
        "user.created": "Created",
        "user.updated": f"Changed: {changed}",
        "user.activated": "Activated",
        "user.deactivated": "Deactivated",
        "user.deleted": "Deleted",
        "group.created": "Created",
        "group.updated": f"Changed: {changed}",
        "group.deleted": "Deleted",
        "membership.added": f"Joined {group}",
        "membership.removed": f"Left {group}",
        "role.assigned": f"Was given {role}" + (f" through {through}" if through else ""),
        "role.revoked": f"Lost {role}: {_why_lost(str(reason.get('kind')), through)}",
    }
    name = event.type.removeprefix("rollcall.").removesuffix(".v1")
    return words.get(name, name)


def _why_lost(kind: str, through: str) -> str:
    return {
        "inactive": "the user was deactivated",
        "deleted": "the user was deleted",
        "mapping": f"the mapping gives {through or 'its groups'} another role now",
    }.get(kind, f"left {through}" if through else "no group grants it")


def attributes(resource: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return the attributes of a SCIM resource as paths and text, in reading order."""
    lines: list[tuple[str, str]] = []
    for name, value in sorted(resource.items(), key=_reading_order):
        if name in {"schemas", "meta", "groups", "members"}:
            continue
        path = f"{prefix}{name.rpartition(':')[2] if name.startswith('urn:') else name}"
        if name.startswith("urn:"):
            lines += attributes(value)
        elif isinstance(value, Mapping):
            lines += attributes(value, f"{path}.")
        elif isinstance(value, list):
            lines += [(path, _element(element)) for element in value]
        else:
            lines.append((path, _text(value)))
    return lines


_FIRST = ("userName", "displayName", "active", "name", "emails", "externalId", "id")


def _reading_order(item: tuple[str, Any]) -> tuple[bool, int, str]:
    name = item[0]
    return name.startswith("urn:"), _FIRST.index(name) if name in _FIRST else len(_FIRST), name


def _element(element: object) -> str:
    if not isinstance(element, Mapping):
        return _text(element)
    label = element.get("type")
    value = element.get("value") or element.get("formatted") or element.get("display") or ""
    return f"{value} ({label})" if label else str(value)


def _text(value: object) -> str:
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def ago(moment: datetime, now: datetime) -> str:
    """Say how long ago something was."""
    seconds = max(int((now - moment).total_seconds()), 0)
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "a moment ago"
