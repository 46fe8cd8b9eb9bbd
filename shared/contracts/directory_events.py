"""The events on `directory.events.v1`: what happened in a directory (design section 5).

Each class is the `data` of one event type. `decode` turns an envelope into its class.
"""

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.envelope import Envelope
from shared.contracts.ids import DirectoryId, GroupId, UserId


class Cause(Contract):
    """Why something happened: one id for all consequences of one act."""

    kind: Literal["scim", "mapping", "administrator", "resync"]
    id: str
    actor: str | None = None


class UserRef(Contract):
    """What one needs to act on a user without a call back."""

    id: UserId
    external_id: str | None = None
    user_name: str
    active: bool


class GroupRef(Contract):
    """What one needs to act on a group without a call back."""

    id: GroupId
    external_id: str | None = None
    display_name: str


def user_ref(resource: dict[str, Any]) -> UserRef:
    """Return how events name a user, from the whole resource."""
    return UserRef(
        id=UserId(resource["id"]),
        external_id=resource.get("externalId"),
        user_name=resource["userName"],
        active=resource["active"],
    )


def group_ref(resource: dict[str, Any]) -> GroupRef:
    """Return how events name a group, from the whole resource."""
    return GroupRef(
        id=GroupId(resource["id"]),
        external_id=resource.get("externalId"),
        display_name=resource["displayName"],
    )


class DirectoryEvent(Contract):
    """Base of all event data; `type` and `subject` go into the envelope."""

    type: ClassVar[str]
    cause: Cause

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        raise NotImplementedError


class DirectoryCreated(DirectoryEvent):
    """A directory was connected; the first event of its history."""

    type: ClassVar[str] = "rollcall.directory.created.v1"
    id: DirectoryId
    name: str
    provider: str

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return "directory"


class DirectoryPaused(DirectoryEvent):
    """Nothing is taken from the provider until it is resumed; users and roles stay as they are."""

    type: ClassVar[str] = "rollcall.directory.paused.v1"

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return "directory"


class DirectoryResumed(DirectoryEvent):
    """What the provider sends is taken again."""

    type: ClassVar[str] = "rollcall.directory.resumed.v1"

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return "directory"


class DirectoryDeleted(DirectoryEvent):
    """The directory is gone for good; nothing but erasures follows in its history (ADR 0030).

    A snapshot without items went before it, by which its users, groups and memberships are gone.
    """

    type: ClassVar[str] = "rollcall.directory.deleted.v1"

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return "directory"


class ResourceEvent(DirectoryEvent):
    """A user or a group changed: the whole resource after it, and what was different before.

    `changed` holds the paths that differ, `previous` their old values (absent: was unassigned).
    """

    resource: dict[str, Any]
    version: int
    changed: list[str] = Field(default_factory=list)
    previous: dict[str, Any] = Field(default_factory=dict)


class UserEvent(ResourceEvent):
    """Something about a user."""

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return f"users/{self.resource['id']}"

    @property
    def user(self) -> UserRef:
        """The user after the change."""
        return user_ref(self.resource)


class UserCreated(UserEvent):
    """A user was provisioned."""

    type: ClassVar[str] = "rollcall.user.created.v1"


class UserUpdated(UserEvent):
    """Attributes of a user changed; `active` did not."""

    type: ClassVar[str] = "rollcall.user.updated.v1"


class UserActivated(UserEvent):
    """A user became active again; `changed` lists what else came with it."""

    type: ClassVar[str] = "rollcall.user.activated.v1"


class UserDeactivated(UserEvent):
    """A user was suspended; `changed` lists what else came with it."""

    type: ClassVar[str] = "rollcall.user.deactivated.v1"


class UserDeleted(UserEvent):
    """A user is gone; `resource` is its last state, its memberships were removed before."""

    type: ClassVar[str] = "rollcall.user.deleted.v1"


class UserErased(DirectoryEvent):
    """Who keeps copies forgets what it knows of a deleted user; the id alone stays (ADR 0033)."""

    type: ClassVar[str] = "rollcall.user.erased.v1"
    id: UserId

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return f"users/{self.id}"


class GroupEvent(ResourceEvent):
    """Something about a group; its members come as membership events, never as a list."""

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return f"groups/{self.resource['id']}"

    @property
    def group(self) -> GroupRef:
        """The group after the change."""
        return group_ref(self.resource)


class GroupCreated(GroupEvent):
    """A group was provisioned."""

    type: ClassVar[str] = "rollcall.group.created.v1"


class GroupUpdated(GroupEvent):
    """Attributes of a group changed, its name for example."""

    type: ClassVar[str] = "rollcall.group.updated.v1"


class GroupDeleted(GroupEvent):
    """A group is gone; its memberships were removed before."""

    type: ClassVar[str] = "rollcall.group.deleted.v1"


class MembershipEvent(DirectoryEvent):
    """A user and a group, after the change."""

    user: UserRef
    group: GroupRef

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return f"groups/{self.group.id}/members/{self.user.id}"


class MembershipAdded(MembershipEvent):
    """A user joined a group."""

    type: ClassVar[str] = "rollcall.membership.added.v1"


class MembershipRemoved(MembershipEvent):
    """A user left a group; `because` tells when that is so since one of the two was deleted.

    `together` is how many members the same request took from the group, where it was more than one.
    """

    type: ClassVar[str] = "rollcall.membership.removed.v1"
    because: Literal["user.deleted", "group.deleted"] | None = None
    together: int | None = Field(None, exclude_if=lambda count: count is None)


class SnapshotBegin(DirectoryEvent):
    """All of a directory is told again from here on, whatever was told before (ADR 0015).

    Who missed events may go on here; who did not loses nothing by it.
    """

    type: ClassVar[str] = "rollcall.snapshot.begin.v1"
    name: str
    provider: str

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return "directory"


class SnapshotResource(Contract):
    """A user or a group as it is at this place in the history."""

    resource: dict[str, Any]
    version: int
    updated_at: datetime


class SnapshotMembership(Contract):
    """Who is in which group at this place in the history."""

    user: UserRef
    group: GroupRef


class SnapshotItem(DirectoryEvent):
    """Up to 500 users, groups or memberships, in full; users come first, memberships last."""

    type: ClassVar[str] = "rollcall.snapshot.item.v1"
    users: list[SnapshotResource] = Field(default_factory=list)
    groups: list[SnapshotResource] = Field(default_factory=list)
    memberships: list[SnapshotMembership] = Field(default_factory=list)

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return "directory"


class SnapshotEnd(DirectoryEvent):
    """Everything was told: what nobody mentioned since `begin`, a sequence, is not there.

    It belongs to the same generation.
    """

    type: ClassVar[str] = "rollcall.snapshot.end.v1"
    begin: int

    @property
    def subject(self) -> str:
        """The `subject` of the envelope."""
        return "directory"


EVENTS: dict[str, type[DirectoryEvent]] = {
    event.type: event
    for event in (
        DirectoryCreated,
        DirectoryPaused,
        DirectoryResumed,
        DirectoryDeleted,
        UserCreated,
        UserUpdated,
        UserActivated,
        UserDeactivated,
        UserDeleted,
        UserErased,
        GroupCreated,
        GroupUpdated,
        GroupDeleted,
        MembershipAdded,
        MembershipRemoved,
        SnapshotBegin,
        SnapshotItem,
        SnapshotEnd,
    )
}


def decode(envelope: Envelope) -> DirectoryEvent | None:
    """Return the typed data, or None for a type that this version does not know.

    Raises pydantic.ValidationError when the data does not fit its type.
    """
    event = EVENTS.get(envelope.type)
    return event.model_validate(envelope.data) if event else None
