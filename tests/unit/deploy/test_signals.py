import asyncio

import pytest

from deploy.local.signals import Signals


async def test_the_first_signal_stops_and_the_second_hurries() -> None:
    signals = Signals()

    signals.receive()
    assert signals.stopping.is_set()
    assert not signals.hurried.is_set()

    signals.receive()
    assert signals.hurried.is_set()


async def test_work_that_ends_first_gives_its_value() -> None:
    async def work() -> str:
        return "done"

    assert await Signals().unless_stopped(work()) == "done"


async def test_a_signal_cancels_the_work_and_waits_for_its_cleanup() -> None:
    signals = Signals()
    steps: list[str] = []

    async def work() -> None:
        signals.receive()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    await signals.unless_stopped(work())

    assert steps == ["cleaned up"]


async def test_work_that_fails_is_heard_of() -> None:
    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Signals().unless_stopped(work())
