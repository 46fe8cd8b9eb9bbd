"""Appending: events and sequences of one transaction, or none; and who publishes which lane."""

import asyncio

import pytest

from shared import db, outbox
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import LANES
from shared.outbox.append import MAX_EVENT_BYTES
from shared.outbox.leases import RENEW, Leases
from tests.integration.shared import world


@pytest.fixture
async def directory(database: db.Database) -> DirectoryId:
    return await world.open_directory(database, lane=3)


def entries(directory: DirectoryId, *numbered: bool) -> list[outbox.Entry]:
    return [
        outbox.Entry("a topic", directory, world.tail(directory), numbered=one) for one in numbered
    ]


async def sequences(database: db.Database, directory: DirectoryId) -> list[int]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select sequence from outbox where directory_id = $1 and lane = 3 order by id",
            directory,
        )
    return [row["sequence"] for row in rows]


async def test_entries_draw_numbers_in_order_and_unnumbered_ones_repeat_the_last(
    database: db.Database, directory: DirectoryId
) -> None:
    async with database.transaction() as tx:
        first = await outbox.append(tx, directory, entries(directory, True, True, False))
        last = await outbox.append(tx, directory, entries(directory, True))

    assert (first, last) == (Position(1, 2), Position(1, 3))
    assert await sequences(database, directory) == [1, 2, 2, 3]


async def test_a_transaction_that_fails_leaves_neither_events_nor_a_hole(
    database: db.Database, directory: DirectoryId
) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await outbox.append(tx, directory, entries(directory, True, True))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    async with database.transaction() as tx:
        await outbox.append(tx, directory, entries(directory, True))
    assert await sequences(database, directory) == [1]


async def test_many_writers_of_one_directory_leave_no_hole_and_agree_with_commit_order(
    database: db.Database, directory: DirectoryId
) -> None:
    async def write() -> None:
        for _ in range(10):
            async with database.transaction() as tx:
                await outbox.append(tx, directory, entries(directory, True, True))
                await asyncio.sleep(0)

    await world.together(write() for _ in range(8))

    assert await sequences(database, directory) == [*range(1, 161)]


async def test_no_entries_draw_nothing(database: db.Database, directory: DirectoryId) -> None:
    async with database.transaction() as tx:
        position = await outbox.append(tx, directory, [])

    assert position is None
    assert await sequences(database, directory) == []


async def test_a_history_that_is_opened_again_keeps_its_lane_and_its_counter(
    database: db.Database, directory: DirectoryId
) -> None:
    async with database.transaction() as tx:
        await outbox.append(tx, directory, entries(directory, True))
        await outbox.open_history(tx, directory, 5)
        position = await outbox.append(tx, directory, entries(directory, True))

    assert position == Position(1, 2)
    assert await sequences(database, directory) == [1, 2]


async def test_a_directory_without_a_history_is_refused(database: db.Database) -> None:
    stranger = world.new_directory()

    async with database.transaction() as tx:
        with pytest.raises(LookupError, match=stranger):
            await outbox.append(tx, stranger, entries(stranger, True))


async def test_an_event_that_kafka_would_refuse_is_refused_before_it_blocks_its_lane(
    database: db.Database, directory: DirectoryId
) -> None:
    large = outbox.Entry("a topic", directory, b"x" * (MAX_EVENT_BYTES + 1))

    async with database.transaction() as tx:
        with pytest.raises(outbox.EventTooLargeError):
            await outbox.append(tx, directory, [*entries(directory, True), large])

    assert await sequences(database, directory) == []


async def care(database: db.Database, leases: Leases) -> int:
    async with database.transaction() as tx:
        await leases.seed(tx)
        await leases.care(tx)
    return len(leases.lanes)


async def pass_time(database: db.Database, seconds: int) -> None:
    """Let all leases be that much older: the clock that counts is the database's."""
    async with database.connection() as connection:
        await connection.execute(
            "update relay_lanes set lease_until = lease_until - make_interval(secs => $1)", seconds
        )
        await connection.execute(
            "update relay_members set seen_until = seen_until - make_interval(secs => $1)", seconds
        )


@pytest.fixture
def pair() -> tuple[Leases, Leases]:
    return Leases(world.new_directory()), Leases(world.new_directory())


async def test_one_relay_takes_all_lanes(
    database: db.Database, pair: tuple[Leases, Leases]
) -> None:
    assert await care(database, pair[0]) == LANES


async def test_two_relays_share_the_lanes_and_hold_none_in_common(
    database: db.Database, pair: tuple[Leases, Leases]
) -> None:
    for relay in (*pair, *pair):
        await care(database, relay)

    first, second = (set(relay.lanes) for relay in pair)
    assert (len(first), len(second)) == (LANES // 2, LANES // 2)
    assert first.isdisjoint(second)


async def test_the_lanes_of_a_relay_that_died_go_to_the_other_once_its_leases_are_over(
    database: db.Database, pair: tuple[Leases, Leases]
) -> None:
    for relay in (*pair, *pair):
        await care(database, relay)

    before = await care(database, pair[1])
    await pass_time(database, 6)
    after = await care(database, pair[1])

    assert (before, after) == (LANES // 2, LANES)


async def test_a_relay_that_slept_past_its_leases_finds_that_they_are_gone(
    database: db.Database, pair: tuple[Leases, Leases]
) -> None:
    sleeper, other = pair
    await care(database, sleeper)
    await pass_time(database, 6)
    await care(database, other)

    async with database.connection() as connection:
        held = await connection.fetch(RENEW, *sleeper.claims(sleeper.lanes))

    assert held == []
    assert len(other.lanes) == LANES


async def test_a_relay_that_leaves_gives_its_lanes_back_at_once(
    database: db.Database, pair: tuple[Leases, Leases]
) -> None:
    for relay in (*pair, *pair):
        await care(database, relay)

    async with database.transaction() as tx:
        await pair[0].leave(tx)

    assert await care(database, pair[1]) == LANES
