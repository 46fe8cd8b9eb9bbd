"""From the version before to this one, as docs/how-to/upgrade.md tells it: no call fails."""

from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT
from tests.operations import previous
from tests.operations.fleet import fleet

pytestmark = pytest.mark.timeout(600)
IN_ORDER = ("roles", "projector", "ingest")


async def test_the_version_before_is_replaced_by_this_one_without_a_failed_call(
    tmp_path: Path,
) -> None:
    old = previous.exported(tmp_path)

    async with fleet(2, old.tree, migrating=old.migrate) as running:
        async with running.providers(seed=11) as load:
            await running.goes_on()
            await previous.upgrade_schemas(running.urls)
            await running.goes_on()
            for service in IN_ORDER:
                await running.replace(service, ROOT)
            await running.goes_on(200)

        await running.assert_all_was_answered_and_kept(load)
