"""The messages of the protocol."""

from datetime import UTC, datetime, timedelta, timezone

from scim2_models import Error, ListResponse, User

from services.ingest.scim import messages
from services.ingest.scim.definitions import USER, USER_SCHEMA


def test_the_oracle_reads_a_list() -> None:
    users = [{"schemas": [USER_SCHEMA.id], "id": "u1", "userName": "ada"}]

    read = ListResponse[User].model_validate(messages.list_response(users, 7, 3))

    assert (read.total_results, read.start_index, read.items_per_page) == (7, 3, 1)


def test_an_empty_list_has_empty_resources() -> None:
    assert messages.list_response([], 0, 1)["Resources"] == []


def test_the_status_of_an_error_is_text() -> None:
    message = messages.error(409, "uniqueness", "Taken.")

    assert message["status"] == "409"
    assert Error.model_validate(message).scim_type == "uniqueness"


def test_an_error_without_a_scim_type_has_none() -> None:
    assert "scimType" not in messages.error(404, None, "Gone.")


def test_meta_says_when_in_utc_and_where() -> None:
    made = datetime(2026, 3, 1, 10, 30, tzinfo=timezone(timedelta(hours=1)))
    changed = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)

    meta = messages.meta(
        USER, "u1", "https://x/scim/v2/d/", created=made, last_modified=changed, version=3
    )

    assert meta == {
        "resourceType": "User",
        "created": "2026-03-01T09:30:00.000Z",
        "lastModified": "2026-03-02T09:30:00.123Z",
        "location": "https://x/scim/v2/d/Users/u1",
        "version": 'W/"3"',
    }
