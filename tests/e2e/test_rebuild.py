"""An operator makes the read models anew on the running system, and goes back."""

import asyncpg

from tests.support.world import World


async def test_the_read_models_are_made_anew_and_the_way_back_is_open(world: World) -> None:
    acme = await world.directory(mapping={"admins": "admin"})
    ada = await acme.provision("ada", groups=["admins"])
    await acme.become(ada, {"admin"})

    done = await world.system.rollcall("rebuild", "--json", within_s=110)
    assert done.code == 0, done.errors
    grace = await acme.provision("grace", groups=["admins"])
    await acme.become(grace, {"admin"})
    listed = await world.system.rollcall("rebuild", "--list", "--json")
    back = await world.system.rollcall("rebuild", "--back")
    again = await world.system.rollcall("rebuild", "--switch", str(done.json["version"]))
    unasked = await world.system.rollcall("rebuild", "--drop", "1", "--json")
    dropped = await world.system.rollcall("rebuild", "--drop", "1", "--yes")
    nothing = await world.system.rollcall("rebuild", "--back")

    assert done.json["isLive"]
    assert done.json["compared"] == done.json["directories"] > 0
    assert [one["version"] for one in listed.json if one["isLive"]] == [done.json["version"]]
    assert (back.code, again.code) == (0, 0), back.errors + again.errors
    assert "Version 1 is live." in back.output
    assert (unasked.code, dropped.code, nothing.code) == (1, 0, 1)
    assert "--yes" in unasked.errors
    assert "no version to go back to" in nothing.errors
    assert await acts(world) >= {"rebuild.started", "read_model.switched", "read_model.dropped"}


async def acts(world: World) -> set[str]:
    connection = await asyncpg.connect(world.system.run["postgres"]["projector"])
    try:
        rows = await connection.fetch("select actor, act from projector.audit_records")
    finally:
        await connection.close()
    return {row["act"] for row in rows}
