"""What the pages say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.portal.domain import mapping, rows, status, words
from services.portal.domain.rows import EventRow
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.management import Directory, MappingPreview

ADA = {"id": "u1", "userName": "ada", "active": True}
ADMINS = {"id": "g1", "displayName": "Admins"}


def event(kind: str, **data: Any) -> EventRow:
    return EventRow("1", f"rollcall.{kind}.v1", datetime(2026, 1, 1, tzinfo=UTC), data)


@pytest.mark.parametrize(
    ("kind", "of_user", "of_group"),
    [
        ("membership.added", "Joined Admins", "ada joined"),
        ("membership.removed", "Left Admins", "ada left"),
    ],
)
def test_a_membership_names_the_other_side(kind: str, of_user: str, of_group: str) -> None:
    moment = event(kind, user=ADA, group=ADMINS)

    assert words.event_in_words(moment) == of_user
    assert words.event_in_words(moment, of="group") == of_group


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("group", "Lost Administrator: no longer through Admins"),
        ("inactive", "Lost Administrator: the user was deactivated"),
        ("deleted", "Lost Administrator: the user was deleted"),
        ("mapping", "Lost Administrator: a saved mapping no longer grants it through Admins"),
        ("manual", "Lost Administrator: it was taken back by hand"),
    ],
)
def test_a_lost_role_says_why(kind: str, said: str) -> None:
    reason = {"kind": kind, "groups": [ADMINS]}

    lost = event("role.revoked", user=ADA, role={"name": "Administrator"}, reason=reason)

    assert words.event_in_words(lost) == said


def test_a_mapping_is_finished_when_each_row_has_both() -> None:
    assert mapping.unfinished([]) is None
    assert mapping.unfinished([("g1", "admin"), ("g2", "editor")]) is None


@pytest.mark.parametrize(
    ("row", "words"), [(("g2", ""), "Row 2 has no role"), (("", "admin"), "Row 2 has no group")]
)
def test_an_unfinished_row_is_named(row: tuple[str, str], words: str) -> None:
    assert (mapping.unfinished([("g1", "admin"), row]) or "").startswith(words)


def test_what_does_not_follow_is_named_with_since_when_and_that_nothing_is_lost() -> None:
    now = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    delays = [
        rows.Delay("roles", now - timedelta(minutes=3)),
        rows.Delay("users and groups", now - timedelta(minutes=12)),
        rows.Delay("roles", now - timedelta(minutes=2)),
    ]

    found = status.delayed(delays, now)

    assert (found.title, found.tone) == ("Changes are delayed", "late")
    assert "roles and users and groups stopped following it 12 minutes ago" in found.words


@pytest.mark.parametrize(
    ("delayed_s", "title", "said"),
    [
        (0.0, "Connected", ""),
        (29.0, "Connected", ""),
        (45.0, "Changes are delayed", "last minute"),
        (300.0, "Changes are delayed", "last 5 minutes"),
    ],
)
def test_changes_that_wait_are_said_to_be_delayed(delayed_s: float, title: str, said: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    directory = Directory(
        id=DirectoryId("d"),
        organization_id=OrganizationId("o"),
        name="Acme",
        provider="onelogin",
        endpoint="https://scim.example/d",
        created_at=now,
        last_request_at=now,
        delayed_s=delayed_s,
    )

    found = status.of(directory, None, now)

    assert found.title == title
    assert said in found.words


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((0, 0, 0), "Nobody gains or loses a role"),
        ((1, 0, 0), "1 user gains roles"),
        (
            (1200, 1, 2),
            "1,200 users gain roles, 1 user loses roles and 2 users gain some and lose others",
        ),
    ],
)
def test_a_preview_is_counted_in_words(counts: tuple[int, int, int], said: str) -> None:
    names = ("gaining", "losing", "changing")
    preview = MappingPreview(
        directory_id=DirectoryId("d"),
        version=1,
        generation=1,
        sequence=7,
        effect="e",
        users=[],
        **dict(zip(names, counts, strict=True)),
    )

    assert words.preview_in_words(preview) == f"{said}. Nothing is saved yet."


def held(reason: dict[str, Any], cause: dict[str, Any]) -> rows.RoleRow:
    return rows.RoleRow("admin", "Administrator", reason, cause, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ({"kind": "group", "groups": [ADMINS]}, "Through group Admins, by a saved mapping"),
        ({"kind": "default", "groups": []},
         "As the default role of this directory, by a saved mapping"),
        ({"kind": "manual"}, "Given by hand, by a saved mapping"),
        ({"kind": "group", "groups": [ADMINS], "also": ["manual"]},
         "Through group Admins and given by hand, by a saved mapping"),
    ],
)  # fmt: skip
def test_all_that_grants_a_role_is_said(reason: dict[str, Any], said: str) -> None:
    assert words.reason_in_words(held(reason, {"kind": "mapping"}), "onelogin") == said


def test_a_row_moves_one_place_and_not_beyond_the_ends() -> None:
    moves = ((1, -1), (1, 1), (0, -1), (2, 1), (9, 1))
    form = mapping.MappingForm(1, rows=[("g1", "a"), ("g2", "b"), ("g3", "c")], effect="e")

    moved = [[group for group, _ in form.moved(*to).rows] for to in moves]

    assert moved == [
        ["g2", "g1", "g3"], ["g1", "g3", "g2"], *[["g1", "g2", "g3"]] * 3,
    ]  # fmt: skip
    assert form.moved(1, -1).effect is None
