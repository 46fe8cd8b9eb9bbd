"""Nothing lost, doubled or reordered: `rollcall verify` after faults, and after planted mistakes.

The services run from a copy of the tree, in which one line is wrong; the checkers are the true
ones. `make mutants ONLY=delivery` plants the same mistakes in everything at once.
"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.verify.report import CHECKS, Report
from tests.chaos.ground import Ground, ground
from tests.chaos.rig import rig
from tests.chaos.scenarios import SCENARIOS
from tests.mutants.__main__ import ROOT, Mutant, mutants

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
_COPIED = ("services", "shared")


@pytest.fixture(scope="module")
async def servers_of_our_own() -> AsyncIterator[Ground]:
    async with ground() as found:
        yield found


async def outcome(on: Ground, scenario: str, tree: Path) -> Report:
    async with rig(on, tree) as running:
        await SCENARIOS[scenario].play(running)
        return await running.verdict(SCENARIOS[scenario].quiet_within_s)


def said(report: Report) -> str:
    found = (report.first(check) for check in CHECKS)
    return "\n".join(f"{one.check} {one.verdict.name}: {one.sentence}" for one in found if one)


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_fault_leaves_nothing_lost(servers_of_our_own: Ground, scenario: str) -> None:
    report = await outcome(servers_of_our_own, scenario, ROOT)

    assert report.exit_code == SCENARIOS[scenario].exit_code, said(report)


@pytest.mark.parametrize("mutant", mutants("delivery"), ids=lambda mutant: mutant.name)
async def test_a_planted_mistake_fails_a_checker(
    servers_of_our_own: Ground, mutant: Mutant, tmp_path: Path
) -> None:
    scenario = mutant.tests[0].partition("[")[2].removesuffix("]")
    for name in _COPIED:
        shutil.copytree(ROOT / name, tmp_path / name)

    with mutant.planted(tmp_path):
        report = await outcome(servers_of_our_own, scenario, tmp_path)

    print(said(report))  # noqa: T201  # with -s: which checker noticed
    assert report.exit_code != SCENARIOS[scenario].exit_code
