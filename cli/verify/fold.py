"""`directory.events.v1` folded: what users, groups and memberships come to. Pure, written anew.

Values are digests (`rows`); what is deleted stays, since the read model keeps it too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.verify import rows
from cli.verify.rows import Edge, Group, Membership, Reached, Row, User
from shared.contracts.envelope import Envelope

SNAPSHOT_BEGIN = "rollcall.snapshot.begin.v1"
SNAPSHOT_ITEM = "rollcall.snapshot.item.v1"
SNAPSHOT_END = "rollcall.snapshot.end.v1"


@dataclass(slots=True)
class DirectoryFold:
    """One directory after some prefix of its events.

    `mentioned` are the groups that ever had a member: the read model counts theirs, be it 0.
    `strangers` are ids that an event names although no event of this directory made them.
    `leaving` are users whose memberships went because they are deleted, in the next event: they
    hold their roles until then. Of `erased` users nothing is kept but the id. `is_partial`: the
    log lost events, and a snapshot told what is there; not what was there.
    """

    description: bytes | None = None
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    edges: dict[Edge, Membership] = field(default_factory=dict)
    created: dict[str, datetime] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)
    strangers: list[str] = field(default_factory=list)
    leaving: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    is_partial: bool = False

    def apply(self, event: Envelope) -> None:
        """Fold one event; types that nobody knows yet change nothing.

        Raises KeyError, TypeError, ValueError for data that does not fit its type.
        """
        handler = _HANDLERS.get(event.type)
        if handler:
            handler(self, event)

    def member_counts(self) -> dict[str, int]:
        """Return how many members each mentioned group has."""
        counts = dict.fromkeys(self.mentioned, 0)
        for group, _ in self.edges:
            counts[group] += 1
        return counts

    def active_users(self) -> set[str]:
        """Return the users that may hold roles."""
        return {key for key, user in self.users.items() if user.is_active and not user.is_deleted}


def _place(event: Envelope) -> Reached:
    return event.position.generation, event.position.sequence


def _directory(fold: DirectoryFold, event: Envelope) -> None:
    data = event.data
    fold.description = rows.digest(data["name"], data["provider"], event.organization)


def _user_event(fold: DirectoryFold, event: Envelope) -> None:
    resource = event.data["resource"]
    _expect(fold, resource["id"], fold.users, is_new=event.type == "rollcall.user.created.v1")
    gone = event.time if event.type == "rollcall.user.deleted.v1" else None
    _put_user(fold, event, event.data, event.time, gone)


def _erased(fold: DirectoryFold, event: Envelope) -> None:
    fold.users.pop(event.data["id"], None)
    fold.erased.add(event.data["id"])


def _put_user(
    fold: DirectoryFold,
    event: Envelope,
    told: Mapping[str, Any],
    updated_at: datetime,
    deleted_at: datetime | None = None,
) -> None:
    resource, version = told["resource"], told["version"]
    key, name, active = resource["id"], resource["userName"], resource["active"]
    external, created = resource.get("externalId"), _created_at(fold, resource, event)
    values = rows.digest(resource, version, name, _display_name(resource), _email(resource),
                         external, active, created)  # fmt: skip
    fold.leaving.discard(key)
    fold.users[key] = User(
        row=Row(values, updated_at, deleted_at),
        content=rows.digest(rows.content(resource), version),
        ref=rows.digest(name, external, active),
        is_active=active,
        touched=_place(event),
    )


def _group_event(fold: DirectoryFold, event: Envelope) -> None:
    resource = event.data["resource"]
    _expect(fold, resource["id"], fold.groups, is_new=event.type == "rollcall.group.created.v1")
    gone = event.time if event.type == "rollcall.group.deleted.v1" else None
    _put_group(fold, event, event.data, event.time, gone)


def _put_group(
    fold: DirectoryFold,
    event: Envelope,
    told: Mapping[str, Any],
    updated_at: datetime,
    deleted_at: datetime | None = None,
) -> None:
    resource, name = told["resource"], told["resource"]["displayName"]
    external, created = resource.get("externalId"), _created_at(fold, resource, event)
    values = rows.digest(resource, told["version"], name, external, created)
    fold.groups[resource["id"]] = Group(
        row=Row(values, updated_at, deleted_at),
        # Without the version: members move it too, and their events do not tell it.
        content=rows.digest(rows.content(resource)),
        ref=rows.digest(name, external),
        touched=_place(event),
    )


def _joined(fold: DirectoryFold, event: Envelope) -> None:
    fold.edges[_edge(fold, event.data)] = Membership(event.time, _place(event))


def _left(fold: DirectoryFold, event: Envelope) -> None:
    if event.data.get("because") == "user.deleted":
        fold.leaving.add(event.data["user"]["id"])
    fold.edges.pop(_edge(fold, event.data), None)


def _edge(fold: DirectoryFold, told: Mapping[str, Any]) -> Edge:
    group, user = told["group"]["id"], told["user"]["id"]
    _expect(fold, group, fold.groups, is_new=False)
    _expect(fold, user, fold.users, is_new=False)
    fold.mentioned.add(group)
    return group, user


def _snapshot_item(fold: DirectoryFold, event: Envelope) -> None:
    for told in event.data.get("users") or ():
        _put_user(fold, event, told, datetime.fromisoformat(told["updatedAt"]))
    for told in event.data.get("groups") or ():
        _put_group(fold, event, told, datetime.fromisoformat(told["updatedAt"]))
    for told in event.data.get("memberships") or ():
        edge = _edge(fold, told)
        known = fold.edges.get(edge)
        # A snapshot does not tell since when; the first to be heard of stands.
        fold.edges[edge] = Membership(known.since if known else event.time, _place(event))


def _snapshot_end(fold: DirectoryFold, event: Envelope) -> None:
    """What nobody told of since the snapshot began is gone."""
    begin = (event.position.generation, event.data["begin"])
    for key, user in fold.users.items():
        if user.touched < begin and not user.is_deleted:
            fold.users[key] = user._replace(row=_ended(user.row, event.time))
    for key, group in fold.groups.items():
        if group.touched < begin and not group.is_deleted:
            fold.groups[key] = group._replace(row=_ended(group.row, event.time))
    fold.edges = {edge: one for edge, one in fold.edges.items() if one.touched >= begin}


def _ended(row: Row, time: datetime) -> Row:
    return row._replace(updated_at=time, deleted_at=time)


def _expect(fold: DirectoryFold, key: str, known: Mapping[str, Any], *, is_new: bool) -> None:
    if not is_new and key not in known:
        fold.strangers.append(key)


def _created_at(fold: DirectoryFold, resource: Mapping[str, Any], event: Envelope) -> datetime:
    """Return when a resource was created: the first word on that stands."""
    meta = resource.get("meta") or {}
    told = datetime.fromisoformat(meta["created"]) if meta.get("created") else event.time
    return fold.created.setdefault(resource["id"], told)


def _display_name(resource: Mapping[str, Any]) -> str:
    name = resource.get("name") or {}
    parts = (name.get("givenName", ""), name.get("familyName", ""))
    names = (resource.get("displayName"), name.get("formatted"), " ".join(parts).strip())
    return next((one for one in names if one), resource["userName"])


def _email(resource: Mapping[str, Any]) -> Any:
    emails = resource.get("emails") or []
    ordered = sorted(emails, key=lambda email: not email.get("primary"))
    return ordered[0].get("value") if ordered else None


_HANDLERS: Mapping[str, Callable[[DirectoryFold, Envelope], None]] = {
    "rollcall.directory.created.v1": _directory,
    "rollcall.user.created.v1": _user_event,
    "rollcall.user.updated.v1": _user_event,
    "rollcall.user.activated.v1": _user_event,
    "rollcall.user.deactivated.v1": _user_event,
    "rollcall.user.deleted.v1": _user_event,
    "rollcall.user.erased.v1": _erased,
    "rollcall.group.created.v1": _group_event,
    "rollcall.group.updated.v1": _group_event,
    "rollcall.group.deleted.v1": _group_event,
    "rollcall.membership.added.v1": _joined,
    "rollcall.membership.removed.v1": _left,
    SNAPSHOT_BEGIN: _directory,
    SNAPSHOT_ITEM: _snapshot_item,
    SNAPSHOT_END: _snapshot_end,
}
