"""What concerns many reaches them in chunks: the same ends, and the same events, as at once."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from services.roles.usecases import removal, settling
from services.roles.usecases.settling import Ahead
from shared import db
from shared.contracts.ids import GroupId
from tests.integration.roles import world
from tests.integration.roles.test_store import replay
from tests.integration.roles.world import Answer, Api
from tests.support.directory_log import DirectoryLog
from tests.support.histories import History, cuts, often_saved
from tests.support.waiting import eventually

PEOPLE = 25


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large: more than 4 users; a chunk is 3, a page 7."""
    monkeypatch.setattr(settling, "MOST_AT_ONCE", 4)
    monkeypatch.setattr(settling, "_CHUNK", 3)
    monkeypatch.setattr(settling, "_PAGE", 7)


@pytest.fixture
async def globex(api: Api, database: db.Database) -> DirectoryLog:
    """25 people are in Owners, 3 of them also in Staff; three roles are declared, no fence."""
    log = DirectoryLog()
    for name in ("owners", "staff"):
        log.group(name)
    for number in range(PEOPLE):
        log.user(f"user {number}")
        log.join(f"user {number}", "owners")
    for number in range(3):
        log.join(f"user {number}", "staff")
    await api.declare("admin", "billing", "viewer")
    await world.apply(database, log.envelopes)
    await api.put(f"/directories/{log.id}/fence", {"enabled": False})
    return log


def owners(log: DirectoryLog) -> GroupId:
    return log.groups["owners"].id


async def finish(database: db.Database) -> int:
    """Let all rollouts end; return in how many chunks."""
    ahead, chunks = Ahead(), 0
    while await settling.advance(database, ahead):
        chunks += 1
    await removal.finish(database)
    return chunks


async def told(database: db.Database, log: DirectoryLog) -> list[tuple[str, str, str]]:
    """Return the role events in the outbox: the verb, the kind of cause, and its id."""
    return [
        (row.document["type"].split(".")[2], row.document["data"]["cause"]["kind"],
         row.document["data"]["cause"]["id"])
        for row in await world.outbox(database, log)
        if row.document and row.document["type"].startswith("rollcall.role.")
        and row.topic == "role.events.v1"
    ]  # fmt: skip


def applying(answer: Answer) -> tuple[int, int] | None:
    found = answer.body["applying"]
    return found and (found["done"], found["total"])


async def test_a_large_save_is_answered_before_everybody_is_reached_and_says_how_far_it_is(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    saved = await api.map(globex, [(owners(globex), "admin")])
    at_first = await told(database, globex)
    ahead = Ahead()
    for _ in range(2):
        await settling.advance(database, ahead)
    midway = await api.get(f"/directories/{globex.id}/mapping")

    chunks = await finish(database)

    assert (saved.status, applying(saved), at_first) == (200, (0, PEOPLE), [])
    assert applying(midway) == (6, PEOPLE)
    assert chunks == 7
    assert applying(await api.get(f"/directories/{globex.id}/mapping")) is None
    assert len(await world.stored(database, globex)) == PEOPLE
    [cause] = {(verb, kind, act) for verb, kind, act in await told(database, globex)}
    assert cause[:2] == ("assigned", "mapping")


async def test_a_small_save_is_done_when_it_is_answered(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    saved = await api.map(globex, [(globex.groups["staff"].id, "admin")])

    assert applying(saved) is None
    assert len(await world.stored(database, globex)) == 3


async def test_what_was_previewed_is_what_a_rollout_tells(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    shown = (await api.preview(globex, [(owners(globex), "admin")])).body

    saved = await api.map(globex, [(owners(globex), "admin")], effect=shown["effect"])
    await finish(database)

    assert saved.status == 200
    assert shown["gaining"] == len(await told(database, globex)) == PEOPLE


async def test_a_large_save_is_refused_when_another_effect_was_previewed(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    shown = (await api.preview(globex, [(owners(globex), "admin")])).body
    seen = len(globex.records)
    globex.leave("user 7", "owners")
    await world.apply(database, globex.envelopes[seen:])

    answer = await api.map(globex, [(owners(globex), "admin")], effect=shown["effect"])

    assert answer.status == 409
    assert "preview it again" in answer.body["detail"]
    assert applying(await api.get(f"/directories/{globex.id}/mapping")) is None


async def test_somebody_who_leaves_while_the_effect_is_looked_at_is_noticed_under_the_lock(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    shown = (await api.preview(globex, [(owners(globex), "admin")])).body
    seen = len(globex.records)
    globex.leave("user 7", "owners")

    async with database.transaction() as tx:
        await tx.execute("select from directories where id = $1 for update", globex.id)
        async with asyncio.TaskGroup() as tasks:
            rows = [(owners(globex), "admin")]
            save = tasks.create_task(api.map(globex, rows, effect=shown["effect"]))
            await eventually(lambda: waits_for_a_lock(database), within_s=5)
            await world.consumer.apply(tx, globex.envelopes[seen:])
            await tx.execute("commit")
            await tx.execute("begin")

    assert save.result().status == 409
    assert await world.stored(database, globex) == {}


async def waits_for_a_lock(database: db.Database) -> bool:
    async with database.connection() as connection:
        return bool(await connection.fetchval("select exists (select from pg_locks "
                                              "where not granted)"))  # fmt: skip


async def test_an_event_in_the_middle_finds_its_user_settled_by_the_save(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    await api.map(globex, [(owners(globex), "admin")])
    await settling.advance(database, Ahead())
    seen = len(globex.records)
    for number in range(PEOPLE):
        globex.leave(f"user {number}", "owners")

    await world.apply(database, globex.envelopes[seen:])
    await finish(database)

    verbs = [(verb, kind) for verb, kind, _ in await told(database, globex)]
    assert verbs.count(("assigned", "mapping")) == PEOPLE
    assert verbs.count(("revoked", "scim")) == PEOPLE
    assert len(verbs) == 2 * PEOPLE
    assert await world.stored(database, globex) == {}


async def test_a_second_save_finds_the_first_one_done_for_each_user(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    await api.map(globex, [(owners(globex), "admin")])
    await settling.advance(database, Ahead())
    shown = (await api.preview(globex, [(owners(globex), "billing")], version=1)).body
    await settling.advance(database, Ahead())

    saved = await api.map(globex, [(owners(globex), "billing")], version=1, effect=shown["effect"])
    small = await api.map(
        globex, [(owners(globex), "billing"), (globex.groups["staff"].id, "viewer")], version=2
    )
    await finish(database)

    assert (saved.status, small.status) == (200, 200)
    assert shown["changing"] == PEOPLE
    assert applying(saved) == (6, 2 * PEOPLE)
    found = [verb for verb, _, _ in await told(database, globex)]
    assert (found.count("assigned"), found.count("revoked")) == (2 * PEOPLE + 3, PEOPLE)
    roles = [role for _, role in await world.stored(database, globex)]
    assert (roles.count("billing"), roles.count("viewer"), len(roles)) == (PEOPLE, 3, PEOPLE + 3)


async def test_saves_that_pile_up_are_refused_until_some_are_done(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    rows = [[(owners(globex), role)] for role in ("admin", "billing")]
    answers = [await api.map(globex, rows[number % 2], version=number) for number in range(17)]

    await finish(database)
    again = await api.map(globex, rows[0], version=16)

    assert [one.status for one in answers] == [200] * 16 + [409]
    assert "16 saves" in answers[-1].body["detail"]
    assert again.status == 200


async def test_two_workers_reach_everybody_once(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    await api.map(globex, [(owners(globex), "admin")])

    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(finish(database))
    await finish(database)

    assert len(await told(database, globex)) == PEOPLE
    assert len(await world.stored(database, globex)) == PEOPLE


async def test_a_removed_role_goes_once_nobody_holds_it_any_more(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    await api.map(globex, [(owners(globex), "admin")])
    await finish(database)

    asked = await api.remove("admin", replacement="billing")
    meanwhile = {role["key"]: role["leaving"] for role in (await api.get("/roles")).body["items"]}
    refused = await api.map(globex, [(owners(globex), "admin")], version=2)
    await finish(database)

    assert asked.status == 202
    assert meanwhile == {"admin": True, "billing": False, "viewer": False}
    assert refused.status == 422
    assert "is being removed" in refused.body["detail"]
    assert {role["key"] for role in (await api.get("/roles")).body["items"]} == {
        "billing", "viewer",
    }  # fmt: skip
    assert {role for _, role in await world.stored(database, globex)} == {"billing"}
    assert await world.audited(database) == ["fence.changed", "role.removed"]


async def test_a_role_that_is_declared_again_stays(
    api: Api, database: db.Database, globex: DirectoryLog
) -> None:
    await api.map(globex, [(owners(globex), "admin")])
    await api.remove("admin", replacement="billing")

    await api.declare("admin")
    await finish(database)

    assert {role["key"] for role in (await api.get("/roles")).body["items"]} == {
        "admin", "billing", "viewer",
    }  # fmt: skip


@pytest.mark.parametrize("is_behind_gap", [True, False])
async def test_the_end_of_a_snapshot_reaches_everybody_in_chunks(
    api: Api, database: db.Database, globex: DirectoryLog, *, is_behind_gap: bool
) -> None:
    await api.map(globex, [(owners(globex), "admin")])
    await finish(database)
    known = len(globex.records)
    for number in range(8):
        globex.leave(f"user {number}", "owners")
    for number in range(8, 13):
        globex.delete_user(f"user {number}")
    globex.begin()
    begin = globex.envelopes[-1]
    seen = len(globex.records)
    globex.end()
    events = [replace(begin, is_behind_gap=is_behind_gap), *globex.envelopes[seen:]]

    await world.apply(database, events)
    unfinished = await world.stored(database, globex)
    chunks = await finish(database)

    assert known < seen
    assert len(unfinished) == PEOPLE
    assert chunks == 9
    stayed = {(globex.users[f"user {number}"].id, "admin") for number in range(13, PEOPLE)}
    assert set(await world.stored(database, globex)) == stayed
    lost = [(verb, kind) for verb, kind, _ in await told(database, globex)][PEOPLE:]
    assert lost == [("revoked", "resync")] * 13
    async with database.connection() as connection:
        left = await connection.fetchval(
            "select count(*) from users where directory_id = $1", globex.id
        )
    assert left == PEOPLE - 5


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(often_saved(), cuts)
async def test_random_histories_end_as_the_rule_says(
    database: db.Database, monkeypatch: pytest.MonkeyPatch, history: History, at: list[int]
) -> None:
    monkeypatch.setattr(settling, "MOST_AT_ONCE", 0)
    monkeypatch.setattr(settling, "_CHUNK", 1)

    await replay(database, history, at)
    await finish(database)

    log = history.log
    assert await world.stored(database, log) == history.expected()
    events = [
        row.document for row in await world.outbox(database, log)
        if row.document and row.topic == "role.events.v1"
    ]  # fmt: skip
    assert world.held(events) == set(history.expected())
