"""`rollcall first-sync` tells whether an installation works, and what does not."""

import re

from deploy.local import ports
from tests.support.system import System
from tests.support.world import World


async def test_a_working_system_is_synced_mapped_and_verified(world: World) -> None:
    system = world.system

    told = await system.rollcall("first-sync", "--users", "6", "--groups", "2", "--json")
    again = await system.rollcall("first-sync", "--users", "3", "--groups", "1")

    assert told.code == 0, told.errors
    assert told.json["sync"]["refusals"] == 0
    directory, group = told.json["directory"], told.json["sync"]["groups"][0]
    shown = (await system.rollcall("mapping", "show", directory, "--json")).json
    assert [(row["groupName"], row["role"]) for row in shown["rows"]] == [(group, "first-sync")]
    async with world.http.get(told.json["sign_in"]) as page:
        assert page.status == 200
    words = [line.split()[0] for line in again.output.splitlines()]
    assert words == ["ready", "synced", "mapped", "verified", "sign"]


async def test_a_service_that_does_not_answer_is_named(system: System) -> None:
    nowhere = f"http://127.0.0.1:{ports.choose()}"

    ended = await system.rollcall(
        "first-sync", "--within", "0", given={"ROLLCALL_PORTAL_URL": nowhere}
    )

    assert ended.code == 1
    assert re.search(f"portal at {nowhere} is not ready: it does not answer", ended.errors)
