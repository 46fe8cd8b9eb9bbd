"""Before and after → events. What does not differ is no event (invariant I1)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from services.ingest.domain.resources import Resource
from services.ingest.scim.definitions import USER
from services.ingest.scim.schema import Document
from shared.contracts.directory_events import (
    Cause,
    DirectoryEvent,
    GroupCreated,
    GroupDeleted,
    GroupRef,
    GroupUpdated,
    MembershipAdded,
    MembershipRemoved,
    ResourceEvent,
    UserActivated,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserRef,
    UserUpdated,
)

Deletion = Literal["user.deleted", "group.deleted"]
_CREATED: Mapping[str, type[ResourceEvent]] = {"User": UserCreated, "Group": GroupCreated}
_DELETED: Mapping[str, type[ResourceEvent]] = {"User": UserDeleted, "Group": GroupDeleted}


def created(resource: Resource, cause: Cause) -> DirectoryEvent:
    """Return the event of a new resource."""
    return _event(_CREATED[resource.type.name], resource, cause)


def deleted(resource: Resource, cause: Cause) -> DirectoryEvent:
    """Return the event of a resource that goes; its memberships went before."""
    return _event(_DELETED[resource.type.name], resource, cause)


def between(before: Resource, after: Resource, cause: Cause) -> list[DirectoryEvent]:
    """Return the event of a change, none when the documents are equal.

    A change that flips `active` is published once, as (de)activated.
    """
    previous = dict(_differences(before.document, after.document))
    if not previous:
        return []
    assigned = {path: old for path, old in previous.items() if old is not None}
    return [_event(_kind(before, after), after, cause, sorted(previous), assigned)]


def joined(users: Iterable[UserRef], group: GroupRef, cause: Cause) -> list[DirectoryEvent]:
    """Return the events of users that joined a group."""
    return [MembershipAdded(cause=cause, user=user, group=group) for user in users]


def left(
    users: Iterable[UserRef], group: GroupRef, cause: Cause, because: Deletion | None = None
) -> list[DirectoryEvent]:
    """Return the events of users that left a group, or whose membership a deletion ended."""
    gone = [*users]
    told: dict[str, Any] = {"because": because, "together": len(gone) if len(gone) > 1 else None}
    return [MembershipRemoved(cause=cause, user=user, group=group, **told) for user in gone]


def _kind(before: Resource, after: Resource) -> type[ResourceEvent]:
    if after.type.name != USER.name:
        return GroupUpdated
    if before.is_active == after.is_active:
        return UserUpdated
    return UserActivated if after.is_active else UserDeactivated


def _event(
    kind: type[ResourceEvent],
    resource: Resource,
    cause: Cause,
    changed: list[str] | None = None,
    previous: Document | None = None,
) -> ResourceEvent:
    return kind(
        cause=cause,
        resource=told(resource),
        version=resource.version,
        changed=changed or [],
        previous=previous or {},
    )


def told(resource: Resource) -> Document:
    """Return the whole resource; of a user it says whether it is active even if no provider did."""
    whole = resource.representation("")
    return whole | {"active": resource.is_active} if resource.type.name == USER.name else whole


def _differences(before: Document, after: Document, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each path that differs with its old value, None when it was unassigned."""
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            separator = ":" if name.startswith("urn:") else "."
            yield from _differences(old, new, f"{prefix}{name}{separator}")
        elif old != new:
            yield f"{prefix}{name}", old
