"""Roles given by hand: owned by the application, beside what the sync does."""

from shared import db
from tests.integration.roles import world
from tests.integration.roles.company import feed, held, told
from tests.integration.roles.world import Api
from tests.support.directory_log import DirectoryLog


async def test_a_role_is_given_and_taken_back_by_hand_once(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    given = [await api.assign(log, "cyd", "admin") for _ in range(2)]
    holding = await held(database, log)
    taken = [await api.unassign(log, "CYD", "admin") for _ in range(2)]

    assert [answer.status for answer in (*given, *taken)] == [201, 200, 204, 404]
    assert given[0].body == given[1].body
    assert given[0].body["cause"]["actor"] == "app:crm"
    assert given[0].body["isHeld"] is True
    assert holding == {"cyd": {"admin": {"manual"}}}
    assert await held(database, log) == {}
    assert await told(database, log) == [
        "manual.assigned cyd admin",
        "role.assigned cyd admin (manual)",
        "manual.unassigned cyd admin",
        "role.revoked cyd admin (manual)",
    ]
    assert await world.audited(database) == ["manual.assigned", "manual.unassigned"]
    assert api.commits


async def test_a_role_held_by_hand_and_by_group_survives_losing_either(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    owners = log.groups["owners"].id
    await api.map(log, [(owners, "admin")])
    await api.assign(log, "ada", "admin")
    both = (await api.get(f"/directories/{log.id}/users/ada/roles")).body["roles"]
    state = (await world.outbox(database, log))[-1].document or {}
    seen = len(log.records)
    log.leave("ada", "owners")
    await feed(database, log, seen)
    by_hand = await held(database, log)
    log.join("ada", "owners")
    await feed(database, log, seen + 1)
    await api.unassign(log, "ada", "admin")

    assert (both[0]["reason"]["kind"], both[0]["reason"]["also"]) == ("group", ["manual"])
    assert both[0]["cause"]["kind"] == "mapping"
    assert both[0]["manual"]["cause"]["actor"] == "app:crm"
    assert state["data"]["roles"][0]["reason"]["also"] == ["manual"]
    assert by_hand == {"ada": {"admin": {"manual"}}}
    assert await held(database, log) == {"ada": {"admin": {"owners"}}}
    assert await told(database, log) == [
        "mapping.saved",
        "role.assigned ada admin (group)",
        "manual.assigned ada admin",
        "manual.unassigned ada admin",
    ]


async def test_what_is_held_through_a_group_cannot_be_taken_back_by_hand(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, [(log.groups["owners"].id, "admin")])

    refused = await api.unassign(log, "ada", "admin")

    assert refused.status == 409
    assert "through Owners, not by hand: change the mapping" in refused.body["detail"]
    assert await held(database, log) == {"ada": {"admin": {"owners"}}}


async def test_a_role_given_by_hand_rests_while_its_user_is_inactive(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    given = await api.assign(log, "dan", "admin")
    missing = (await api.get(f"/directories/{log.id}/users/dan/roles")).body["missing"]
    of_role = (await api.get(f"/directories/{log.id}/users/dan/roles?role=admin")).body["missing"]
    seen = len(log.records)
    log.user("dan")
    await feed(database, log, seen)

    assert (given.status, given.body["isHeld"]) == (201, False)
    assert "Admin, given by hand, is held again once it is active" in missing
    assert of_role.startswith("The user is inactive: Admin, given by hand")
    assert await held(database, log) == {"dan": {"admin": {"manual"}}}


async def test_a_role_given_by_hand_ends_with_its_user(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.assign(log, "bob", "admin")
    before, seen = len(await world.outbox(database, log)), len(log.records)
    log.delete_user("bob")
    await feed(database, log, seen)

    async with database.connection() as connection:
        left = await connection.fetchval("select count(*) from manual_assignments")

    assert left == 0
    assert await told(database, log, before) == [
        "manual.unassigned bob admin",
        "role.revoked bob admin (deleted)",
    ]


async def test_a_role_by_hand_needs_a_user_and_a_declared_role(api: Api, log: DirectoryLog) -> None:
    nobody = await api.assign(log, "zoe", "admin")
    nothing = await api.assign(log, "ada", "emperor")
    unsigned = await api.put(f"/directories/{log.id}/users/ada/roles/admin", {})

    assert (nobody.status, nothing.status, unsigned.status) == (404, 404, 400)
    assert "No role emperor is declared" in nothing.body["detail"]


async def test_a_role_given_by_hand_does_not_vanish_from_the_catalogue(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.assign(log, "dan", "admin")

    refused = await api.remove("admin")
    done = await api.remove("admin", replacement="billing")

    assert (refused.status, done.status) == (409, 204)
    seen = len(log.records)
    log.user("dan")
    await feed(database, log, seen)
    assert await held(database, log) == {"dan": {"billing": {"manual"}}}
