"""Who was erased is in no read model any more, whichever topic tells of them last."""

import orjson
import pytest

from services.projector import usecases
from shared import db
from shared.contracts.ids import UserId
from tests.integration.projector import world
from tests.integration.projector.world import Directory

BEFORE, AFTER = "before", "after"


def history() -> tuple[Directory, UserId]:
    """Return a directory whose mira was an admin, left, and is to be forgotten; noor stays."""
    acme = Directory()
    mira, _ = acme.log.user("mira@globex.test"), acme.log.user("noor@globex.test")
    acme.log.group("Admins")
    for name in ("mira@globex.test", "noor@globex.test"):
        acme.log.join(name, "Admins")
        acme.roles.assign(acme.log.users[name], "admin", [acme.log.groups["Admins"]])
    acme.roles.revoke(acme.log.users["mira@globex.test"], "admin")
    acme.log.delete_user("mira@globex.test")
    acme.log.erase(mira)
    return acme, mira


@pytest.mark.parametrize("role_events", [BEFORE, AFTER])
@pytest.mark.parametrize("size", [1, 100])
async def test_nothing_of_an_erased_user_stays_but_that_something_happened(
    database: db.Database, role_events: str, size: int
) -> None:
    acme, mira = history()
    directory = acme.log.envelopes
    batches = [directory[start : start + size] for start in range(0, len(directory), size)]

    if role_events == BEFORE:
        await world.apply_role_events(database, acme.roles.envelopes)
    for batch in batches:
        await world.apply_directory_events(database, batch)
    if role_events == AFTER:
        await world.apply_role_events(database, acme.roles.envelopes)

    rows = {
        table: [row for row in found if acme.id in {row.get("directory_id"), row.get("id")}]
        for table, found in (await world.tables(database)).items()
    }
    stored = orjson.dumps(rows, default=str).decode()
    of_mira = [row for row in rows["events"] if row["user_id"] == mira]
    assert "mira@globex.test" not in stored
    assert "noor@globex.test" in stored
    assert [row["user_id"] for row in rows["erased_users"]] == [mira]
    assert len(of_mira) == 7
    assert {orjson.dumps(row["data"]) for row in of_mira} == {b"{}"}
    assert len(rows["events"]) == len(directory) + len(acme.roles.envelopes)


async def test_who_is_known_is_found_by_id_and_by_name_until_they_are_erased(
    database: db.Database,
) -> None:
    acme, mira = history()
    *before, erased = acme.log.envelopes
    await world.apply_directory_events(database, before)

    by_id = await usecases.known_users(database, acme.id, mira)
    by_name = await usecases.known_users(database, acme.id, "MIRA@globex.test")
    await world.apply_directory_events(database, [erased])

    assert [one.id for one in by_id] == [mira]
    assert by_name == by_id
    assert by_id[0].deleted_at is not None
    assert await usecases.known_users(database, acme.id, mira) == []
    assert await usecases.known_users(database, "nowhere", mira) == []
