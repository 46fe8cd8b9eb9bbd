"""What an administrator's tools see of roles, right and wrong."""

import asyncio
import uuid

from shared import db
from shared.contracts.ids import GroupId
from tests.integration.roles import world
from tests.integration.roles.world import Api
from tests.support.directory_log import DirectoryLog


async def acme(api: Api, database: db.Database) -> DirectoryLog:
    """Ada is in Owners, Bob is suspended, Cyd is in no group; two roles are declared."""
    log = DirectoryLog()
    log.user("ada")
    log.user("bob")
    log.suspend("bob")
    log.user("cyd")
    log.group("owners", "Owners")
    log.group("équipe", "Équipe")
    log.join("ada", "owners")
    await api.declare("admin", "billing")
    await world.apply(database, log.envelopes)
    return log


async def test_a_call_without_the_key_is_refused(api: Api) -> None:
    api.key = "wrong"

    answer = await api.get("/roles")

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"].startswith("application/problem+json")


async def test_a_role_is_declared_once_and_changed_after(api: Api) -> None:
    first = await api.put("/roles/admin", {"name": "Admin"})

    second = await api.put("/roles/admin", {"name": "Administrator", "privileged": True})

    assert (first.status, second.status) == (201, 200)
    [role] = (await api.get("/roles")).body["items"]
    assert (role["key"], role["name"], role["privileged"]) == ("admin", "Administrator", True)


async def test_a_role_key_that_cannot_be_says_which_can(api: Api) -> None:
    answer = await api.put("/roles/Admin!", {"name": "Admin"})

    assert answer.status == 400
    assert "lower-case letters" in answer.body["detail"]


async def test_a_role_without_a_name_is_refused_by_field(api: Api) -> None:
    answer = await api.put("/roles/admin", {"name": " "})

    assert answer.status == 400
    assert answer.body["detail"].startswith("name: ")


async def test_a_role_that_groups_grant_goes_only_when_another_takes_its_place(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    owners, others = log.groups["owners"].id, log.groups["équipe"].id
    await api.map(log, [(owners, "admin"), (owners, "billing"), (others, "admin")])

    refused = await api.remove("admin")
    itself = await api.remove("admin", replacement="admin")
    unknown = await api.remove("admin", replacement="emperor")
    done = await api.remove("admin", replacement="billing")
    again = await api.remove("admin")

    assert (refused.status, itself.status, unknown.status) == (409, 409, 404)
    assert "1 of the directories" in refused.body["detail"]
    assert await world.audited(database) == ["role.removed"]
    assert (done.status, again.status) == (204, 404)
    mapped = (await api.get(f"/directories/{log.id}/mapping")).body
    assert {(row["groupId"], row["role"]) for row in mapped["rows"]} == {
        (owners, "billing"), (others, "billing"),
    }  # fmt: skip
    assert {role for _, role in await world.stored(database, log)} == {"billing"}
    assert [role["key"] for role in (await api.get("/roles")).body["items"]] == ["billing"]


async def test_a_role_that_nothing_grants_just_goes(api: Api) -> None:
    await api.declare("viewer")

    assert (await api.remove("viewer")).status == 204
    assert (await api.get("/roles")).body == {"items": []}


async def test_a_directory_not_heard_of_yet_may_be_known_in_a_moment(api: Api) -> None:
    for path in ("mapping", "groups", "users/ada/roles"):
        answer = await api.get(f"/directories/{uuid.uuid4()}/{path}")

        assert answer.status == 404
        assert "try again in a second" in answer.body["detail"]


async def test_a_directory_that_is_no_id_is_not_found(api: Api) -> None:
    assert (await api.get("/directories/acme/mapping")).status == 404


async def test_a_mapping_that_was_never_saved_has_version_0(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)

    answer = await api.get(f"/directories/{log.id}/mapping")

    assert answer.body == {
        "directoryId": log.id,
        "version": 0,
        "rows": [],
        "strategy": "union",
        "defaultRole": None,
        "enabled": True,
        "kept": 0,
        "applying": None,
    }


async def test_a_saved_mapping_is_read_back_and_wakes_the_relay(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    owners = log.groups["owners"].id

    saved = await api.map(log, [(owners, "admin")])

    assert saved.status == 200
    assert saved.body == (await api.get(f"/directories/{log.id}/mapping")).body
    assert saved.body["version"] == 1
    assert saved.body["rows"] == [
        {
            "groupId": owners,
            "role": "admin",
            "groupName": "Owners",
            "groupDeleted": False,
            "roleName": "Admin",
        }
    ]
    assert api.commits


async def test_a_save_that_changes_nothing_publishes_nothing(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    rows = [(log.groups["owners"].id, "admin"), (log.groups["équipe"].id, "admin")]
    await api.map(log, rows)
    before = await world.outbox(database, log)

    again = await api.map(log, reversed(rows), version=1)

    assert (again.status, again.body["version"]) == (200, 1)
    assert await world.outbox(database, log) == before


async def test_a_stale_version_conflicts_and_changes_nothing(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    owners = log.groups["owners"].id
    await api.map(log, [(owners, "admin")])

    answer = await api.map(log, [(owners, "billing")])

    assert answer.status == 409
    assert "version 1" in answer.body["detail"]
    assert await world.stored(database, log) == {(log.users["ada"].id, "admin"): {owners}}


async def test_of_saves_made_at_once_from_one_version_one_is_taken(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    owners, team = log.groups["owners"].id, log.groups["équipe"].id
    edits = [[(owners, "admin")], [(team, "admin")], [(owners, "billing")], [(team, "billing")]]

    async with asyncio.TaskGroup() as tasks:
        saves = [tasks.create_task(api.map(log, rows)) for rows in edits]

    assert sorted(save.result().status for save in saves) == [200, 409, 409, 409]
    saved = next(save.result() for save in saves if save.result().status == 200)
    assert (await api.get(f"/directories/{log.id}/mapping")).body == saved.body


async def test_a_row_that_cannot_be_is_refused_with_what_to_do(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    owners, stranger = log.groups["owners"].id, str(uuid.uuid4())
    cases = {
        "choose one of its groups": [(stranger, "admin")],
        "There is no group staff": [("staff", "admin")],
        "declare it first": [(owners, "janitor")],
        "Owners is given admin twice": [(owners, "admin"), (owners, "admin")],
    }

    for words, rows in cases.items():
        answer = await api.map(log, rows)

        assert answer.status == 422
        assert words in answer.body["detail"]
    assert (await api.get(f"/directories/{log.id}/mapping")).body["version"] == 0


async def test_a_body_that_is_no_json_is_refused(api: Api, database: db.Database) -> None:
    log = await acme(api, database)

    answer = await api.call("PUT", f"/directories/{log.id}/mapping", b"{")

    assert answer.status == 400
    assert answer.body["detail"].startswith("The body is not JSON")


async def test_a_mapping_too_large_for_one_event_is_refused(
    api: Api, database: db.Database
) -> None:
    log = DirectoryLog()
    groups = [log.group(f"{number} {'g' * 200}") for number in range(4000)]
    await api.declare("admin")
    await world.apply(database, log.envelopes)

    answer = await api.map(log, [(group, "admin") for group in groups])

    assert answer.status == 422
    assert "map fewer groups" in answer.body["detail"]


async def test_a_directory_locked_for_long_is_busy(api: Api, database: db.Database) -> None:
    log = await acme(api, database)

    async with database.transaction() as tx:
        await tx.execute("select 1 from directories where id = $1 for update", log.id)
        answer = await api.map(log, [(log.groups["owners"].id, "admin")])

    assert answer.status == 503
    assert answer.headers["Retry-After"] == "2"


async def test_a_deleted_groups_row_stays_and_is_marked(api: Api, database: db.Database) -> None:
    log = await acme(api, database)
    owners, team = log.groups["owners"].id, log.groups["équipe"].id
    await api.map(log, [(owners, "admin")])
    seen = len(log.records)
    log.delete_group("owners")
    await world.apply(database, log.envelopes[seen:])

    kept = await api.map(log, [(owners, "admin"), (team, "admin")], version=1)
    answer = await api.map(log, [(owners, "billing"), (team, "admin")], version=2)

    assert [(row["groupName"], row["groupDeleted"]) for row in kept.body["rows"]] == [
        ("Owners", True),
        ("Équipe", False),
    ]
    assert answer.status == 200
    assert await world.stored(database, log) == {}


async def test_a_deleted_group_cannot_be_mapped_anew(api: Api, database: db.Database) -> None:
    log = await acme(api, database)
    owners = log.groups["owners"].id
    seen = len(log.records)
    log.delete_group("owners")
    await world.apply(database, log.envelopes[seen:])

    answer = await api.map(log, [(owners, "admin")])
    offered = await api.get(f"/directories/{log.id}/groups")

    assert answer.status == 422
    assert [group["displayName"] for group in offered.body["items"]] == ["Équipe"]


async def test_groups_are_found_by_name_in_any_case(api: Api, database: db.Database) -> None:
    log = await acme(api, database)

    found = await api.get(f"/directories/{log.id}/groups?name=équipe")
    everything = await api.get(f"/directories/{log.id}/groups")

    assert [group["displayName"] for group in found.body["items"]] == ["Équipe"]
    assert [(one["displayName"], one["members"]) for one in everything.body["items"]] == [
        ("Owners", 1),
        ("Équipe", 0),
    ]


async def test_an_explanation_names_role_group_time_and_act(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    await api.map(log, [(log.groups["owners"].id, "admin")])
    seen = len(log.records)
    log.group("owners", "Directors")
    await world.apply(database, log.envelopes[seen:])

    by_name = await api.get(f"/directories/{log.id}/users/ADA/roles")
    by_id = await api.get(f"/directories/{log.id}/users/{log.users['ada'].id}/roles")

    assert by_name.status == 200
    assert by_name.body == by_id.body
    [role] = by_name.body["roles"]
    assert role["role"] == {"key": "admin", "name": "Admin"}
    assert [group["displayName"] for group in role["reason"]["groups"]] == ["Directors"]
    assert (role["cause"]["kind"], role["cause"]["actor"]) == ("mapping", "admin:mia")
    assert by_name.body["missing"] is None


async def test_an_explanation_says_why_there_is_nothing(api: Api, database: db.Database) -> None:
    log = await acme(api, database)
    words = {
        "ada": "The user is in Owners, and the mapping gives none of these groups a role.",
        "bob": "The user is inactive, so no group grants anything.",
        "cyd": "The user is in no group.",
    }

    for name, missing in words.items():
        answer = await api.get(f"/directories/{log.id}/users/{name}/roles")

        assert (answer.body["roles"], answer.body["missing"]) == ([], missing)


async def test_an_explanation_says_what_is_missing_for_a_role(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    await api.map(log, [(log.groups["owners"].id, "admin")])
    users = f"/directories/{log.id}/users"
    words = {
        "cyd": "The user is not in Owners: the mapping gives Admin to nobody else.",
        "bob": "The user is inactive: only active users in Owners hold Admin.",
    }

    held = await api.get(f"{users}/ada/roles?role=admin")
    unmapped = await api.get(f"{users}/ada/roles?role=billing")
    unknown = await api.get(f"{users}/ada/roles?role=emperor")

    assert [one["role"]["key"] for one in held.body["roles"]] == ["admin"]
    assert unmapped.body["missing"] == "The mapping gives Billing to no group."
    assert unknown.status == 404
    for name, missing in words.items():
        answer = await api.get(f"{users}/{name}/roles?role=admin")
        assert (answer.body["roles"], answer.body["missing"]) == ([], missing)


async def test_a_user_name_with_a_slash_is_found(api: Api, database: db.Database) -> None:
    log = await acme(api, database)
    seen = len(log.records)
    log.user("GLOBEX/dee")
    await world.apply(database, log.envelopes[seen:])

    answer = await api.get(f"/directories/{log.id}/users/GLOBEX%2Fdee/roles")

    assert answer.status == 200


async def test_nobody_by_that_name_is_not_found(api: Api, database: db.Database) -> None:
    log = await acme(api, database)

    answer = await api.get(f"/directories/{log.id}/users/zoe/roles")

    assert answer.status == 404


async def test_a_deleted_user_is_not_found(api: Api, database: db.Database) -> None:
    log = await acme(api, database)
    seen = len(log.records)
    log.delete_user("ada")
    await world.apply(database, log.envelopes[seen:])

    answer = await api.get(f"/directories/{log.id}/users/ada/roles")

    assert answer.status == 404


async def test_a_preview_says_who_gains_and_loses_and_why_and_changes_nothing(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    owners = log.groups["owners"].id
    await api.map(log, [(owners, "billing")])
    before = await world.outbox(database, log)

    shown = await api.preview(log, [(owners, "admin")], version=1)

    [ada] = shown.body["users"]
    assert shown.status == 200
    assert (shown.body["gaining"], shown.body["losing"], shown.body["changing"]) == (0, 0, 1)
    assert ada["user"]["userName"] == log.users["ada"].user_name
    assert [held["role"]["key"] for held in ada["gains"]] == ["admin"]
    assert [held["reason"]["kind"] for held in ada["loses"]] == ["mapping"]
    assert await world.outbox(database, log) == before
    assert (await api.get(f"/directories/{log.id}/mapping")).body["version"] == 1


async def test_names_in_a_preview_are_as_many_as_were_asked_for(
    api: Api, database: db.Database
) -> None:
    log = await acme(api, database)
    rows = [(log.groups["owners"].id, "admin")]

    none = await api.preview(log, rows, query="?users=0")
    nonsense = await api.preview(log, rows, query="?users=all")

    assert (none.body["gaining"], none.body["users"]) == (1, [])
    assert nonsense.status == 400
    assert nonsense.body["detail"].startswith("users: Input should be a valid integer")


async def test_what_cannot_be_saved_cannot_be_previewed(api: Api, database: db.Database) -> None:
    log = await acme(api, database)
    owners = log.groups["owners"].id

    stale = await api.preview(log, [(owners, "admin")], version=7)
    unknown = await api.preview(log, [(owners, "emperor")])

    assert (stale.status, unknown.status) == (409, 422)


async def test_a_save_can_insist_on_what_was_previewed(api: Api, database: db.Database) -> None:
    log = await acme(api, database)
    rows = [(log.groups["owners"].id, "admin")]
    shown = (await api.preview(log, rows)).body["effect"]
    known = len(log.envelopes)
    log.join("cyd", "owners")
    await world.apply(database, log.envelopes[known:])

    stale = await api.map(log, rows, effect=shown)
    log.user("dan")
    anew = (await api.preview(log, rows)).body["effect"]
    await world.apply(database, log.envelopes[known + 1 :])
    saved = await api.map(log, rows, effect=anew)

    assert stale.status == 409
    assert "preview it again" in stale.body["detail"]
    assert saved.status == 200
    assert len(await world.stored(database, log)) == 2


async def test_the_largest_mapping_fits_into_a_request(api: Api, database: db.Database) -> None:
    log = await acme(api, database)
    rows = [(GroupId(str(uuid.uuid4())), f"{number:063}") for number in range(10_000)]

    answer = await api.map(log, rows)

    assert answer.status == 422, "its groups are unknown, which only who has read it can say"
