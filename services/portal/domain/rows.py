"""What the pages are made from: rows of the read models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, UserId
from shared.contracts.management import ExplainedRole, GivenByHand

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Delay:
    """Part of what the portal shows does not follow a directory's changes at the moment."""

    stage: str
    since: datetime
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """The read models are made anew beside those that are shown; so much of the log is read."""

    since: datetime
    share: float


@dataclass(frozen=True, slots=True)
class HopDelay:
    """How long one station of the way took: half of the events less, 19 in 20 less."""

    typical: timedelta
    slow: timedelta

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "HopDelay":
        """Return it from both in seconds; clocks of two machines may differ, so none is below 0."""
        typical, slow = (timedelta(seconds=max(each, 0.0)) for each in seconds)
        return cls(typical, slow)


@dataclass(frozen=True, slots=True)
class HopDelays:
    """How long the newest events of a topic took until they were told, and then until seen here."""

    events: int
    told: HopDelay
    seen: HopDelay


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """A directory that the read model knows."""

    id: DirectoryId
    organization: OrganizationId
    name: str
    provider: str
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DirectorySummary:
    """What the read model counts in a directory."""

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
    """A role that a user holds, or held until some time."""

    key: str
    name: str
    reason: Mapping[str, Any]
    cause: Mapping[str, Any]
    since: datetime
    until: datetime | None = None
    by_hand: GivenByHand | None = None

    @classmethod
    def of(cls, one: ExplainedRole) -> "RoleRow":
        """Return a role as the roles service explains it."""
        return cls(
            one.role.key,
            one.role.name,
            one.reason.model_dump(mode="json", by_alias=True),
            one.cause.model_dump(mode="json", by_alias=True),
            one.since,
            by_hand=one.manual,
        )


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in a timeline."""

    id: str
    type: str
    time: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event of the log, with its times: made and stored, published, seen in the read model."""

    id: str
    topic: str
    type: str
    subject: str
    time: datetime
    generation: int
    sequence: int
    published_at: datetime | None
    visible_at: datetime
    data: Mapping[str, Any]

    @property
    def row(self) -> EventRow:
        """The event as a timeline shows it."""
        return EventRow(self.id, self.type, self.time, self.data)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of a topic to list: of one type, about a user or group, in a time."""

    topic: str
    type: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users to list: a prefix of name, user name or e-mail, folded; None does not matter."""

    prefix: str | None = None
    active: bool | None = None
    group: str | None = None
    role: str | None = None
    by: Literal["name", "updated"] = "name"

    @property
    def is_any(self) -> bool:
        """Whether anything is filtered out."""
        return any(one is not None for one in (self.prefix, self.active, self.group, self.role))


@dataclass(frozen=True, slots=True)
class UserDetail:
    """Everything the page of a user shows."""

    row: UserRow
    resource: Mapping[str, Any]
    created_at: datetime
    deleted_at: datetime | None
    groups: Sequence[GroupRow]
    roles: Sequence[RoleRow]
    past_roles: Sequence[RoleRow]
    events: Sequence[EventRow]
