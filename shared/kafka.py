"""Kafka: publishing acknowledged batches, reading partitions, ensuring topics.

The only module that imports aiokafka. Every await is bounded; what does not answer in time is
an error, and whoever gets it starts over with a new client or ends the process.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.contracts.envelope import CONTENT_TYPE
from shared.contracts.topics import Topic

_log = structlog.get_logger(__name__)
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0
_CALL_TIMEOUT_S = 30.0
_HEADERS = [("content-type", CONTENT_TYPE.encode())]
_MAX_BATCH_BYTES = 960 * 1024
_REPLICAS = 3

Error = KafkaError
Place: TypeAlias = tuple[str, int]
"""A partition: its topic and number."""


class KafkaUnavailableError(Exception):
    """Kafka could not be reached in time."""


class KafkaStuckError(Exception):
    """A client could not be stopped in time; only ending the process helps."""


class PublishError(Exception):
    """A batch was not acknowledged; it may or may not be in the log."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be published; a null value deletes the key of a compacted topic."""

    topic: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A record as read; `key` and `value` may be anything that somebody wrote."""

    offset: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one partition, in order."""

    topic: str
    partition: int
    records: tuple[Incoming, ...]

    @property
    def place(self) -> Place:
        """Where it comes from."""
        return self.topic, self.partition

    @property
    def start(self) -> int:
        """The offset of the first record."""
        return self.records[0].offset

    @property
    def end(self) -> int:
        """The offset that follows the last record."""
        return self.records[-1].offset + 1


async def _start(start: Callable[[], Awaitable[None]], servers: str) -> None:
    """Start a client, waiting a bounded time for a broker. Raises KafkaUnavailableError."""
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            while True:
                try:
                    await start()
                except (KafkaError, OSError) as error:
                    _log.warning("kafka.awaited", error=type(error).__name__)
                    await asyncio.sleep(0.5)
                else:
                    return
    except TimeoutError as error:
        raise KafkaUnavailableError(
            f"Kafka at {servers} did not answer within {_START_TIMEOUT_S:.0f} s; "
            "check ROLLCALL_KAFKA_SERVERS, and that the broker is up"
        ) from error


async def _stop(stop: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await stop()
    except TimeoutError as error:
        raise KafkaStuckError("a Kafka client did not stop in time") from error


@dataclass(frozen=True, slots=True)
class Publisher:
    """An idempotent producer that returns only once everything is acknowledged by all replicas."""

    producer: AIOKafkaProducer

    async def publish(self, partition: int, records: Sequence[Outgoing]) -> None:
        """Publish the records in order, in as few batches as they fit. Raises PublishError.

        One batch is in flight at a time, so that a failure can only repeat, never reorder.
        """
        try:
            async with asyncio.timeout(_CALL_TIMEOUT_S):
                for topic, values in _by_topic(records).items():
                    await self._publish_topic(topic, partition, values)
        except (KafkaError, TimeoutError) as error:
            raise PublishError(f"partition {partition}: {error!r}") from error

    async def _publish_topic(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        rest = list(records)
        while rest:
            batch = self.producer.create_batch()
            taken = 0
            for record in rest:
                if not batch.append(
                    key=record.key, value=record.value, timestamp=None, headers=_HEADERS
                ):
                    break
                taken += 1
            if not taken:
                raise PublishError(f"partition {partition}: a record exceeds the batch size")
            acknowledged = await self.producer.send_batch(batch, topic, partition=partition)
            await acknowledged
            rest = rest[taken:]


def _by_topic(records: Iterable[Outgoing]) -> dict[str, list[Outgoing]]:
    topics: dict[str, list[Outgoing]] = {}
    for record in records:
        topics.setdefault(record.topic, []).append(record)
    return topics


@asynccontextmanager
async def publisher(servers: str, client_id: str) -> AsyncIterator[Publisher]:
    """Open a publisher. Raises KafkaUnavailableError at start, KafkaStuckError at the end."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        client_id=client_id,
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=_MAX_BATCH_BYTES,
        max_request_size=_MAX_BATCH_BYTES + 64 * 1024,
        request_timeout_ms=10_000,
    )
    try:
        await _start(producer.start, servers)
        yield Publisher(producer)
    finally:
        await _stop(producer.stop)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A member of an ordinary consumer group whose own offsets never decide anything.

    `unplaced` are the partitions that a rebalance gave us and nobody has sought yet: they start
    where Kafka remembers, also those that we held before.
    """

    consumer: AIOKafkaConsumer
    unplaced: set[Place] = field(default_factory=set)

    async def batches(self, *, wait_ms: int, max_records: int) -> list[Batch]:
        """Return what arrived, one batch a partition; empty after `wait_ms` without records."""
        async with asyncio.timeout(_CALL_TIMEOUT_S):
            fetched = await self.consumer.getmany(timeout_ms=wait_ms, max_records=max_records)
        return [
            Batch(
                place.topic,
                place.partition,
                tuple(Incoming(record.offset, record.key, record.value) for record in records),
            )
            for place, records in fetched.items()
            if records
        ]

    def assigned(self) -> set[Place]:
        """Return the partitions that the group gave to this member."""
        return {(place.topic, place.partition) for place in self.consumer.assignment()}

    def seek(self, place: Place, offset: int) -> None:
        """Read a partition from the offset on, if it is still ours."""
        if place in self.assigned():
            self.consumer.seek(TopicPartition(*place), offset)
        self.unplaced.discard(place)

    async def log_bounds(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        """Return the first offset that the log still has and the next one it will give out."""
        wanted = [TopicPartition(*place) for place in places]
        async with asyncio.timeout(_CALL_TIMEOUT_S):
            starts = await self.consumer.beginning_offsets(wanted)
            ends = await self.consumer.end_offsets(wanted)
        return {(one.topic, one.partition): (starts[one], ends[one]) for one in wanted}

    async def commit(self, offsets: dict[Place, int]) -> None:
        """Tell Kafka how far we are, for its dashboards; failure does not matter."""
        held = self.assigned()
        ours = {TopicPartition(*place): o for place, o in offsets.items() if place in held}
        if not ours:
            return
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self.consumer.commit(ours)
        except (KafkaError, TimeoutError) as error:
            _log.info("kafka.commit_skipped", error=type(error).__name__)


class _Turnover(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Keeps the set of partitions that are ours since the last rebalance and not sought yet."""

    def __init__(self, unplaced: set[Place]) -> None:
        self._unplaced = unplaced

    def on_partitions_revoked(self, _revoked: Iterable[TopicPartition]) -> None:
        """Forget all: every rebalance takes all partitions away first."""
        self._unplaced.clear()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note all."""
        self._unplaced.update((place.topic, place.partition) for place in assigned)


@asynccontextmanager
async def subscriber(servers: str, group: str, topics: Sequence[str]) -> AsyncIterator[Subscriber]:
    """Join the group on the topics. Raises KafkaUnavailableError, KafkaStuckError."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        client_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=250,
        request_timeout_ms=10_000,
        session_timeout_ms=10_000,
        metadata_max_age_ms=30_000,
    )
    member = Subscriber(consumer)
    consumer.subscribe(topics, listener=_Turnover(member.unplaced))
    try:
        await _start(consumer.start, servers)
        yield member
    finally:
        await _stop(consumer.stop)


@asynccontextmanager
async def reader(servers: str, topics: Sequence[str], *, past: bool) -> AsyncIterator[Subscriber]:
    """Read topics without a group, all partitions, from the beginning or from now on.

    Raises KafkaUnavailableError, KafkaStuckError.
    """
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest" if past else "latest",
        fetch_max_wait_ms=250,
        request_timeout_ms=10_000,
    )
    try:
        await _start(consumer.start, servers)
        yield Subscriber(consumer)
    finally:
        await _stop(consumer.stop)


async def wait_for_broker(servers: str) -> None:
    """Return once a broker answers. Raises KafkaUnavailableError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=10_000)
    await _start(admin.start, servers)
    await _stop(admin.close)


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What `ensure_topics` found or did: `created`, `as declared`, or how a topic differs."""

    name: str
    outcome: str
    ok: bool


async def ensure_topics(servers: str, topics: Sequence[Topic]) -> list[TopicReport]:
    """Create the topics that are missing and check the settings of the others.

    Nothing that exists is altered. Raises KafkaUnavailableError.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=10_000)
    await _start(admin.start, servers)
    try:
        async with asyncio.timeout(_CALL_TIMEOUT_S):
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
        await _stop(admin.close)


async def _create(admin: AIOKafkaAdminClient, topic: Topic) -> bool:
    """Create the topic; return False when somebody else did so just now."""
    brokers = len((await admin.describe_cluster())["brokers"])
    replicas = min(_REPLICAS, brokers)
    settings = {
        **topic.settings,
        "min.insync.replicas": "2" if replicas >= _REPLICAS else "1",
        "unclean.leader.election.enable": "false",
    }
    new = NewTopic(topic.name, topic.partitions, replicas, topic_configs=settings)
    [(name, code, *_)] = (await admin.create_topics([new])).topic_errors
    error = for_code(code)
    if code and error is not TopicAlreadyExistsError:
        raise error(f"topic {name}")
    return not code


async def _until_listed(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    # The controller answers before the brokers know.
    while not {topic.name for topic in topics} <= set(await admin.list_topics()):
        await asyncio.sleep(0.05)


def _created(topic: Topic) -> TopicReport:
    return TopicReport(topic.name, f"created with {topic.partitions} partitions", ok=True)


async def _check(admin: AIOKafkaAdminClient, topic: Topic) -> TopicReport:
    [described] = await admin.describe_topics([topic.name])
    partitions = len(described["partitions"])
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name)
    [answer] = await admin.describe_configs([resource])
    actual = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    differences = [
        f"{name} is {actual.get(name)}, declared {value}"
        for name, value in topic.settings.items()
        if actual.get(name) != value
    ]
    if partitions < topic.partitions:
        differences.append(f"{partitions} partitions, declared {topic.partitions}")
    return TopicReport(topic.name, "; ".join(differences) or "as declared", ok=not differences)
