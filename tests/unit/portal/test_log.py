"""The log for people: ids, what is masked, the document that applications get."""

from datetime import UTC, datetime

import pytest

from services.portal.domain import log, words
from services.portal.domain.log import Place
from services.portal.domain.rows import LoggedEvent
from shared.contracts.ids import DirectoryId, OrganizationId

DIRECTORY = DirectoryId("0b1d4b6c-6f0e-4b53-9a55-0a2f5a4f5a10")
ORGANIZATION = OrganizationId("5a0e8f53-2f39-4b50-b8a8-3a1d4d1a7c11")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_an_id_leads_to_the_place_where_its_event_stands() -> None:
    assert log.place_of(f"{DIRECTORY}:1:42") == Place(DIRECTORY, "directory.events.v1", 1, 42)
    assert log.place_of(f"{DIRECTORY}:roles:2:7") == Place(DIRECTORY, "role.events.v1", 2, 7)


@pytest.mark.parametrize(
    "key",
    [
        "", "nothing", f"{DIRECTORY}", f"{DIRECTORY}:1", f"{DIRECTORY}:1:x",
        f"{DIRECTORY}:state:1:2",
        f"{DIRECTORY}:1:42\n", f"{'-' * 36}:1:42", f"{DIRECTORY}:1:{'9' * 30}",
    ],
)  # fmt: skip
def test_what_is_no_id_of_an_event_leads_nowhere(key: str) -> None:
    assert log.place_of(key) is None


def test_a_type_and_a_topic_lead_to_the_topic() -> None:
    assert log.topic_of("rollcall.role.assigned.v1") == "role.events.v1"
    assert log.topic_of("role.events.v1") == "role.events.v1"
    assert log.topic_of("rollcall.user.created.v1") == "directory.events.v1"
    assert log.topic_of("users") is None


def test_what_describes_people_is_masked_and_what_names_things_is_not() -> None:
    data = {
        "user": {"id": ORGANIZATION, "userName": "magdalena@globex.test", "active": True},
        "group": {"id": DIRECTORY, "displayName": "Admins"},
        "role": {"key": "admin", "name": "Administrator"},
        "reason": {"kind": "group", "groups": [{"displayName": "Admins"}]},
        "resource": {"name": {"givenName": "Ada"},
                     "emails": [{"value": "ada@x.org", "type": "work"}]},
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "version": 3,
    }  # fmt: skip

    assert log.masked(data) == {
        "user": {"id": ORGANIZATION, "userName": "m…t (21)", "active": True},
        "group": {"id": DIRECTORY, "displayName": "Admins"},
        "role": {"key": "admin", "name": "Administrator"},
        "reason": {"kind": "group", "groups": [{"displayName": "Admins"}]},
        "resource": {"name": {"givenName": "… (3)"},
                     "emails": [{"value": "a…g (9)", "type": "work"}]},
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "version": 3,
    }  # fmt: skip


def event(key: str, topic: str) -> LoggedEvent:
    data = {"role": {"key": "admin", "name": "Admin"}, "user": {"userName": "ada@globex.test"}}
    kind = "rollcall.role.assigned.v1"
    return LoggedEvent(key, topic, kind, "users/1", AT, 1, 42, AT, AT, data)


def test_the_document_is_the_one_that_is_published() -> None:
    shown = log.document(event(f"{DIRECTORY}:roles:1:42", "role.events.v1"), ORGANIZATION)

    assert shown == {
        "specversion": "1.0",
        "id": f"{DIRECTORY}:roles:1:42",
        "sequence": "00000000000000000042",
        "generation": 1,
        "source": f"/directories/{DIRECTORY}/roles",
        "type": "rollcall.role.assigned.v1",
        "subject": "users/1",
        "time": "2026-03-02T09:30:00Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:rollcall:schemas:rollcall.role.assigned.v1",
        "organizationid": ORGANIZATION,
        "data": {"role": {"key": "admin", "name": "Admin"},
                 "user": {"userName": "ada@globex.test"}},
    }  # fmt: skip


def test_an_event_by_itself_says_of_whom_it_tells() -> None:
    assert words.told_in_words(event("1", "role.events.v1").row) == (
        "ada@globex.test: Was given Admin"
    )
