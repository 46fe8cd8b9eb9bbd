"""Three replicas of each service are replaced while providers write: no call fails."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from cli.verify.run import SERVICES
from tests.mutants.__main__ import ROOT
from tests.operations.fleet import Fleet, fleet

pytestmark = pytest.mark.timeout(600)
COUNT = 3
GROUPS = ("roles", "projector-1")


async def members(running: Fleet, group: str) -> int:
    """Return how many members a consumer group has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=running.rig.ground.servers.kafka)
    await admin.start()
    try:
        [told] = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    [(_, _, _, _, _, found, *_)] = told.groups
    return len(found)


async def test_three_replicas_of_each_service_are_replaced_without_a_failed_call() -> None:
    async with fleet(COUNT, ROOT) as running:
        async with running.providers(seed=7) as load:
            await running.goes_on()
            answered = [await one.total("rollcall_http_request_seconds_count")
                        for one in running.replicas["ingest"]]  # fmt: skip
            for service in SERVICES:
                await running.replace(service)
            await running.goes_on(200)
            sizes = [await members(running, group) for group in GROUPS]

        await running.assert_all_was_answered_and_kept(load)

    assert sizes == [COUNT, COUNT]
    assert min(answered) > 0
