"""What an administrator may choose beside the rows: the default role, and that one row decides."""

from shared import db
from tests.integration.roles import world
from tests.integration.roles.company import default, feed, held
from tests.integration.roles.world import Api
from tests.support.directory_log import DirectoryLog


async def test_under_union_the_default_role_comes_on_top_for_every_active_user(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    rows = [(log.groups["owners"].id, "admin"), (log.groups["staff"].id, "viewer")]

    saved = await api.map(log, rows, **default("viewer"))

    assert saved.body["defaultRole"] == {"key": "viewer", "name": "Viewer"}
    assert await held(database, log) == {
        "ada": {"admin": {"owners"}, "viewer": {"staff", "default"}},
        "bob": {"viewer": {"staff", "default"}},
        "cyd": {"viewer": {"default"}},
    }


async def test_a_default_role_follows_the_users_it_is_given_to(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, [], **default("viewer"))
    seen = len(log.records)
    log.user("eve")
    log.suspend("cyd")
    log.user("dan")
    log.delete_user("ada")

    await feed(database, log, seen)

    assert await held(database, log) == {
        name: {"viewer": {"default"}} for name in ("bob", "dan", "eve")
    }
    told = [
        (row.document["type"].split(".")[2], row.document["data"]["reason"]["kind"])
        for row in await world.outbox(database, log)
        if row.document and "rolesAfter" in row.document["data"]
    ]
    assert told[3:] == [
        ("assigned", "default"),
        ("revoked", "inactive"),
        ("assigned", "default"),
        ("revoked", "deleted"),
    ]


async def test_what_an_edit_leaves_out_stays_and_an_empty_default_takes_it_away(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    staff = log.groups["staff"].id
    await api.map(log, [], strategy="first_match", **default("viewer"))

    kept = await api.map(log, [(staff, "billing")], version=1)
    gone = await api.map(log, [(staff, "billing")], version=2, default={})

    assert (kept.body["strategy"], kept.body["defaultRole"]["key"]) == ("first_match", "viewer")
    assert (gone.body["strategy"], gone.body["defaultRole"]) == ("first_match", None)
    assert {role for _, role in await world.stored(database, log)} == {"billing"}


async def test_a_privileged_default_role_is_given_only_to_who_types_its_name(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.put("/roles/admin", {"name": "Administrator", "privileged": True})

    refused = [await api.map(log, [], **default("admin", typed)) for typed in (None, "admin", "")]
    previewed = await api.preview(log, [], **default("admin"))
    taken = await api.map(log, [], **default("admin", " Administrator "))
    again = await api.map(log, [(log.groups["staff"].id, "viewer")], 1, **default("admin"))

    assert [answer.status for answer in (*refused, previewed)] == [422] * 4
    assert "type its name, Administrator, to confirm" in refused[0].body["detail"]
    assert (taken.status, again.status) == (200, 200)


async def test_a_default_role_must_be_declared(api: Api, log: DirectoryLog) -> None:
    answer = await api.map(log, [], **default("emperor"))

    assert answer.status == 422
    assert "declare it first" in answer.body["detail"]


async def test_a_default_role_goes_only_when_another_takes_its_place(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, [], **default("viewer"))

    refused = await api.remove("viewer")
    done = await api.remove("viewer", replacement="billing")

    assert (refused.status, done.status) == (409, 204)
    assert {role for _, role in await world.stored(database, log)} == {"billing"}


async def test_the_first_group_in_order_decides_by_all_its_rows_and_nobody_elses(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    owners, staff = log.groups["owners"].id, log.groups["staff"].id
    rows = [(owners, "admin"), (staff, "viewer"), (owners, "billing")]

    saved = await api.map(log, rows, strategy="first_match", **default("viewer"))

    assert [(row["groupName"], row["role"]) for row in saved.body["rows"]] == [
        ("Owners", "admin"), ("Owners", "billing"), ("Staff", "viewer"),
    ]  # fmt: skip
    assert await held(database, log) == {
        "ada": {"admin": {"owners"}, "billing": {"owners"}},
        "bob": {"viewer": {"staff"}},
        "cyd": {"viewer": {"default"}},
    }


async def test_another_order_is_another_mapping_under_first_match(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    owners, staff = log.groups["owners"].id, log.groups["staff"].id
    rows = [(owners, "admin"), (staff, "viewer")]
    await api.map(log, rows, strategy="first_match")

    same = await api.map(log, rows, version=1)
    shown = await api.preview(log, rows[::-1], version=1)
    turned = await api.map(log, rows[::-1], version=1)

    assert (same.body["version"], turned.body["version"]) == (1, 2)
    assert [row["groupName"] for row in turned.body["rows"]] == ["Staff", "Owners"]
    assert (shown.body["changing"], len(shown.body["users"])) == (1, 1)
    assert await held(database, log) == {
        "ada": {"viewer": {"staff"}},
        "bob": {"viewer": {"staff"}},
    }


async def test_who_leaves_the_deciding_group_falls_to_the_next(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    owners, staff = log.groups["owners"].id, log.groups["staff"].id
    await api.map(log, [(owners, "admin"), (staff, "viewer")], strategy="first_match")
    seen = len(log.records)
    log.leave("ada", "owners")

    await feed(database, log, seen)

    assert (await held(database, log))["ada"] == {"viewer": {"staff"}}


async def test_who_is_deleted_falls_to_no_other_row_on_the_way_out(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    owners, staff = log.groups["owners"].id, log.groups["staff"].id
    rows = [(owners, "admin"), (staff, "viewer")]
    await api.map(log, rows, strategy="first_match", **default("billing"))
    # She is the last holder of a privileged role.
    await api.put(f"/directories/{log.id}/fence", {"enabled": False})
    seen, told = len(log.records), len(await world.outbox(database, log))
    log.delete_user("ada")

    for one in log.envelopes[seen:]:
        await world.apply(database, [one])

    after = (await world.outbox(database, log))[told:]
    assert [row.document and row.document["type"] for row in after] == [
        None, "rollcall.role.revoked.v1",  # the state first (ADR 0021)
    ]  # fmt: skip


async def test_an_explanation_names_the_group_that_decided_instead(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    owners, staff = log.groups["owners"].id, log.groups["staff"].id
    rows = [(owners, "admin"), (staff, "billing")]
    await api.map(log, rows, strategy="first_match", **default("viewer"))
    users = f"/directories/{log.id}/users"
    words = {
        "ada/roles?role=billing": (
            "The user is in Staff, but Owners comes first in the mapping and decides alone."
        ),
        "bob/roles?role=viewer": (
            "Viewer is the default role, for users whom no row of the mapping matches; Staff does."
        ),
        "dan/roles?role=viewer": (
            "The user is inactive: Viewer is the default role of active users."
        ),
    }

    for path, missing in words.items():
        answer = await api.get(f"{users}/{path}")

        assert (answer.body["roles"], answer.body["missing"]) == ([], missing)


async def test_a_saved_mapping_says_its_options_in_its_event(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    staff = log.groups["staff"].id
    await api.map(log, [(staff, "billing")])
    await api.map(log, [(staff, "billing")], 1, strategy="first_match", **default("viewer"))

    events = [row.document["data"] for row in await world.outbox(database, log)
              if row.document and row.document["type"] == "rollcall.mapping.saved.v1"]  # fmt: skip

    assert not {"strategy", "defaultRole"} & events[0].keys()
    assert events[1]["strategy"] == "first_match"
    assert events[1]["defaultRole"] == {"key": "viewer", "name": "Viewer"}
