"""Who held what on a date."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings

from shared import db
from shared.contracts.topics import ROLE_EVENTS
from tests.integration.roles import world
from tests.integration.roles.company import default, feed
from tests.integration.roles.test_store import replay
from tests.integration.roles.world import Api
from tests.support.directory_log import DirectoryLog
from tests.support.histories import History, histories


async def at(api: Api, log: DirectoryLog, moment: str = "", **more: Any) -> Any:
    """Return who held what: (user name, role key, kind of reason)."""
    query = urlencode({**({"at": moment} if moment else {}), **more})
    answer = await api.get(f"/directories/{log.id}/assignments?{query}")
    assert answer.status == 200, answer.body
    return [
        (one["userName"], one["role"]["key"], one["reason"]["kind"]) for one in answer.body["items"]
    ]


def minute(log: DirectoryLog, event: int) -> str:
    """Return the time of an event of the directory."""
    return log.envelopes[event].time.isoformat()


async def test_a_date_tells_what_was_held_then_and_why(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    async with database.connection() as connection:
        await connection.execute("update directories set default_role = 'viewer'")
    seen = len(log.records)
    log.user("eve")
    log.user("fay")
    log.suspend("eve")
    log.delete_user("fay")
    await feed(database, log, seen)

    both = await at(api, log, minute(log, seen + 1))
    one = await at(api, log, minute(log, seen + 2))
    none = await at(api, log, minute(log, seen + 3))
    before = await at(api, log, minute(log, 0))

    assert sorted(both) == [("eve", "viewer", "default"), ("fay", "viewer", "default")]
    assert one == [("fay", "viewer", "default")]
    assert (none, before) == ([], [])


async def test_a_user_and_a_role_are_asked_for_and_pages_go_on_where_they_ended(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    rows = [(log.groups["owners"].id, "admin"), (log.groups["staff"].id, "billing")]
    await api.map(log, rows, **default("viewer"))
    path = f"/directories/{log.id}/assignments"

    everything = await at(api, log)
    found, after = [], ""
    for _ in range(9):
        page = (await api.get(f"{path}?limit=2{after}")).body
        found += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert sorted(everything) == [
        ("ada", "admin", "group"), ("ada", "billing", "group"), ("ada", "viewer", "default"),
        ("bob", "billing", "group"), ("bob", "viewer", "default"), ("cyd", "viewer", "default"),
    ]  # fmt: skip
    assert [(one["userName"], one["role"]["key"], one["reason"]["kind"]) for one in found] == (
        everything
    )
    assert [role for _, role, _ in await at(api, log, user="ADA")] == ["admin", "billing", "viewer"]
    assert await at(api, log, user=log.users["cyd"].id) == [("cyd", "viewer", "default")]
    assert len(await at(api, log, role="billing")) == 2


async def test_a_deleted_user_is_found_by_its_id(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, [(log.groups["staff"].id, "billing")])
    bob, now = log.users["bob"].id, datetime.now(UTC).isoformat()
    seen = len(log.records)
    log.delete_user("bob")
    async with database.connection() as connection:
        # The saves of these tests are dated by the clock, the log's events are not.
        await connection.execute("update assignment_history set at = at - interval '100 years'")
    await feed(database, log, seen)

    assert await at(api, log, "2000-01-01T00:00:00Z", user=bob) == [("bob", "billing", "group")]
    assert await at(api, log, now, user=bob) == []


async def test_what_was_told_later_counts_whatever_its_clock_said(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    # The save is dated by this machine's clock, the suspension by the log's: years before it.
    await api.map(log, [], **default("viewer"))
    seen = len(log.records)
    log.suspend("cyd")
    await feed(database, log, seen)

    assert {user for user, _, _ in await at(api, log)} == {"ada", "bob"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"at": "yesterday"}, "at: "),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at: "),
        ({"after": "x"}, "after: "),
        ({"limit": "0"}, "limit: "),
        ({"role": "No Role"}, "role: "),
    ],
)
async def test_a_question_that_cannot_be_says_which_part(
    api: Api, log: DirectoryLog, query: dict[str, str], words: str
) -> None:
    answer = await api.get(f"/directories/{log.id}/assignments?{urlencode(query)}")

    assert answer.status == 400
    assert answer.body["detail"].startswith(words)


async def test_a_user_that_is_not_there_is_not_found(api: Api, log: DirectoryLog) -> None:
    answer = await api.get(f"/directories/{log.id}/assignments?user=zoe")

    assert answer.status == 404


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories())
async def test_the_history_is_what_the_role_events_say_and_ends_at_what_is_held(
    database: db.Database, api: Api, history: History
) -> None:
    await replay(database, history, [])

    async with database.connection() as connection:
        rows = await connection.fetch(
            "select * from assignment_history where directory_id = $1 order by sequence",
            history.log.id,
        )
    events = [
        (row.sequence, row.document["data"])
        for row in await world.outbox(database, history.log)
        if row.topic == ROLE_EVENTS.name and row.document and "rolesAfter" in row.document["data"]
    ]
    held = await api.get(f"/directories/{history.log.id}/assignments?limit=1000")
    assert [(row["sequence"], row["user_id"], row["role_key"], row["reason"]) for row in rows] == [
        (sequence, data["user"]["id"], data["role"]["key"], data["reason"])
        for sequence, data in events
    ]
    assert {(one["userId"], one["role"]["key"]) for one in held.body["items"]} == set(
        history.expected()
    )
