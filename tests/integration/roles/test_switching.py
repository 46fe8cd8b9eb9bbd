"""Switching a mapping off and on, saving over somebody else's, and taking a role from everybody."""

from shared import db
from tests.integration.roles import world
from tests.integration.roles.company import default, feed, held, told
from tests.integration.roles.world import Api
from tests.support.directory_log import DirectoryLog


def rows(log: DirectoryLog) -> list[tuple[str, str]]:
    return [(log.groups["owners"].id, "admin"), (log.groups["staff"].id, "billing")]


async def test_switching_off_asks_what_becomes_of_what_is_held(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, rows(log))

    refused = await api.map(log, rows(log), 1, enabled=False)

    assert refused.status == 422
    assert "keep them, given by hand (`held` is `keep`), or revoke them" in refused.body["detail"]
    assert (await api.get(f"/directories/{log.id}/mapping")).body["enabled"] is True


async def test_switched_off_what_is_held_is_revoked_and_events_give_nothing(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, rows(log), **default("viewer"))
    shown = await api.preview(log, rows(log), 1, enabled=False, held="revoke")

    off = await api.map(log, rows(log), 1, enabled=False, held="revoke")
    seen = len(log.records)
    log.join("cyd", "owners")
    await feed(database, log, seen)

    assert (shown.body["losing"], shown.body["keeping"]) == (3, 0)
    assert (off.body["enabled"], off.body["kept"], len(off.body["rows"])) == (False, 0, 2)
    assert await held(database, log) == {}
    explained = await api.get(f"/directories/{log.id}/users/cyd/roles")
    assert explained.body["missing"].startswith("The mapping is switched off")
    on = await api.map(log, rows(log), 2, enabled=True)
    assert on.status == 200
    assert (await held(database, log))["cyd"] == {"admin": {"owners"}, "viewer": {"default"}}


async def test_switched_off_what_is_held_is_kept_by_hand_without_a_break(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, rows(log))
    await api.assign(log, "bob", "viewer")
    before = len(await world.outbox(database, log))
    shown = await api.preview(log, rows(log), 1, enabled=False, held="keep")

    off = await api.map(log, rows(log), 1, enabled=False, held="keep", effect=shown.body["effect"])

    assert (shown.body["losing"], shown.body["keeping"]) == (0, 2)
    assert [one["keeps"][0]["key"] for one in shown.body["users"]] == ["admin", "billing"]
    assert (off.status, off.body["kept"]) == (200, 3)
    saved, *kept = await told(database, log, before)
    assert (saved, sorted(kept)) == ("mapping.saved", [
        "manual.assigned ada admin",
        "manual.assigned ada billing",
        "manual.assigned bob billing",
    ])  # fmt: skip
    assert await held(database, log) == {
        "ada": {"admin": {"manual"}, "billing": {"manual"}},
        "bob": {"billing": {"manual"}, "viewer": {"manual"}},
    }


async def test_switched_on_again_what_was_kept_stays_or_ends_and_the_applications_stays(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, rows(log))
    await api.assign(log, "bob", "viewer")
    await api.map(log, rows(log), 1, enabled=False, held="keep")
    seen = len(log.records)
    log.leave("ada", "owners")
    await feed(database, log, seen)
    await api.assign(log, "bob", "billing")

    refused = await api.map(log, rows(log), 2, enabled=True)
    shown = await api.preview(log, rows(log), 2, enabled=True, held="revoke")
    on = await api.map(log, rows(log), 2, enabled=True, held="revoke")

    assert refused.status == 422
    assert "2 roles were kept by hand" in refused.body["detail"]
    assert (shown.body["losing"], shown.body["gaining"]) == (1, 0)
    assert (on.body["enabled"], on.body["kept"]) == (True, 0)
    assert await held(database, log) == {
        "ada": {"billing": {"staff"}},
        "bob": {"billing": {"staff", "manual"}, "viewer": {"manual"}},
    }


async def test_a_stale_save_is_told_both_versions_and_what_differs(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, rows(log))
    owners = log.groups["owners"].id

    stale = await api.map(log, [(owners, "viewer")], strategy="first_match", **default("viewer"))

    assert stale.status == 409
    assert stale.headers["Content-Type"].startswith("application/problem+json")
    assert (stale.body["yours"]["version"], stale.body["stored"]["version"]) == (0, 1)
    assert [row["role"] for row in stale.body["yours"]["rows"]] == ["viewer"]
    assert stale.body["stored"] == (await api.get(f"/directories/{log.id}/mapping")).body
    assert stale.body["differences"] == [
        "Yours gives Owners the role Viewer; the stored one does not.",
        "The stored one gives Owners the role Admin; yours does not.",
        "The stored one gives Staff the role Billing; yours does not.",
        "In yours the first matching row decides; in the stored one every row counts.",
        "In yours Viewer is the default role; in the stored one there is no default role.",
    ]


async def test_a_stale_save_is_told_another_order_and_that_it_was_switched(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.map(log, rows(log), strategy="first_match")

    stale = await api.map(log, rows(log)[::-1], strategy="first_match", enabled=False)
    same = await api.map(log, rows(log))

    assert stale.body["differences"] == [
        "In yours the order is Staff, Owners; in the stored one Owners, Staff.",
        "Yours is off; the stored one is on.",
    ]
    assert (same.status, same.body["differences"]) == (409, [])
    assert "Both say the same" in same.body["detail"]


async def test_a_privileged_role_is_taken_from_everybody_only_if_it_is_said_twice(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.put("/roles/admin", {"name": "Administrator", "privileged": True})
    await api.map(log, rows(log))
    left = rows(log)[1:]

    shown = await api.preview(log, left, 1)
    refused = await api.map(log, left, 1)
    before = await held(database, log)
    done = await api.map(log, left, 1, losses=["admin"])

    assert shown.body["losses"] == [{"key": "admin", "name": "Administrator"}]
    assert refused.status == 422
    assert refused.body["losses"] == shown.body["losses"]
    assert "Nobody in this directory would hold Administrator" in refused.body["detail"]
    assert before["ada"] == {"admin": {"owners"}, "billing": {"staff"}}
    assert done.status == 200


async def test_a_privileged_role_that_somebody_keeps_by_hand_may_go_from_the_mapping(
    api: Api, database: db.Database, log: DirectoryLog
) -> None:
    await api.put("/roles/admin", {"name": "Administrator", "privileged": True})
    await api.map(log, rows(log))
    await api.assign(log, "cyd", "admin")

    done = await api.map(log, rows(log)[1:], 1)

    assert done.status == 200
    assert (await held(database, log))["cyd"] == {"admin": {"manual"}}
