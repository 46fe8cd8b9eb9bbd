"""A directory's history as ingest publishes it, to feed consumers with: consistent and in order."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from shared.contracts import envelope
from shared.contracts.directory_events import (
    Cause,
    DirectoryCreated,
    DirectoryDeleted,
    DirectoryEvent,
    GroupCreated,
    GroupDeleted,
    GroupRef,
    GroupUpdated,
    MembershipAdded,
    MembershipRemoved,
    ResourceEvent,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotItem,
    UserActivated,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserErased,
    UserRef,
    UserUpdated,
)
from shared.contracts.envelope import Envelope, Origin, Position
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, UserId

_EPOCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_NAMES = uuid.UUID("7d3d5a52-6a77-4e2c-9a3c-3f3f1f6f0a11")


def stable_id(name: str) -> str:
    """Return an id that depends on the name alone, so that two runs can be compared."""
    return str(uuid.uuid5(_NAMES, name))


@dataclass(slots=True)
class DirectoryLog:
    """Appends what ingest would; a step that changes nothing appends nothing.

    `records` are the bytes on `directory.events.v1`; the first is `directory.created`.
    """

    id: DirectoryId = field(default_factory=lambda: DirectoryId(str(uuid.uuid4())))
    organization: OrganizationId = field(
        default_factory=lambda: OrganizationId(stable_id("organization"))
    )
    records: list[bytes] = field(default_factory=list)
    users: dict[str, UserRef] = field(default_factory=dict)
    groups: dict[str, GroupRef] = field(default_factory=dict)
    edges: set[tuple[str, str]] = field(default_factory=set)
    last_at: dict[str, datetime] = field(default_factory=dict)
    _begin: int | None = None
    _place: tuple[int, tuple[str, ...]] = (0, ())
    _snapshots: int = 0

    def __post_init__(self) -> None:
        self._append(
            DirectoryCreated(cause=self._cause(), id=self.id, name="Globex", provider="onelogin")
        )

    @property
    def envelopes(self) -> list[Envelope]:
        return [envelope.parse(record) for record in self.records]

    def user(self, name: str, *, active: bool = True) -> UserId:
        """Create the user, or make it (in)active."""
        before = self.users.get(name)
        after = UserRef(
            id=before.id if before else UserId(stable_id(f"{name} {len(self.records)}")),
            user_name=name,
            active=active,
        )
        if after != before:
            kind = UserActivated if active else UserDeactivated
            self.users[name] = after
            self._append(_user_event(kind if before else UserCreated, after, self._cause()))
        return after.id

    def suspend(self, name: str) -> None:
        """Make the user inactive."""
        self.user(name, active=False)

    def rename_user(self, name: str, user_name: str) -> None:
        """Give the user another userName; it keeps its place in this history."""
        after = self.users[name].model_copy(update={"user_name": user_name})
        self.users[name] = after
        self._append(_user_event(UserUpdated, after, self._cause()))

    def group(self, name: str, display_name: str | None = None) -> GroupId:
        """Create the group, or rename it."""
        before = self.groups.get(name)
        after = GroupRef(
            id=before.id if before else GroupId(stable_id(f"{name} {len(self.records)}")),
            display_name=display_name or name,
        )
        if after != before:
            self.groups[name] = after
            kind = GroupUpdated if before else GroupCreated
            self._append(_group_event(kind, after, self._cause()))
        return after.id

    def join(self, user: str, group: str) -> None:
        """Put the user into the group."""
        if (user, group) not in self.edges:
            self.edges.add((user, group))
            self._append(
                MembershipAdded(
                    cause=self._cause(), user=self.users[user], group=self.groups[group]
                )
            )

    def leave(
        self,
        user: str,
        group: str,
        cause: Cause | None = None,
        because: Literal["user.deleted", "group.deleted"] | None = None,
        together: int | None = None,
    ) -> None:
        """Take the user out of the group, or say that a deletion did."""
        if (user, group) in self.edges:
            self.edges.remove((user, group))
            self._append(
                MembershipRemoved(
                    cause=cause or self._cause(),
                    user=self.users[user],
                    group=self.groups[group],
                    because=because,
                    together=together,
                )
            )

    def delete_user(self, name: str) -> None:
        """Delete the user: its memberships go first, with the same cause."""
        cause = self._cause()
        for user, group in sorted(self.edges):
            if user == name:
                self.leave(user, group, cause, "user.deleted")
        self._append(_user_event(UserDeleted, self.users.pop(name), cause))

    def erase(self, user: UserId) -> None:
        """Have a user forgotten who was deleted before."""
        cause = Cause(kind="administrator", id=stable_id(f"erasure of {user}"), actor="ada")
        self._append(UserErased(cause=cause, id=user))

    def delete_group(self, name: str) -> None:
        """Delete the group: its memberships go first, with the same cause."""
        cause = self._cause()
        members = [user for user, group in sorted(self.edges) if group == name]
        for user in members:
            together = len(members) if len(members) > 1 else None
            self.leave(user, name, cause, "group.deleted", together)
        self._append(_group_event(GroupDeleted, self.groups.pop(name), cause))

    def begin(self) -> None:
        """Open a snapshot, unless one is open."""
        if self._begin is None:
            self._snapshots += 1
            self._begin, self._place = len(self.records) + 1, (0, ())
            cause = self._resync()
            self._append(SnapshotBegin(cause=cause, name="Globex", provider="onelogin"))

    def tell(self) -> bool:
        """Tell the next two of the open snapshot, as they are now; return whether any was left."""
        for part in range(self._place[0], 3) if self._begin is not None else ():
            last = self._place[1] if part == self._place[0] else ()
            found = [(key, one) for key, one in sorted(self._listed(part)) if key > last][:2]
            if found:
                self._place = (part, found[-1][0])
                name = ("users", "groups", "memberships")[part]
                told = {"cause": self._resync(), name: [one for _, one in found]}
                self._append(SnapshotItem.model_validate(told))
                return True
        return False

    def end(self) -> None:
        """Tell the rest of the open snapshot, and end it."""
        while self.tell():
            pass
        if self._begin is not None:
            self._append(SnapshotEnd(cause=self._resync(), begin=self._begin))
            self._begin = None

    def delete(self) -> None:
        """Delete the directory, as an administrator does: a snapshot that tells of nobody."""
        cause = Cause(kind="administrator", id=stable_id("deletion"), actor="ada")
        begin = len(self.records) + 1
        self._append(SnapshotBegin(cause=cause, name="Globex", provider="onelogin"))
        self._append(SnapshotEnd(cause=cause, begin=begin))
        self._append(DirectoryDeleted(cause=cause))
        self.users, self.groups, self.edges, self._begin = {}, {}, set(), None

    def _listed(self, part: int) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
        if part == 2:
            edges = [(self.users[user], self.groups[group]) for user, group in self.edges]
            return [
                ((group.id, user.id), {"user": user.model_dump(), "group": group.model_dump()})
                for user, group in edges
            ]
        known: list[UserRef | GroupRef]
        known = [*self.users.values()] if part == 0 else [*self.groups.values()]
        return [
            (
                (one.id,),
                {"resource": _resource(one), "version": 1, "updated_at": self.last_at[one.id]},
            )
            for one in known
        ]

    def _resync(self) -> Cause:
        return Cause(kind="resync", id=stable_id(f"snapshot {self._snapshots}"))

    def unknown(self) -> None:
        """Append an event of a type that this version does not know."""
        origin = Origin(self.id, self.organization, self._now())
        data = DirectoryCreated(cause=self._cause(), id=self.id, name="", provider="")
        self._seal(envelope.tail("rollcall.directory.hummed.v1", "directory", origin, data))

    def _append(self, event: DirectoryEvent) -> None:
        if isinstance(event, ResourceEvent):
            self.last_at[event.resource["id"]] = self._now()
        origin = Origin(self.id, self.organization, self._now())
        self._seal(envelope.tail(event.type, event.subject, origin, event))

    def _seal(self, tail: bytes) -> None:
        position = Position(1, len(self.records) + 1)
        self.records.append(envelope.head(self.id, position) + tail)

    def _now(self) -> datetime:
        return _EPOCH + timedelta(seconds=len(self.records))

    def _cause(self) -> Cause:
        return Cause(kind="scim", id=stable_id(f"request {len(self.records)}"), actor="token:k7Jq")


def _user_event(
    kind: type[UserCreated | UserUpdated | UserActivated | UserDeactivated | UserDeleted],
    user: UserRef,
    cause: Cause,
) -> DirectoryEvent:
    return kind(cause=cause, resource=_resource(user), version=1)


def _group_event(
    kind: type[GroupCreated | GroupUpdated | GroupDeleted], group: GroupRef, cause: Cause
) -> DirectoryEvent:
    return kind(cause=cause, resource=_resource(group), version=1)


def _resource(one: UserRef | GroupRef) -> dict[str, Any]:
    return one.model_dump(mode="json", by_alias=True, exclude_none=True)
