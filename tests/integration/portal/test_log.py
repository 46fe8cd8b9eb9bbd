"""The log in the portal's store: order, filters, pages, and that no page reads all events."""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.__main__ import migrate
from services.portal.domain.log import Place
from services.portal.domain.rows import EventFilter, LoggedEvent
from services.portal.store import log, progress
from shared import db
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS
from tests.support.large_directory import fill
from tests.support.servers import Databases, Servers, fresh_database

USERS = 20_000
ALL = EventFilter(DIRECTORY_EVENTS.name)
# A rare type, long ago: what a reader looks for among many.
_RARE = """
update events set type = 'rollcall.group.deleted.v1'
where directory_id = $1 and sequence in (3, 4000)
"""


@pytest.fixture(scope="module")
async def migrated(servers: Servers) -> AsyncIterator[Databases]:
    async with fresh_database(servers) as found:
        await migrate({"projector": found.projector, "portal": found.portal})
        yield found


@pytest.fixture(scope="module")
async def database(migrated: Databases) -> AsyncIterator[db.Database]:
    """As the portal opens it."""
    settings = {"plan_cache_mode": "force_custom_plan"}
    async with db.connect(migrated.portal, "portal", settings=settings) as found:
        yield found


@pytest.fixture(scope="module")
async def directory(migrated: Databases) -> DirectoryId:
    async with db.connect(migrated.projector, "rm_1") as found:
        key = await fill(found, OrganizationId(str(uuid.uuid4())), USERS)
        async with found.transaction() as tx:
            await tx.execute(_RARE, key)
        async with found.connection() as connection:
            await connection.execute("vacuum analyze events", timeout=60)
        return key


async def pages(
    connection: db.Connection, directory: DirectoryId, wanted: EventFilter
) -> AsyncIterator[list[LoggedEvent]]:
    after, more = None, True
    while more:
        found, more = await log.events(connection, directory, wanted, after)
        yield found
        last = found[-1]
        after = Place(directory, wanted.topic, last.generation, last.sequence)


async def test_pages_follow_each_other_in_the_order_of_the_log(
    database: db.Database, directory: DirectoryId
) -> None:
    seen: list[int] = []
    async with database.connection() as connection:
        async for page in pages(connection, directory, ALL):
            seen += [event.sequence for event in page]
            if len(seen) >= 500:
                break

    assert seen == [*range(USERS, USERS - len(seen), -1)]


async def test_a_type_a_subject_and_a_time_narrow_the_list(
    database: db.Database, directory: DirectoryId
) -> None:
    async with database.connection() as connection:
        rare = replace(ALL, type="rollcall.group.deleted.v1")
        found, more = await log.events(connection, directory, rare, None)
        assert [event.sequence for event in found] == [4000, 3]
        assert not more
        somebody = await log.event(connection, Place(directory, ALL.topic, 1, 77))
        assert somebody
        subject = somebody.subject.partition("/")[2]
        found, _ = await log.events(connection, directory, replace(ALL, subject=subject), None)
        assert [event.sequence for event in found] == [77]
        until = datetime.now(UTC) - timedelta(seconds=USERS - 30)
        found, _ = await log.events(connection, directory, replace(ALL, until=until), None)
        assert found
        assert {event.time < until for event in found} == {True}
        found, more = await log.events(connection, directory, replace(ALL, since=until), None)
        assert more
        assert {event.time >= until for event in found} == {True}
        found, _ = await log.events(connection, directory, EventFilter(ROLE_EVENTS.name), None)
        assert found == []


async def test_an_event_is_found_by_its_place_alone(
    database: db.Database, directory: DirectoryId
) -> None:
    async with database.connection() as connection:
        found = await log.event(connection, Place(directory, ALL.topic, 1, 42))
        assert found
        assert found.id == f"{directory}:1:42"
        for nothing in (
            Place(directory, ALL.topic, 2, 42),
            Place(directory, ROLE_EVENTS.name, 1, 42),
            Place(DirectoryId(str(uuid.uuid4())), ALL.topic, 1, 42),
        ):
            assert await log.event(connection, nothing) is None


def cost(plan: dict[str, Any]) -> int:
    """Return how many rows the scans of a plan gave or dropped."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    below = sum(cost(part) for part in plan.get("Plans", ()))
    return int(below if plan.get("Plans") else own * plan["Actual Loops"])


@pytest.mark.parametrize(
    "wanted",
    [
        ALL,
        replace(ALL, type="rollcall.group.deleted.v1"),
        replace(ALL, type="rollcall.user.created.v1"),
        replace(ALL, subject="0b8ece94-f38b-4fdd-a26e-e135ad15243e"),
        EventFilter(ROLE_EVENTS.name),
    ],
    ids=["all", "a rare type", "a common type", "nobody", "no events"],
)
async def test_a_page_reads_little_more_than_it_shows(
    database: db.Database, directory: DirectoryId, wanted: EventFilter
) -> None:
    statement, values = log.page(directory, wanted, None, 51)

    async with database.connection() as connection:
        found = await connection.fetchval(f"explain (analyze, format json) {statement}", *values)

    plan = (found if isinstance(found, list) else json.loads(found))[0]["Plan"]
    assert cost(plan) <= 150


async def test_the_delays_by_hop_are_those_of_the_newest_events(
    database: db.Database, migrated: Databases, directory: DirectoryId
) -> None:
    async with db.connect(migrated.projector, "rm_1") as owner, owner.transaction() as tx:
        await tx.execute(
            """
            update events set published_at = time + interval '200 ms',
              stored_at = time + interval '1200 ms'
            where directory_id = $1 and sequence > $2
            """,
            directory,
            USERS - 200,
        )

    async with database.connection() as connection:
        found = await progress.delays_by_hop(connection, directory, DIRECTORY_EVENTS.name)
        nothing = await progress.delays_by_hop(connection, directory, ROLE_EVENTS.name)

    assert found
    assert found.events == 200
    assert found.told.typical == found.told.slow == timedelta(milliseconds=200)
    assert found.seen.slow == timedelta(seconds=1)
    assert nothing is None
