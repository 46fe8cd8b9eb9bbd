"""Reading: as a member of a group, or one partition after the other."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from shared.kafka.access import Servers, client_options
from shared.kafka.clients import CALL_TIMEOUT_S, STOP_TIMEOUT_S, start, stop
from shared.kafka.records import Batch, Error, Incoming, Place

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A member of an ordinary consumer group whose own offsets never decide anything.

    `unplaced` are the partitions that a rebalance gave us and nobody has sought yet: they start
    where Kafka remembers, also those that we held before.
    """

    consumer: AIOKafkaConsumer
    unplaced: set[Place] = field(default_factory=set)

    async def batches(
        self, *, wait_ms: int, max_records: int, but: Collection[Place] = ()
    ) -> list[Batch]:
        """Return what arrived, one batch a partition; empty after `wait_ms` without records.

        The partitions in `but` are left for later. Raises Error once the client fetches no more.
        """
        if self.consumer._fetcher.error_future.done():  # noqa: SLF001  # it only logs it
            raise Error("the client's fetcher ended; only a new client fetches again")
        wanted = [
            one for one in self.consumer.assignment() if (one.topic, one.partition) not in but
        ]
        if but and not wanted:
            await asyncio.sleep(wait_ms / 1000)
            return []
        async with asyncio.timeout(CALL_TIMEOUT_S):
            fetched = await self.consumer.getmany(
                *wanted, timeout_ms=wait_ms, max_records=max_records
            )
        return [
            Batch(
                place.topic,
                place.partition,
                tuple(
                    Incoming(record.offset, record.key, record.value, record.timestamp)
                    for record in records
                ),
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

    def read_alone(self, place: Place, offset: int) -> None:
        """Read this partition from the offset on, and no other; only outside a group."""
        self.consumer.assign([TopicPartition(*place)])
        self.consumer.seek(TopicPartition(*place), offset)

    async def position(self, place: Place) -> int:
        """Return the offset that is read next, behind those that compaction removed."""
        async with asyncio.timeout(CALL_TIMEOUT_S):
            return int(await self.consumer.position(TopicPartition(*place)))

    async def log_bounds(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        """Return the first offset that the log still has and the next one it will give out."""
        wanted = [TopicPartition(*place) for place in places]
        async with asyncio.timeout(CALL_TIMEOUT_S):
            starts = await self.consumer.beginning_offsets(wanted)
            ends = await self.consumer.end_offsets(wanted)
        return {(one.topic, one.partition): (starts[one], ends[one]) for one in wanted}

    async def is_behind(self) -> bool:
        """Tell whether the log goes on behind what was fetched of a partition that is ours."""
        places = self.assigned() - self.unplaced
        bounds = await self.log_bounds(places)
        return any([await self.position(place) < bounds[place][1] for place in places])

    async def commit(self, offsets: dict[Place, int]) -> None:
        """Tell Kafka how far we are, for its dashboards; failure does not matter."""
        held = self.assigned()
        ours = {TopicPartition(*place): o for place, o in offsets.items() if place in held}
        if not ours:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
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
async def subscriber(
    servers: Servers, group: str, topics: Sequence[str]
) -> AsyncIterator[Subscriber]:
    """Join the group on the topics. Raises KafkaUnavailableError, KafkaStuckError."""
    consumer = AIOKafkaConsumer(
        **client_options(servers),
        group_id=group,
        client_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=250,
        # The least that brokers allow: so long do the partitions of a killed member wait.
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_500,
        metadata_max_age_ms=30_000,
    )
    member = Subscriber(consumer)
    consumer.subscribe(topics, listener=_Turnover(member.unplaced))
    try:
        await start(consumer.start, servers)
        yield member
    finally:
        await stop(consumer.stop)


@asynccontextmanager
async def reader(
    servers: Servers, topics: Sequence[str], *, past: bool
) -> AsyncIterator[Subscriber]:
    """Read topics without a group, all partitions, from the beginning or from now on.

    Without topics it reads nothing until `read_alone` chooses a partition.
    Raises KafkaUnavailableError, KafkaStuckError.
    """
    consumer = AIOKafkaConsumer(
        *topics,
        **client_options(servers),
        enable_auto_commit=False,
        auto_offset_reset="earliest" if past else "latest",
        # Who goes from one partition to the next would wait for the fetch behind the last.
        fetch_max_wait_ms=250 if topics else 10,
    )
    try:
        await start(consumer.start, servers)
        yield Subscriber(consumer)
    finally:
        await stop(consumer.stop)
