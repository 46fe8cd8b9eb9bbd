"""What is stopped waits in order, is shown with its reason, and goes on when somebody lets it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, test_utils, web
from prometheus_client import REGISTRY

from shared import consume, db, kafka, service
from shared import web as edge
from shared.consume import MassParkingError, parking
from shared.consume.operations import STATUSES
from shared.consume.parking import NotStoppedError, OtherRecordError
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import DEAD_LETTERS
from shared.keys import Keys
from tests.integration.shared import world
from tests.integration.shared.world import POISON, Reader, new_directory, opening, record
from tests.support.servers import Servers
from tests.support.waiting import eventually

KEY = "a-key-of-sixteen"


@pytest.fixture
def reader(database: db.Database, servers: Servers, topic: str) -> Reader:
    return Reader(database, servers.kafka, topic)


async def fill(
    reader: Reader, publisher: kafka.Publisher, records: Sequence[kafka.Outgoing]
) -> None:
    """Publish, and read up to there."""
    start = await reader.offset()
    await publisher.publish(0, records)
    async with reader.running():
        await reader.reached(start + len(records))


async def poisoned(reader: Reader, publisher: kafka.Publisher) -> DirectoryId:
    """Return a directory that parked at its second event of five."""
    directory = new_directory()
    names = {2: POISON}
    await fill(
        reader,
        publisher,
        [record(reader.topic, directory, n, names.get(n, "ordinary")) for n in range(1, 6)],
    )
    return directory


async def audited(database: db.Database) -> list[tuple[str, str]]:
    async with database.connection() as connection:
        rows = await connection.fetch("select act, directory_id from audit_records order by id")
    return [(row["act"], row["directory_id"]) for row in rows]


async def skip(reader: Reader, directory: DirectoryId, offset: int, *, heals: bool) -> None:
    await parking.skip(
        reader.database, reader.topic, directory, offset, actor="operator", heals=heals
    )


async def test_once_the_fault_is_mended_what_waits_is_applied_in_order_and_the_directory_lives(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = await poisoned(reader, publisher)

    done = await parking.replay(reader.database, reader.topic, world.mended, directory)

    assert (done.applied, done.waiting, done.progress.state) == (4, 0, "live")
    await fill(reader, publisher, [record(reader.topic, directory, 6)])
    assert await world.effects(reader.database) == {directory: [1, 2, 3, 4, 5, 6]}
    assert await reader.parked() == []


def stopped_now(group: str, topic: str) -> dict[str, float | None]:
    """Return the metric of a group, by state."""
    name, labels = "rollcall_consumer_stopped_directories", {"group": group, "topic": topic}
    return {
        state: REGISTRY.get_sample_value(name, {**labels, "state": state})
        for state in ("parked", "stalled")
    }


async def test_operators_see_how_many_directories_are_stopped_while_somebody_counts(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    await poisoned(reader, publisher)
    counting = consume.Stopped(reader.database, "counted", [reader.topic])

    async with service.background(counting.watch):
        await eventually(
            lambda: stopped_now("counted", reader.topic) == {"parked": 1, "stalled": 0}
        )

    assert stopped_now("counted", reader.topic) == {"parked": 0, "stalled": 0}


async def test_what_still_fails_stays_parked_with_its_reason(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = await poisoned(reader, publisher)

    done = await parking.replay(reader.database, reader.topic, world.apply, directory)

    assert (done.applied, done.waiting, done.progress.state) == (0, 4, "parked")
    assert done.progress.reason == "ValueError"
    assert await world.effects(reader.database) == {directory: [1]}
    assert [offset for _, offset, _ in await reader.parked()] == [1, 2, 3, 4]


async def test_what_arrives_while_much_is_let_go_queues_behind_it(
    reader: Reader, publisher: kafka.Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "_AT_ONCE", 3)
    directory = await poisoned(reader, publisher)

    first = await parking.replay(reader.database, reader.topic, world.mended, directory)
    await fill(reader, publisher, [record(reader.topic, directory, 6)])
    second = await parking.replay(reader.database, reader.topic, world.mended, directory)

    assert (first.applied, first.waiting, first.progress.state) == (3, 1, "parked")
    assert (second.applied, second.waiting, second.progress.state) == (2, 0, "live")
    assert await world.effects(reader.database) == {directory: [1, 2, 3, 4, 5, 6]}


async def test_letting_go_while_the_consumer_runs_applies_each_event_once_and_in_order(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = await poisoned(reader, publisher)

    async def publish_more() -> None:
        for number in range(6, 46, 2):
            both = [record(reader.topic, directory, number + step) for step in (0, 1)]
            await publisher.publish(0, both)

    async def let_go() -> bool:
        try:
            done = await parking.replay(reader.database, reader.topic, world.mended, directory)
        except NotStoppedError:
            return True
        return not done.waiting

    async with reader.running(), asyncio.TaskGroup() as tasks:
        tasks.create_task(publish_more())
        tasks.create_task(eventually(let_go))
    async with reader.running():
        await reader.reaches({directory: [*range(1, 46)]})

    assert await reader.state(directory) == ("live", 45)


async def test_a_gap_stalls_until_a_snapshot_opens_and_what_waited_is_forgotten(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    gaping, well = new_directory(), new_directory()
    holed = [record(reader.topic, gaping, n) for n in (1, 3, 4)]

    await fill(reader, publisher, [*holed, record(reader.topic, well, 1)])
    stalled = await reader.state(gaping)
    waited = await reader.parked()
    after = [record(reader.topic, gaping, 5), opening(reader.topic, gaping, 6)]
    await fill(reader, publisher, [*after, record(reader.topic, gaping, 7)])

    assert stalled == ("stalled", 1)
    assert waited == [(gaping, n, "gap: 2 expected, 3 found") for n in (1, 2)]
    assert await reader.parked() == []
    assert await reader.state(gaping) == ("live", 7)
    assert await world.effects(reader.database) == {gaping: [1, 6, 7], well: [1]}


async def test_a_new_generation_is_entered_by_its_snapshot_and_the_old_one_is_over(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = new_directory()
    topic = reader.topic
    old = [record(topic, directory, n) for n in (1, 2, 3)]

    await fill(reader, publisher, [*old, opening(topic, directory, 1, generation=2), *old])

    assert await world.effects(reader.database) == {directory: [1, 2, 3, 1]}
    assert await reader.state(directory) == ("live", 1)


async def test_a_snapshot_that_cannot_be_opened_parks_with_all_that_waits(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = new_directory()
    topic = reader.topic
    records = [record(topic, directory, 1), record(topic, directory, 3)]

    await fill(reader, publisher, [*records, opening(topic, directory, 4, name=POISON)])

    assert await reader.state(directory) == ("parked", 1)
    assert [offset for _, offset, _ in await reader.parked()] == [1, 2]


async def test_a_record_given_up_is_audited_and_leaves_a_hole_that_a_snapshot_must_heal(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = await poisoned(reader, publisher)

    await skip(reader, directory, 1, heals=True)
    replayed = await parking.replay(reader.database, reader.topic, world.mended, directory)
    healed = [opening(reader.topic, directory, 6), record(reader.topic, directory, 7)]
    await fill(reader, publisher, healed)

    assert (replayed.applied, replayed.progress.state) == (0, "stalled")
    assert await world.effects(reader.database) == {directory: [1, 6, 7]}
    assert await audited(reader.database) == [("event.skipped", directory)]


async def test_where_no_snapshot_heals_the_directory_goes_on_behind_what_was_given_up(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = await poisoned(reader, publisher)

    await skip(reader, directory, 1, heals=False)
    done = await parking.replay(reader.database, reader.topic, world.apply, directory)

    assert (done.applied, done.waiting, done.progress.state) == (3, 0, "live")
    assert await world.effects(reader.database) == {directory: [1, 3, 4, 5]}


async def test_where_no_snapshot_heals_a_hole_can_be_stepped_over(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = new_directory()
    await fill(reader, publisher, [record(reader.topic, directory, n) for n in (1, 4, 5)])

    await skip(reader, directory, 1, heals=False)
    done = await parking.replay(reader.database, reader.topic, world.apply, directory)

    assert (done.applied, done.waiting, done.progress.state) == (2, 0, "live")
    assert await world.effects(reader.database) == {directory: [1, 4, 5]}


@pytest.mark.parametrize("heals", [True, False])
async def test_who_reads_the_log_from_its_start_passes_over_what_was_given_up(
    reader: Reader, publisher: kafka.Publisher, *, heals: bool
) -> None:
    directory = await poisoned(reader, publisher)
    await skip(reader, directory, 1, heals=heals)
    await parking.replay(reader.database, reader.topic, world.apply, directory)
    healed = [opening(reader.topic, directory, 6), record(reader.topic, directory, 7)]
    await fill(reader, publisher, healed)
    first = await world.effects(reader.database)

    await world.forget(reader.database)
    async with reader.running("second"):
        await reader.reached(7)

    assert first == {directory: [1, 6, 7] if heals else [1, 3, 4, 5, 6, 7]}
    assert await world.effects(reader.database) == first
    assert await reader.state(directory) == ("live", 7)


async def test_only_the_record_that_stands_first_can_be_given_up(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = await poisoned(reader, publisher)

    with pytest.raises(OtherRecordError):
        await skip(reader, directory, 3, heals=True)
    with pytest.raises(NotStoppedError):
        await skip(reader, new_directory(), 1, heals=True)

    assert await audited(reader.database) == []
    assert len(await reader.parked()) == 4


async def test_many_directories_that_park_at_once_stop_the_consumer_instead(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    few = [record(reader.topic, new_directory(), 1, POISON) for _ in range(5)]
    more = [record(reader.topic, new_directory(), 1, POISON) for _ in range(3)]
    await fill(reader, publisher, few)
    await publisher.publish(0, more)

    with pytest.raises(ExceptionGroup) as stopped:
        async with asyncio.timeout(30):
            await reader.consumer().run(asyncio.Event())

    assert [type(one) for one in stopped.value.exceptions] == [MassParkingError]
    assert "8 of 8 directories would be parked" in str(stopped.value.exceptions[0])
    assert await reader.offset() == 5
    assert len(await reader.parked()) == 5


async def test_what_stopped_a_directory_is_copied_once_a_try_in_order(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = await poisoned(reader, publisher)
    await parking.replay(reader.database, reader.topic, world.apply, directory)
    await fill(reader, publisher, [kafka.Outgoing(reader.topic, directory.encode(), b"\xff{")])
    letters = consume.DeadLetters(reader.database, reader.servers, "reader")

    async with service.background(letters.run):
        await eventually(lambda: copied(reader.database))

    found = await letters_of(reader, directory)
    assert [(one["data"]["attempt"], one["data"]["offset"]) for one in found] == [(1, 1), (2, 1)]
    assert found[0]["data"]["reason"] == "ValueError"
    assert json.loads(found[0]["data"]["record"])["id"] == f"{directory}:1:2"


async def copied(database: db.Database) -> bool:
    async with database.connection() as connection:
        return not await connection.fetchval("select count(*) from dead_letters")


async def letters_of(reader: Reader, directory: DirectoryId) -> list[Any]:
    found = await world.log(reader.servers, DEAD_LETTERS.name, count=2)
    records = [one for partition in found.values() for one in partition]
    return [json.loads(one.value or b"") for one in records if one.key == directory.encode()]


@asynccontextmanager
async def api(reader: Reader, *, healed: bool) -> AsyncIterator[ClientSession]:
    """Yield a session with the routes as a service mounts them."""
    operations = consume.Operations(reader.consumer(), {reader.topic} if healed else frozenset())
    app = web.Application(middlewares=[edge.observed("test"), edge.problems(STATUSES)])
    below = web.Application(middlewares=[edge.problems(STATUSES), edge.api_key(Keys(KEY))])
    below.add_routes(each.route for each in operations.endpoints())
    app.add_subapp("/v1", below)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        test_utils.TestServer(app) as server,
        ClientSession(server.make_url("/"), headers=headers) as session,
    ):
        yield session


async def test_over_http_it_is_shown_let_go_and_given_up(
    reader: Reader, publisher: kafka.Publisher
) -> None:
    directory = await poisoned(reader, publisher)
    path = f"/v1/parked/{reader.topic}/{directory}"

    async with api(reader, healed=True) as session:
        async with session.get(f"/v1/parked?directory={directory}") as answer:
            [shown] = (await answer.json())["items"]
        async with session.post(f"{path}/replay") as answer:
            replayed = await answer.json()
        async with session.post(f"{path}/skip", json={"offset": 9, "actor": "mia"}) as answer:
            conflict = answer.status
        async with session.post(f"{path}/skip", json={"offset": 1, "actor": "mia"}) as answer:
            skipped = answer.status
        async with session.post(f"/v1/parked/elsewhere/{directory}/replay") as answer:
            unknown = answer.status
        async with session.get("/v1/parked", headers={"Authorization": "Bearer no"}) as answer:
            closed = answer.status

    assert (shown["state"], shown["reason"], shown["waiting"]) == ("parked", "ValueError", 4)
    assert (shown["sequence"], shown["first"]["sequence"]) == (1, 2)
    assert shown["first"]["type"] == "rollcall.directory.created.v1"
    assert replayed == {"applied": 0, "waiting": 4, "state": "parked", "reason": "ValueError"}
    assert (conflict, skipped, unknown, closed) == (409, 204, 404, 401)
    assert await reader.state(directory) == ("stalled", 1)
