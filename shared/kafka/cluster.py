"""The cluster itself: waiting for it, its partitions, the topics that must be there."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NodeNotReadyError, TopicAlreadyExistsError, for_code

from shared.contracts.topics import Topic
from shared.kafka.access import Servers, client_options
from shared.kafka.clients import CALL_TIMEOUT_S, start, stop
from shared.kafka.records import Place

_REPLICAS = 3


async def wait_for_broker(servers: Servers, *, brokers: int = 1) -> None:
    """Return once a broker answers whose cluster has so many. Raises KafkaUnavailableError."""
    admin = AIOKafkaAdminClient(**client_options(servers))

    async def has_them() -> None:
        await admin.start()
        if await _brokers(admin) < brokers:
            raise NodeNotReadyError

    try:
        await start(has_them, servers)
    finally:
        await stop(admin.close)


async def _brokers(admin: AIOKafkaAdminClient) -> int:
    return len((await admin.describe_cluster())["brokers"])


async def places(servers: Servers, topics: Sequence[str]) -> list[Place]:
    """Return every partition of those topics that exist. Raises KafkaUnavailableError."""
    admin = AIOKafkaAdminClient(**client_options(servers))
    await start(admin.start, servers)
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            listed = set(await admin.list_topics())
            existing = [topic for topic in topics if topic in listed]
            described = await admin.describe_topics(existing) if existing else []
        return [
            (topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        ]
    finally:
        await stop(admin.close)


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What `ensure_topics` found or did: `created`, `as declared`, or how a topic differs."""

    name: str
    outcome: str
    ok: bool


async def ensure_topics(servers: Servers, topics: Sequence[Topic]) -> list[TopicReport]:
    """Create the topics that are missing and check the settings of the others.

    Nothing that exists is altered. Raises KafkaUnavailableError.
    """
    admin = AIOKafkaAdminClient(**client_options(servers))
    await start(admin.start, servers)
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            existing = set(await admin.list_topics())
            created = {
                topic.name
                for topic in topics
                if topic.name not in existing and await _create(admin, topic)
            }
            await _until_listed(admin, topics)
            return [
                _created(topic) if topic.name in created else await _check(admin, topic)
                for topic in topics
            ]
    finally:
        await stop(admin.close)


async def _create(admin: AIOKafkaAdminClient, topic: Topic) -> bool:
    """Create the topic; return False when somebody else did so just now."""
    replicas = await _replicas(admin)
    settings = {
        **topic.settings,
        "min.insync.replicas": str(_in_sync(replicas)),
        "unclean.leader.election.enable": "false",
    }
    new = NewTopic(topic.name, topic.partitions, replicas, topic_configs=settings)
    [(name, code, *_)] = (await admin.create_topics([new])).topic_errors
    error = for_code(code)
    if code and error is not TopicAlreadyExistsError:
        raise error(f"topic {name}")
    return not code


async def _replicas(admin: AIOKafkaAdminClient) -> int:
    return min(_REPLICAS, await _brokers(admin))


def _in_sync(replicas: int) -> int:
    """Return how many replicas must have a record before it is acknowledged."""
    return 2 if replicas >= _REPLICAS else 1


async def _until_listed(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    # The controller answers before the brokers know.
    while not {topic.name for topic in topics} <= set(await admin.list_topics()):
        await asyncio.sleep(0.05)


def _created(topic: Topic) -> TopicReport:
    return TopicReport(topic.name, f"created with {topic.partitions} partitions", ok=True)


async def _check(admin: AIOKafkaAdminClient, topic: Topic) -> TopicReport:
    [described] = await admin.describe_topics([topic.name])
    partitions = described["partitions"]
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name)
    [answer] = await admin.describe_configs([resource])
    actual = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    differences = [
        f"{name} is {actual.get(name)}, declared {value}"
        for name, value in topic.settings.items()
        if actual.get(name) != value
    ]
    if len(partitions) < topic.partitions:
        differences.append(f"{len(partitions)} partitions, declared {topic.partitions}")
    differences += _weaknesses(partitions, actual, await _replicas(admin))
    return TopicReport(topic.name, "; ".join(differences) or "as declared", ok=not differences)


def _weaknesses(
    partitions: Sequence[Mapping[str, Any]], actual: Mapping[str, str], replicas: int
) -> Iterator[str]:
    """Yield by what an acknowledged record could be lost; stronger than needed is no fault."""
    if (fewest := min(len(one["replicas"]) for one in partitions)) < replicas:
        yield f"{fewest} replicas, declared {replicas}"
    if int(in_sync := actual["min.insync.replicas"]) < (wanted := _in_sync(replicas)):
        yield f"min.insync.replicas is {in_sync}, declared {wanted}"
    if actual["unclean.leader.election.enable"] != "false":
        yield "unclean.leader.election.enable is true, declared false"
