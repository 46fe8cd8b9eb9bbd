"""Events → rows: the last word on each row, validity of assignments, what the log shows."""

from dataclasses import replace
from typing import Any

import pytest

from services.projector import domain
from shared.contracts import envelope
from shared.contracts.directory_events import Cause, UserCreated, UserRef
from shared.contracts.envelope import Envelope, Origin, Position
from tests.contract.test_events import GOLDEN
from tests.support.directory_log import DirectoryLog
from tests.support.role_log import RoleLog


def user_row(**resource: Any) -> domain.Row:
    """Return the row of a user created with these attributes."""
    log = DirectoryLog()
    event = UserCreated(
        cause=Cause(kind="scim", id="1"),
        resource={"id": "u", "userName": "ada@globex.test", "active": True, **resource},
        version=1,
    )
    origin = Origin(log.id, log.organization, log.envelopes[0].time)
    record = envelope.head(log.id, Position(1, 1)) + envelope.tail(
        event.type, event.subject, origin, event
    )
    [row] = domain.directory_rows([envelope.parse(record)]).users.values()
    return row


@pytest.fixture
def log() -> DirectoryLog:
    return DirectoryLog()


@pytest.fixture
def ada(log: DirectoryLog) -> UserRef:
    log.user("ada")
    return log.users["ada"]


@pytest.fixture
def roles(log: DirectoryLog) -> RoleLog:
    return RoleLog(log.id, log.organization)


def test_a_user_that_changes_often_in_a_batch_is_one_row_of_its_last_state(
    log: DirectoryLog, ada: UserRef
) -> None:
    log.suspend("ada")
    log.rename_user("ada", "ada.lovelace")

    rows = domain.directory_rows(log.envelopes)

    row = rows.users[log.id, ada.id]
    assert (row["user_name"], row["active"], row["deleted_at"]) == ("ada.lovelace", False, None)
    assert row["created_at"] == log.envelopes[1].time.isoformat()
    assert row["updated_at"] == log.envelopes[3].time.isoformat()


def test_a_deleted_user_stays_and_is_marked(log: DirectoryLog, ada: UserRef) -> None:
    log.delete_user("ada")

    rows = domain.directory_rows(log.envelopes)

    assert rows.users[log.id, ada.id]["deleted_at"] == log.envelopes[-1].time.isoformat()


def test_a_deleted_directory_stays_and_is_marked(log: DirectoryLog, ada: UserRef) -> None:
    log.delete()

    rows = domain.directory_rows(log.envelopes)

    assert rows.deleted == {log.id: log.envelopes[-1].time}
    assert [over.begin.sequence for over in rows.ends] == [3]
    assert rows.directories[log.id]["name"] == "Globex"
    assert (log.id, ada.id) in rows.users


def test_a_membership_counts_since_it_was_last_added(log: DirectoryLog, ada: UserRef) -> None:
    group = log.group("owners")
    log.join("ada", "owners")
    log.leave("ada", "owners")
    log.join("ada", "owners")

    rows = domain.directory_rows(log.envelopes)

    assert {key: one.since for key, one in rows.memberships.items()} == {
        (log.id, group, ada.id): log.envelopes[-1].time
    }


def test_a_membership_that_came_and_went_is_said_to_be_gone(
    log: DirectoryLog, ada: UserRef
) -> None:
    group = log.group("owners")
    log.join("ada", "owners")
    log.delete_group("owners")

    rows = domain.directory_rows(log.envelopes)

    assert {key: one.since for key, one in rows.memberships.items()} == {
        (log.id, group, ada.id): None
    }


def test_a_type_of_a_newer_version_writes_no_row_but_stands_in_the_log(log: DirectoryLog) -> None:
    log.unknown()
    event = replace(log.envelopes[-1], subject="users/not-an-id/hum")

    rows, shown = domain.directory_rows([event]), domain.event_row("directory.events.v1", event)

    assert rows == domain.DirectoryRows()
    assert (shown["type"], shown["user_id"]) == ("rollcall.directory.hummed.v1", None)


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ({"displayName": "Ada L.", "name": {"formatted": "Ada Lovelace"}}, "Ada L."),
        ({"name": {"formatted": "Ada Lovelace", "givenName": "A."}}, "Ada Lovelace"),
        ({"name": {"givenName": "Ada", "familyName": "Lovelace"}}, "Ada Lovelace"),
        ({"name": {"familyName": "Lovelace"}}, "Lovelace"),
        ({"name": {}}, "ada@globex.test"),
        ({}, "ada@globex.test"),
    ],
)
def test_a_user_is_shown_by_the_best_name_there_is(resource: dict[str, Any], name: str) -> None:
    assert user_row(**resource)["display_name"] == name


@pytest.mark.parametrize(
    ("emails", "email"),
    [
        ([{"value": "a@x.test"}, {"value": "b@x.test", "primary": True}], "b@x.test"),
        ([{"value": "a@x.test"}, {"value": "b@x.test"}], "a@x.test"),
        ([{"type": "work"}], None),
        ([], None),
    ],
)
def test_the_primary_address_is_shown_else_the_first(emails: list[Any], email: str | None) -> None:
    assert user_row(emails=emails)["email"] == email


def test_a_user_was_created_when_its_resource_says_so() -> None:
    row = user_row(meta={"created": "2020-01-01T00:00:00Z"})

    assert row["created_at"] == "2020-01-01T00:00:00Z"


def test_a_role_held_before_the_batch_ends_and_one_gained_in_it_begins(
    roles: RoleLog, ada: UserRef
) -> None:
    roles.assign(ada, "admin")
    roles.revoke(ada, "admin")
    roles.assign(ada, "admin")

    rows = domain.role_rows(roles.envelopes[1:])

    times = [one.time for one in roles.envelopes]
    assert rows.ended == {(roles.id, ada.id, "admin"): times[1]}
    assert [(row["valid_from"], row["valid_to"]) for row in rows.assignments] == [
        (times[2].isoformat(), None)
    ]


def test_each_time_that_a_role_was_held_within_a_batch_is_a_row_with_both_ends(
    roles: RoleLog, ada: UserRef
) -> None:
    for _ in range(3):
        roles.assign(ada, "admin")
        roles.revoke(ada, "admin")

    rows = domain.role_rows(roles.envelopes)

    times = [one.time.isoformat() for one in roles.envelopes]
    assert rows.ended == {}
    assert [(row["valid_from"], row["valid_to"]) for row in rows.assignments] == list(
        zip(times[::2], times[1::2], strict=True)
    )


def test_only_the_last_saved_mapping_of_a_batch_remains(log: DirectoryLog, roles: RoleLog) -> None:
    log.group("owners")
    roles.save([(log.groups["owners"], "admin")])
    roles.save([])

    rows = domain.role_rows(roles.envelopes)

    assert [saved.rows for saved in rows.mappings.values()] == [[]]


@pytest.mark.parametrize(
    ("subject", "user", "group"),
    [
        ("users/{u}", True, False),
        ("groups/{g}", False, True),
        ("groups/{g}/members/{u}", True, True),
        ("users/{u}/roles/admin", True, False),
        ("users", False, False),
        ("mapping", False, False),
        ("", False, False),
    ],
)
def test_the_log_is_found_by_the_user_and_the_group_in_the_subject(
    log: DirectoryLog, ada: UserRef, subject: str, *, user: bool, group: bool
) -> None:
    owners = log.group("owners")
    event = replace(log.envelopes[0], subject=subject.format(u=ada.id, g=owners))

    row = domain.event_row("directory.events.v1", event)

    assert row["user_id"] == (ada.id if user else None)
    assert row["group_id"] == (owners if group else None)


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_event_ever_published_can_be_folded_and_shown(golden: Any) -> None:
    event: Envelope = envelope.parse(golden.read_bytes())

    domain.directory_rows([event])
    domain.role_rows([event])

    assert domain.event_row("any", event)["cause"] == event.data.get("cause", {})
