"""Every event type ever published keeps its shape: golden files, read by us and by others."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cloudevents.core.formats.json import JSONFormat

from shared.contracts import directory_events, envelope, role_events
from shared.contracts.base import Contract
from shared.contracts.directory_events import (
    Cause,
    DirectoryEvent,
    GroupRef,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotItem,
    SnapshotMembership,
    SnapshotResource,
    UserRef,
)
from shared.contracts.envelope import Origin, Position
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, RoleKey, UserId
from shared.contracts.role_events import HeldRole, MappedGroup, Reason, RoleRef

TURNS = (
    directory_events.DirectoryPaused,
    directory_events.DirectoryResumed,
    directory_events.DirectoryDeleted,
)
SNAPSHOTS = (SnapshotBegin, SnapshotItem, SnapshotEnd)
GOLDEN = Path(__file__).parent / "events"
DIRECTORY = DirectoryId("0b1d4b6c-6f0e-4b53-9a55-0a2f5a4f5a10")
ORIGIN = Origin(
    directory=DIRECTORY,
    organization=OrganizationId("5a0e8f53-2f39-4b50-b8a8-3a1d4d1a7c11"),
    time=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
CAUSE = Cause(kind="scim", id="6d1b3f3c-19a0-4b7e-8f3e-2f6f4f5b7d12", actor="token:k7Jq")
USER = UserRef(
    id=UserId("9a3c1f52-77d8-4f5e-9c1b-0d9a6f0b4e13"), user_name="mira@globex.test", active=True
)
GROUP = GroupRef(id=GroupId("c2b9d7de-58a1-4a40-8a0e-6a3f1c2d5b14"), display_name="Night shift")
ROLE = RoleRef(key=RoleKey("admin"), name="Administrator")
REASON = Reason(kind="group", groups=[GROUP])
_USER_RESOURCE = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "id": USER.id,
    "userName": USER.user_name,
    "name": {"givenName": "Mira", "familyName": "Kovac"},
    "active": True,
}
_GROUP_RESOURCE = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    "id": GROUP.id,
    "displayName": GROUP.display_name,
}


def examples() -> Iterator[tuple[str, str, Contract, str]]:
    """Yield type, subject, data and scope of one event of each type."""
    for event_type, event in directory_events.EVENTS.items():
        data = _directory_example(event)
        yield event_type, data.subject, data, ""
    for data in (
        role_events.RoleAssigned(
            cause=CAUSE, user=USER, role=ROLE, reason=REASON, roles_after=[ROLE.key]
        ),
        role_events.RoleRevoked(cause=CAUSE, user=USER, role=ROLE, reason=REASON, roles_after=[]),
        role_events.MappingSaved(
            cause=CAUSE, version=3, rows=[MappedGroup(group=GROUP, role=ROLE)]
        ),
        role_events.ManualAssigned(cause=CAUSE, user=USER, role=ROLE),
        role_events.ManualUnassigned(cause=CAUSE, user=USER, role=ROLE),
    ):
        yield data.type, data.subject, data, role_events.SCOPE
    state = role_events.RoleState(user=USER, roles=[HeldRole(role=ROLE, reason=REASON)])
    yield state.type, f"users/{USER.id}", state, role_events.STATE_SCOPE


def _directory_example(
    event: type[directory_events.DirectoryEvent],
) -> directory_events.DirectoryEvent:
    if issubclass(event, directory_events.DirectoryCreated):
        return event(cause=CAUSE, id=DIRECTORY, name="Globex OneLogin", provider="onelogin")
    if issubclass(event, TURNS):
        return event(cause=CAUSE)
    if issubclass(event, SNAPSHOTS):
        return _snapshot_example(event)
    if issubclass(event, directory_events.MembershipEvent):
        return event(cause=CAUSE, user=USER, group=GROUP)
    if issubclass(event, directory_events.UserErased):
        return event(cause=CAUSE, id=USER.id)
    is_user = issubclass(event, directory_events.UserEvent)
    resource = _USER_RESOURCE if is_user else _GROUP_RESOURCE
    return event(cause=CAUSE, resource=resource, version=2, changed=["title"], previous={})


def _snapshot_example(event: type[directory_events.DirectoryEvent]) -> DirectoryEvent:
    if issubclass(event, SnapshotBegin):
        return event(cause=CAUSE, name="Globex OneLogin", provider="onelogin")
    if issubclass(event, SnapshotEnd):
        return event(cause=CAUSE, begin=40)
    user, group = (
        SnapshotResource(resource=resource, version=2, updated_at=ORIGIN.time)
        for resource in (_USER_RESOURCE, _GROUP_RESOURCE)
    )
    edge = SnapshotMembership(user=USER, group=GROUP)
    return SnapshotItem(cause=CAUSE, users=[user], groups=[group], memberships=[edge])


def document(event_type: str, subject: str, data: Contract, scope: str) -> bytes:
    middle = role_events.SCOPE if scope else ""
    return envelope.head(DIRECTORY, Position(1, 42), middle) + envelope.tail(
        event_type, subject, ORIGIN, data, scope
    )


def fuller() -> Iterator[tuple[str, str, Contract, str]]:
    """Yield events as `examples`, with what is left out where it says nothing new; by file."""
    group = HeldRole(role=ROLE, reason=REASON.model_copy(update={"also": ["default", "manual"]}))
    state = role_events.RoleState(user=USER, roles=[group])
    yield f"{state.type}.by-hand", f"users/{USER.id}", state, role_events.STATE_SCOPE
    saved = role_events.MappingSaved(
        cause=CAUSE,
        version=4,
        rows=[MappedGroup(group=GROUP, role=ROLE)],
        strategy="first_match",
        default_role=RoleRef(key=RoleKey("viewer"), name="Viewer"),
        enabled=False,
    )
    yield f"{saved.type}.ordered", saved.subject, saved, role_events.SCOPE
    left = directory_events.MembershipRemoved(
        cause=CAUSE, user=USER, group=GROUP, because="group.deleted", together=120
    )
    yield f"{left.type}.together", left.subject, left, ""


ALL = {example[0]: example for example in examples()}
FULLER = {example[0]: example for example in fuller()}


def test_every_type_has_an_example() -> None:
    types = {*directory_events.EVENTS, *role_events.EVENTS, role_events.RoleState.type}

    assert types == set(ALL)


@pytest.mark.parametrize("event_type", sorted(ALL))
def test_what_is_written_equals_the_golden_file(event_type: str) -> None:
    written = json.loads(document(*ALL[event_type]))

    assert written == json.loads((GOLDEN / f"{event_type}.json").read_text())


@pytest.mark.parametrize("stem", sorted(FULLER))
def test_what_is_written_in_full_equals_the_golden_file(stem: str) -> None:
    _, subject, data, scope = FULLER[stem]
    event_type, _, _ = stem.rpartition(".")

    written = json.loads(document(event_type, subject, data, scope))

    assert written == json.loads((GOLDEN / f"{stem}.json").read_text())


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_event_ever_published_is_read_by_its_class(golden: Path) -> None:
    event = envelope.parse(golden.read_bytes())

    decoded = directory_events.decode(event) or role_events.decode(event)

    assert decoded is not None or event.type == role_events.RoleState.type
    assert event.directory == DIRECTORY
    assert event.position == Position(1, 42)


@pytest.mark.parametrize("event_type", sorted(ALL))
def test_the_public_cloudevents_package_reads_it(event_type: str) -> None:
    record = document(*ALL[event_type])

    event = JSONFormat().read(None, record)

    assert event.get_type() == event_type
    assert event.get_extension("sequence") == "00000000000000000042"
    assert event.get_id().endswith(":1:42")


def test_an_unknown_type_is_left_to_the_caller() -> None:
    record = document("rollcall.user.teleported.v1", "users/1", CAUSE, "")

    event = envelope.parse(record)

    assert directory_events.decode(event) is None
    assert role_events.decode(event) is None
