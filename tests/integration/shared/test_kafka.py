"""The only module that talks to Kafka, against a broker."""

import asyncio
from dataclasses import replace

import pytest

from shared import kafka
from shared.contracts.topics import Topic
from tests.integration.shared import world
from tests.support.servers import Servers
from tests.support.waiting import eventually


async def test_missing_topics_are_created_and_found_as_declared_afterwards(
    servers: Servers, declared: Topic
) -> None:
    first = await kafka.ensure_topics(servers.kafka, [declared])
    second = await kafka.ensure_topics(servers.kafka, [declared])

    assert [(one.outcome, one.ok) for one in first] == [("created with 2 partitions", True)]
    assert [(one.outcome, one.ok) for one in second] == [("as declared", True)]


async def test_a_topic_that_differs_is_reported_and_not_altered(
    servers: Servers, declared: Topic
) -> None:
    await kafka.ensure_topics(servers.kafka, [declared])
    wanted = replace(
        declared, partitions=5, settings={**declared.settings, "cleanup.policy": "compact"}
    )

    [differing] = await kafka.ensure_topics(servers.kafka, [wanted])
    [unaltered] = await kafka.ensure_topics(servers.kafka, [declared])

    assert not differing.ok
    assert "cleanup.policy is delete, declared compact" in differing.outcome
    assert "2 partitions, declared 5" in differing.outcome
    assert unaltered.ok


async def test_two_that_create_the_same_topic_at_once_both_succeed(
    servers: Servers, declared: Topic
) -> None:
    reports = await world.together(kafka.ensure_topics(servers.kafka, [declared]) for _ in range(2))

    assert all(report.ok for [report] in reports)


async def test_records_are_read_as_published_with_key_value_and_order(
    servers: Servers, topic: str, publisher: kafka.Publisher
) -> None:
    records = [kafka.Outgoing(topic, f"key {n}".encode(), f"{n}".encode()) for n in range(500)]
    records.append(kafka.Outgoing(topic, b"gone", None))

    await publisher.publish(7, records)

    found = await world.log(servers.kafka, topic, count=len(records))
    assert [(one.key, one.value) for one in found[7]] == [(r.key, r.value) for r in records]
    assert list(found) == [7]


async def test_more_than_a_batch_takes_is_split_and_keeps_its_order(
    servers: Servers, topic: str, publisher: kafka.Publisher
) -> None:
    large = b"x" * 400_000
    records = [kafka.Outgoing(topic, b"%d" % n, large) for n in range(7)]

    await publisher.publish(0, records)

    found = await world.log(servers.kafka, topic, count=7)
    assert [one.key for one in found[0]] == [b"%d" % n for n in range(7)]


async def test_the_largest_event_that_the_outbox_takes_fits_a_batch(
    servers: Servers, topic: str, publisher: kafka.Publisher
) -> None:
    value = b"x" * (900 * 1024 + 1024)

    await publisher.publish(0, [kafka.Outgoing(topic, b"largest", value)])

    found = await world.log(servers.kafka, topic, count=1)
    assert found[0][0].value == value


async def test_a_commit_of_partitions_lost_meanwhile_does_not_matter(
    servers: Servers, topic: str
) -> None:
    async with kafka.subscriber(servers.kafka, f"group of {topic}", [topic]) as subscriber:
        await eventually(subscriber.assigned)

        await subscriber.commit({("another", 0): 5})

        assert subscriber.assigned()


async def test_a_client_that_fetches_no_more_says_so_instead_of_nothing(
    servers: Servers, declared: Topic
) -> None:
    await kafka.ensure_topics(servers.kafka, [declared])
    async with kafka.reader(servers.kafka, [declared.name], past=True) as reader:
        assert await reader.batches(wait_ms=50, max_records=10) == []

        fetcher = reader.consumer._fetcher.error_future  # noqa: SLF001  # as if it had failed
        fetcher.cancel()
        await asyncio.wait([fetcher])

        with pytest.raises(kafka.Error):
            await reader.batches(wait_ms=50, max_records=10)
