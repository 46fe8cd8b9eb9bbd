"""Each example is run as its README says, and prints what its `expected.txt` holds."""

import asyncio
import sys
from pathlib import Path

from tests.support.waiting import eventually
from tests.support.world import World

SUBSCRIBER = Path("examples/subscriber-python")


async def test_the_python_subscriber_prints_each_role_event_as_a_sentence(
    world: World, tmp_path: Path
) -> None:
    acme = await world.directory(mapping={"Admins": "admin", "Owners": "admin"})
    noor = await acme.provision("noor", groups=["Admins"])
    kofi = await acme.provision("kofi", groups=["Admins", "Owners"])
    await acme.remove(kofi, "Admins")
    await acme.suspend(noor)
    await acme.become(noor, set())
    await acme.delete(kofi)
    await acme.become(kofi, set())
    expected = (SUBSCRIBER / "expected.txt").read_text(encoding="utf-8").splitlines()
    output = tmp_path / "output.txt"

    with output.open("wb") as sink:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SUBSCRIBER / "subscriber.py"),
            world.system.run["kafka"],
            f"test-{acme.id}",
            stdout=sink,
        )

        def printed() -> bool:
            lines = output.read_text(encoding="utf-8").splitlines()
            return _contains_in_order(lines, expected)

        try:
            await eventually(printed, within_s=30)
        finally:
            child.terminate()
            await child.wait()


def _contains_in_order(lines: list[str], expected: list[str]) -> bool:
    """Whether the expected lines are there in order; other directories' lines may stand between."""
    rest = iter(lines)
    return all(line in rest for line in expected)
