"""The process as it is deployed: killed at any time, it loses and doubles nothing."""

import asyncio
import sys

import pytest

from shared import kafka
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS, Topic, lane_of
from tests.integration.projector.world import Directory, Portal
from tests.support.servers import Servers
from tests.support.service import Service
from tests.support.waiting import eventually


async def publish(servers: Servers, directory: Directory) -> None:
    """Publish a directory's history on both topics, the roles first."""
    async with kafka.publisher(servers.kafka, "test") as publisher:
        topics: list[tuple[Topic, list[bytes]]] = [
            (ROLE_EVENTS, directory.roles.records),
            (DIRECTORY_EVENTS, directory.log.records),
        ]
        for topic, records in topics:
            outgoing = [kafka.Outgoing(topic.name, directory.id.encode(), one) for one in records]
            await publisher.publish(lane_of(directory.id), outgoing)


def busy(users: int) -> Directory:
    """Return a directory in which users join, leave, go, and gain and lose a role."""
    directory = Directory()
    log, roles = directory.log, directory.roles
    log.group("owners")
    for number in range(users):
        name = f"user {number}"
        log.user(name)
        log.join(name, "owners")
        user = log.users[name]
        roles.assign(user, "admin", [log.groups["owners"]])
        if number % 3 == 1:
            log.leave(name, "owners")
            roles.revoke(user, "admin")
        if number % 7 == 1:
            log.delete_user(name)
    log.unknown()
    return directory


async def shown(portal: Portal, directory: Directory) -> int:
    return len(await portal.rows("events", directory.id))


@pytest.mark.faults
async def test_killed_in_the_middle_of_a_backlog_it_comes_back_exactly_right(
    servers: Servers, service: Service, portal: Portal
) -> None:
    directories = [busy(1200) for _ in range(3)]
    for directory in directories:
        await publish(servers, directory)
    totals = [len(one.log.records) + len(one.roles.records) for one in directories]

    async def seen() -> list[int]:
        return [await shown(portal, directory) for directory in directories]

    async def some() -> bool:
        return sum(await seen()) > 0

    async def everything() -> bool:
        return await seen() == totals

    async with service.running():
        await eventually(some, within_s=40)
        await service.kill()
        was_midway = not await everything()
        await service.start()
        await eventually(everything, within_s=60)
        unknown = await service.metric(
            'rollcall_consumer_events_total{topic="directory.events.v1",verdict="unknown"}'
        )

    assert was_midway
    assert unknown > 0
    for directory in directories:
        await assert_shown_as_it_is(portal, directory)


async def assert_shown_as_it_is(portal: Portal, directory: Directory) -> None:
    log, roles = directory.log, directory.roles
    users = await portal.rows("users", log.id)
    edges = {(log.groups[group].id, log.users[user].id) for user, group in log.edges}
    assignments = await portal.rows("assignments", log.id)
    assert {user["id"] for user in users if user["deleted_at"] is None} == {
        user.id for user in log.users.values()
    }
    assert {
        (one["group_id"], one["user_id"]) for one in await portal.rows("memberships", log.id)
    } == edges
    assert (await portal.one("groups", log.id))["members"] == len(edges)
    assert {
        (one["user_id"], one["role_key"]): one["valid_from"]
        for one in assignments
        if one["valid_to"] is None
    } == roles.held


async def test_stopping_is_orderly(service: Service) -> None:
    async with service.running():
        code = await service.stop()

    assert code == 0


async def test_a_wrong_setting_is_named_before_anything_starts(service: Service) -> None:
    environment = {**service.environment, "ROLLCALL_KAFKA_SERVERS": "localhost"}

    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", "projector",
        env=environment, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await child.communicate()

    assert child.returncode == 2
    assert errors.decode().startswith("ROLLCALL_KAFKA_SERVERS: ")
