"""Three brokers: the leader of a partition goes, or all are restarted, while SCIM is called.

Row 18 of the fault matrix. The services run as they are deployed.
"""

from collections.abc import AsyncIterator

import orjson
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared import kafka
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import DIRECTORY_EVENTS, TOPICS, Topic, lane_of
from tests.chaos.ground import Ground, ground
from tests.chaos.load import Load
from tests.chaos.rig import Rig, rig
from tests.chaos.test_delivery import said
from tests.integration.ingest.client import Client
from tests.mutants.__main__ import ROOT
from tests.support.brokers import Brokers
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
ALL = (1, 2, 3)


@pytest.fixture(scope="module")
async def three_brokers() -> AsyncIterator[Ground]:
    async with ground(brokers=len(ALL)) as found:
        yield found


@pytest.fixture
def brokers(three_brokers: Ground) -> Brokers:
    return Brokers(three_brokers.supervisor, three_brokers.servers.kafka)


@pytest.fixture
async def running(three_brokers: Ground) -> AsyncIterator[Rig]:
    async with rig(three_brokers, ROOT) as found:
        yield found


@pytest.fixture
async def load(running: Rig) -> Load:
    return await running.load(directories=3)


def place_of(client: Client) -> kafka.Place:
    return DIRECTORY_EVENTS.name, lane_of(DirectoryId(client.directory))


async def published(running: Rig, client: Client, *, more: int) -> None:
    """Wait until so many more records of a directory's lane are in the log."""
    place = place_of(client)
    async with kafka.reader(running.ground.servers.kafka, (), past=True) as reader:

        async def end() -> int:
            return (await reader.log_bounds([place]))[place][1]

        wanted = await end() + more

        async def is_there() -> bool:
            return await end() >= wanted

        await eventually(is_there, within_s=60)


async def first_occurrences(running: Rig, client: Client) -> list[int]:
    """Return the sequences of a directory in the order in which the log has them first."""
    records = await running.records(client)
    return list(dict.fromkeys(int(orjson.loads(one.value or b"")["sequence"]) for one in records))


async def assert_nothing_lost_or_doubled(running: Rig, load: Load) -> None:
    for client in load.clients:
        await running.drained(client)
    report = await running.verdict(30, load.journal)
    orders = [await first_occurrences(running, client) for client in load.clients]

    assert load.refused == []
    assert report.exit_code == 0, said(report)
    for order in orders:
        assert len(order) > 50
        assert order == [*range(1, len(order) + 1)]


async def test_a_leader_killed_while_the_relay_publishes_costs_no_event(
    running: Rig, load: Load, brokers: Brokers
) -> None:
    first = load.clients[0]
    async with load.running():
        for _ in range(2):
            await published(running, first, more=20)
            victim = await brokers.leader(place_of(first))
            with brokers.paused(*(number for number in ALL if number != victim)):
                await load.goes_on(calls=20)  # what the leader alone has now, it takes with it
                brokers.kill(victim)
            assert await brokers.moved(place_of(first), away_from=victim) != victim
            await published(running, first, more=20)
            await brokers.start(victim)
            await load.goes_on()

    await assert_nothing_lost_or_doubled(running, load)


async def test_a_rolling_restart_of_all_brokers_costs_no_event(
    running: Rig, load: Load, brokers: Brokers
) -> None:
    leaders = {}
    async with load.running():
        for number in ALL:
            await published(running, load.clients[0], more=20)
            await brokers.stop(number)
            await published(running, load.clients[0], more=20)
            leaders[number] = {one["leader"] for one in await brokers.partitions()}
            await brokers.start(number)
        await load.goes_on()

    assert all(number not in leaders[number] for number in ALL)
    await assert_nothing_lost_or_doubled(running, load)


@pytest.fixture
async def admin(three_brokers: Ground) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=three_brokers.servers.kafka)
    await client.start()
    yield client
    await client.close()


async def test_topics_get_three_replicas_of_which_two_must_have_a_record(
    three_brokers: Ground, brokers: Brokers
) -> None:
    await kafka.ensure_topics(three_brokers.servers.kafka, TOPICS)

    again = await kafka.ensure_topics(three_brokers.servers.kafka, TOPICS)

    assert [one.outcome for one in again] == ["as declared"] * len(TOPICS)
    partitions = await brokers.partitions(*(topic.name for topic in TOPICS))
    assert all(sorted(one["replicas"]) == [*ALL] for one in partitions)


async def test_a_topic_that_could_lose_what_it_acknowledged_is_reported(
    three_brokers: Ground, admin: AIOKafkaAdminClient
) -> None:
    settings = {"unclean.leader.election.enable": "true"}
    await admin.create_topics([NewTopic("weak", 2, 1, topic_configs=settings)])

    [report] = await kafka.ensure_topics(three_brokers.servers.kafka, [Topic("weak", 2)])

    assert not report.ok
    assert report.outcome == (
        "1 replicas, declared 3; min.insync.replicas is 1, declared 2; "
        "unclean.leader.election.enable is true, declared false"
    )
