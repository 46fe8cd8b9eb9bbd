"""The service on a real log: what it publishes, and that nothing can make it say it twice."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from shared import db
from shared.contracts.ids import DirectoryId, RoleKey
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS, lane_of
from tests.integration.roles import world
from tests.integration.roles.service import Log, api_at, consumed, environment, running
from tests.support.directory_log import DirectoryLog
from tests.support.histories import History, saved
from tests.support.servers import Databases, Servers
from tests.support.service import Service
from tests.support.waiting import eventually


@pytest.fixture
def kafka_log(servers: Servers) -> Log:
    return Log(servers.kafka)


@pytest.fixture
async def service(
    servers: Servers, databases: Databases, database: db.Database
) -> AsyncIterator[Service]:
    async with running(servers, databases) as found:
        yield found


async def unfenced(service: Service, log: DirectoryLog) -> None:
    """Let the directory lose as much as it likes."""
    async with api_at(service) as api:
        answer = await api.put(f"/directories/{log.id}/fence", {"enabled": False})
        assert answer.status == 200


async def mapped(
    service: Service, kafka_log: Log, *groups: str, lane_like: DirectoryLog | None = None
) -> History:
    """Publish a directory with these groups, all mapped to admin once roles knows it."""
    log = DirectoryLog() if lane_like is None else neighbour(lane_like)
    ids = [log.group(name) for name in groups]
    await kafka_log.publish(log)
    async with api_at(service) as api:
        await api.declare("admin")
        rows = [(group, RoleKey("admin")) for group in ids]

        async def is_mapped() -> bool:
            return (await api.map(log, rows)).status == 200

        await eventually(is_mapped, within_s=30)
    return History(log, [(len(log.records), saved(*rows))])


def neighbour(other: DirectoryLog) -> DirectoryLog:
    """Return another directory of the same lane."""
    while True:
        log = DirectoryLog()
        if lane_of(log.id) == lane_of(other.id):
            return log


def holds(database: db.Database, history: History) -> Callable[[], object]:
    async def is_as_expected() -> bool:
        return await world.stored(database, history.log) == history.expected()

    return is_as_expected


def has_read(database: db.Database, kafka_log: Log, log: DirectoryLog) -> Callable[[], object]:
    """Return a condition: everything in the directory's lane was read."""

    async def is_at_the_end() -> bool:
        async with database.connection() as connection:
            reached = await connection.fetchval(
                "select next_offset from consumer_positions where topic = $1 and partition = $2",
                DIRECTORY_EVENTS.name,
                lane_of(log.id),
            )
        return bool(reached == await kafka_log.end(log))

    return is_at_the_end


async def is_published(kafka_log: Log, database: db.Database, log: DirectoryLog) -> None:
    async def is_drained() -> bool:
        return not await world.outbox(database, log)

    await eventually(is_drained, within_s=20)


async def test_a_membership_becomes_a_role_event_and_a_state(
    service: Service, kafka_log: Log, database: db.Database
) -> None:
    history = await mapped(service, kafka_log, "owners")
    log, seen = history.log, len(history.log.records)
    ada = log.user("ada")
    log.join("ada", "owners")

    await kafka_log.publish(log, log.records[seen:])

    await eventually(holds(database, history), within_s=20)
    await is_published(kafka_log, database, log)
    saved, assigned = [one.document for one in await kafka_log.events(log)]
    [state] = await kafka_log.states(log)
    assert saved["type"] == "rollcall.mapping.saved.v1"
    assert assigned["id"] == f"{log.id}:roles:1:2"
    assert assigned["causationid"] == log.envelopes[-1].id
    assert assigned["data"]["rolesAfter"] == ["admin"]
    assert assigned["data"]["cause"] == log.envelopes[-1].data["cause"]
    assert state.key == f"{log.id}/{ada}"
    assert [one["role"]["key"] for one in state.document["data"]["roles"]] == ["admin"]
    assert state.headers["content-type"].startswith(b"application/cloudevents+json")


async def test_the_clock_of_a_role_event_starts_at_the_change_that_it_follows_from(
    service: Service, kafka_log: Log, database: db.Database
) -> None:
    history = await mapped(service, kafka_log, "owners")
    log, seen = history.log, len(history.log.records)
    await is_published(kafka_log, database, log)
    clock = "rollcall_change_to_published_seconds"
    at_start = await service.metric(f'{clock}_sum{{topic="{ROLE_EVENTS.name}"}}')
    log.user("ada")
    log.join("ada", "owners")

    await kafka_log.publish(log, log.records[seen:])
    await eventually(holds(database, history), within_s=20)
    await is_published(kafka_log, database, log)

    age = datetime.now(UTC) - log.envelopes[-1].time
    total = await service.metric(f'{clock}_sum{{topic="{ROLE_EVENTS.name}"}}')
    waits = f'rollcall_outbox_wait_seconds_count{{topic="{ROLE_EVENTS.name}"}}'
    applied = 'rollcall_change_to_applied_seconds_count{group="roles",topic="directory.events.v1"}'
    assert total - at_start == pytest.approx(age.total_seconds(), abs=30)
    assert await service.metric(waits) == 2
    assert await service.metric(applied) >= len(log.records)


async def test_deletion_revokes_and_leaves_a_tombstone(
    service: Service, kafka_log: Log, database: db.Database
) -> None:
    history = await mapped(service, kafka_log, "owners")
    log, seen = history.log, len(history.log.records)
    ada = log.user("ada")
    log.join("ada", "owners")
    log.delete_user("ada")
    await kafka_log.publish(log, log.records[seen:])

    await eventually(has_read(database, kafka_log, log), within_s=20)
    await is_published(kafka_log, database, log)

    types = [one.document["type"] for one in await kafka_log.events(log)]
    last = (await kafka_log.states(log))[-1]
    assert types[1:] == ["rollcall.role.assigned.v1", "rollcall.role.revoked.v1"]
    assert (last.key, last.value) == (f"{log.id}/{ada}", None)


async def test_repeated_records_have_no_second_effect(
    service: Service, kafka_log: Log, database: db.Database
) -> None:
    history = await mapped(service, kafka_log, "owners")
    log, seen = history.log, len(history.log.records)
    log.user("ada")
    log.join("ada", "owners")
    await kafka_log.publish(log, log.records[seen:])
    await kafka_log.publish(log)

    await kafka_log.publish(log, log.records[seen:])

    await eventually(has_read(database, kafka_log, log), within_s=20)
    await is_published(kafka_log, database, log)
    assert await world.stored(database, log) == history.expected()
    assert len(await kafka_log.events(log)) == 2


async def test_a_gap_stops_its_directory_and_the_others_go_on(
    service: Service, kafka_log: Log, database: db.Database
) -> None:
    broken = await mapped(service, kafka_log, "owners")
    sound = await mapped(service, kafka_log, "owners", lane_like=broken.log)
    for history in (broken, sound):
        history.log.user("ada")
        history.log.join("ada", "owners")
    await kafka_log.publish(broken.log, broken.log.records[-1:])

    await kafka_log.publish(sound.log, sound.log.records[-2:])

    await eventually(holds(database, sound), within_s=20)
    assert await world.stored(database, broken.log) == {}
    assert await stopped(database, broken.log, sound.log) == {broken.log.id}


async def test_an_event_that_cannot_be_applied_parks_its_directory(
    service: Service, kafka_log: Log, database: db.Database
) -> None:
    history = await mapped(service, kafka_log, "owners")
    orphan = neighbour(history.log)
    orphan.user("eve")
    first = orphan.records[1].replace(b":1:2", b":1:1").replace(b'02",', b'01",', 1)
    history.log.user("ada")
    history.log.join("ada", "owners")
    await kafka_log.publish(orphan, [first])

    await kafka_log.publish(history.log, history.log.records[-2:])

    await eventually(holds(database, history), within_s=20)
    assert await stopped(database, orphan, history.log) == {orphan.id}


async def stopped(database: db.Database, *logs: DirectoryLog) -> set[DirectoryId]:
    """Return which of these directories are parked or stalled."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select directory_id from directory_positions "
            "where state <> 'live' and directory_id = any($1::uuid[])",
            [log.id for log in logs],
        )
    return {row["directory_id"] for row in rows}


async def test_a_type_of_a_newer_version_is_skipped_and_counted(
    service: Service, kafka_log: Log, database: db.Database
) -> None:
    history = await mapped(service, kafka_log, "owners")
    log, seen = history.log, len(history.log.records)
    log.unknown()
    log.user("ada")
    log.join("ada", "owners")

    await kafka_log.publish(log, log.records[seen:])

    await eventually(holds(database, history), within_s=20)
    assert await consumed(service, "unknown") > 0


@pytest.mark.faults
async def test_killed_in_the_middle_of_a_backlog_it_comes_back_exactly_right(
    service: Service, kafka_log: Log, database: db.Database
) -> None:
    histories = [await mapped(service, kafka_log, "owners", "staff") for _ in range(4)]
    starts = [len(history.log.records) for history in histories]
    for history in histories:
        await unfenced(service, history.log)
        backlog(history.log)
    await service.stop()
    for history, start in zip(histories, starts, strict=True):
        await kafka_log.publish(history.log, history.log.records[start:])
    await service.start()
    await eventually(lambda: is_midway(database, histories), within_s=40)

    await service.kill()
    was_midway = not await all_applied(database, histories)
    await service.start()

    await eventually(lambda: all_applied(database, histories), within_s=60)
    assert was_midway
    for history in histories:
        await is_published(kafka_log, database, history.log)
        events = [one.document for one in await kafka_log.events(history.log)]
        unique = {event["id"]: event for event in events}
        assert await world.stored(database, history.log) == history.expected()
        assert world.held(unique.values()) == set(history.expected())
        assert [int(event["sequence"]) for event in unique.values()] == list(
            range(1, len(unique) + 1)
        )


def backlog(log: DirectoryLog, users: int = 1500) -> None:
    """Append joins, moves, suspensions and deletions, some thousand events."""
    for number in range(users):
        name = f"user {number}"
        log.user(name)
        log.join(name, "owners")
        log.join(name, "staff")
        log.leave(name, "owners")
        if number % 5 == 1:
            log.suspend(name)
        if number % 7 == 1:
            log.delete_user(name)


async def applied(database: db.Database, histories: list[History]) -> list[int]:
    async with database.connection() as connection:
        rows = await connection.fetch("select directory_id, sequence from directory_positions")
    reached = {row["directory_id"]: row["sequence"] for row in rows}
    return [reached.get(history.log.id, 0) for history in histories]


async def is_midway(database: db.Database, histories: list[History]) -> bool:
    return max(await applied(database, histories)) > 500


async def all_applied(database: db.Database, histories: list[History]) -> bool:
    return await applied(database, histories) == [len(history.log.records) for history in histories]


async def test_stopping_is_orderly(
    servers: Servers, databases: Databases, database: db.Database
) -> None:
    async with running(servers, databases) as service:
        code = await service.stop()

    assert code == 0


async def test_a_missing_variable_is_named(servers: Servers, databases: Databases) -> None:
    variables = environment(servers, databases, 8081)
    del variables["ROLLCALL_ROLES_DATABASE_URL"]

    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", "roles",
        env=variables, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await child.communicate()

    assert child.returncode == 2
    assert errors.decode().startswith("ROLLCALL_ROLES_DATABASE_URL: ")
