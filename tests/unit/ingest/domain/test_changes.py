"""What the log says about a changed user."""

from datetime import UTC, datetime

from services.ingest.domain import changes
from services.ingest.domain.resources import Resource
from services.ingest.scim.definitions import USER
from shared.contracts.directory_events import Cause, UserActivated, UserUpdated
from shared.contracts.ids import DirectoryId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CAUSE = Cause(kind="scim", id="request", actor="token:1")


def user(**document) -> Resource:
    return Resource(USER, DirectoryId("d1"), "u1", {"userName": "ada", **document}, 1, NOW, NOW)


def test_a_user_whose_active_was_removed_is_told_as_active() -> None:
    [event] = changes.between(user(active=False), user(), CAUSE)

    assert isinstance(event, UserActivated)
    assert event.resource["active"] is True
    assert event.user.active is True


def test_removing_active_from_an_active_user_activates_nobody() -> None:
    [event] = changes.between(user(active=True), user(), CAUSE)

    assert isinstance(event, UserUpdated)
    assert event.changed == ["active"]
