"""From OneLogin's first request to the role event: the whole path, in the domain's words."""

import asyncio

import pytest

from tests.support.waiting import eventually
from tests.support.world import Person, World, assigned, revoked

SERVICES = ("ingest", "roles", "projector", "portal")
SERVERS = ("postgres", "kafka")


async def test_joining_a_mapped_group_assigns_its_role_and_leaving_revokes_it(
    world: World,
) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})
    ada = await acme.provision("ada", groups=["Admins"])
    await acme.become(ada, {"admin"})

    await acme.remove(ada, "Admins")

    await acme.become(ada, set())
    assert await acme.role_events(ada) == [assigned("admin"), revoked("admin")]
    assert await acme.state(ada) is None


async def test_a_role_held_through_two_groups_survives_losing_one(world: World) -> None:
    acme = await world.directory(mapping={"Admins": "admin", "Owners": "admin"})
    ada = await acme.provision("ada", groups=["Admins", "Owners"])
    bob = await acme.provision("bob")
    await acme.become(ada, {"admin"})

    await acme.remove(ada, "Owners")

    await acme.add(bob, "Admins")  # whatever the removal led to came before this
    await acme.become(bob, {"admin"})
    assert await acme.roles_of(ada) == {"admin"}
    assert await acme.role_events(ada) == [assigned("admin")]


async def test_suspending_revokes_every_role_and_returning_restores_them(world: World) -> None:
    acme = await world.directory(mapping={"Admins": "admin", "Night shift": "editor"})
    ada = await acme.provision("ada", groups=["Admins", "Night shift"])
    await acme.become(ada, {"admin", "editor"})

    await acme.suspend(ada)
    await acme.become(ada, set())
    await acme.reactivate(ada)

    await acme.become(ada, {"admin", "editor"})
    given, taken = {assigned("admin"), assigned("editor")}, {revoked("admin"), revoked("editor")}
    events = await acme.role_events(ada)
    assert [set(events[:2]), set(events[2:4]), set(events[4:])] == [given, taken, given]


async def test_deleting_a_user_takes_memberships_and_roles_with_it(world: World) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})
    ada = await acme.provision("ada", groups=["Admins"])
    await acme.become(ada, {"admin"})

    await acme.delete(ada)

    await acme.become(ada, set())
    assert await acme.role_events(ada) == [assigned("admin"), revoked("admin")]
    types = [event["type"] for event in await acme.events("directory.events.v1")]
    assert types[-2:] == ["rollcall.membership.removed.v1", "rollcall.user.deleted.v1"]
    last = (await acme.events("role.events.v1"))[-1]
    assert last["data"]["reason"]["kind"] == "deleted"


async def test_deleting_a_group_revokes_what_it_granted(world: World) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})
    ada = await acme.provision("ada", groups=["Admins"])
    await acme.become(ada, {"admin"})

    await acme.delete_group("Admins")

    await acme.become(ada, set())
    assert await acme.role_events(ada) == [assigned("admin"), revoked("admin")]


async def test_saving_a_mapping_moves_the_roles_and_says_so_first(world: World) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})
    await world.declare("editor")
    ada = await acme.provision("ada", groups=["Admins"])
    await acme.become(ada, {"admin"})

    await acme.save_mapping({"Admins": "editor"})

    await acme.become(ada, {"editor"})
    events = await acme.events("role.events.v1")
    assert [event["type"].split(".", 1)[1] for event in events[-3:]] == [
        "mapping.saved.v1",
        "role.revoked.v1",
        "role.assigned.v1",
    ]
    assert len({event["data"]["cause"]["id"] for event in events[-3:]}) == 1
    state = await acme.state(ada)
    assert state
    assert [held["role"]["key"] for held in state["data"]["roles"]] == ["editor"]


@pytest.mark.faults
@pytest.mark.parametrize("victim", [*SERVICES, *SERVERS])
async def test_killing_any_part_in_the_middle_loses_and_doubles_nothing(
    world: World, victim: str
) -> None:
    acme = await world.directory(mapping={"Admins": "admin"})

    async def provision() -> list[Person]:
        return [await acme.provision(f"user{n}", groups=["Admins"]) for n in range(40)]

    async with asyncio.TaskGroup() as group:
        provisioned = group.create_task(provision())
        group.create_task(world.system.kill(victim))

    people = provisioned.result()
    for person in people:
        await acme.become(person, {"admin"})

    async def told() -> bool:
        events = await acme.events("role.events.v1")
        return len(events) > len(people)  # and one for the saved mapping

    await eventually(told, within_s=60)
    events = [one for one in await acme.events("role.events.v1") if "role" in one["data"]]
    assert sorted((one["data"]["user"]["id"], one["type"]) for one in events) == sorted(
        (each.id, "rollcall.role.assigned.v1") for each in people
    )
    for topic in ("directory.events.v1", "role.events.v1"):
        sequences = [int(event["sequence"]) for event in await acme.events(topic)]
        assert sequences == list(range(1, len(sequences) + 1))
