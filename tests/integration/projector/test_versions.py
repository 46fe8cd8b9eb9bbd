"""Versions in the database: the first out of what was there before, the live one seen as ever."""

import pytest

from services.projector.domain.versions import State
from services.projector.store import TABLES, checksums
from services.projector.store import versions as store
from services.projector.usecases import versions
from shared import db
from tests.integration.projector import world
from tests.integration.projector.test_service import busy
from tests.integration.projector.world import Portal
from tests.support.servers import Databases

VIEWS = ("directories", "users", "groups", "memberships", "assignments", "mappings", "events")


async def test_read_models_of_the_time_before_versions_become_the_first(
    databases: Databases,
) -> None:
    directory = busy(10)
    async with (
        db.connect(databases.projector, "projector") as old,
        db.connect(databases.portal, "portal") as reading,
    ):
        await db.migrate(old, ["shared", "services.projector"])
        await world.apply(old, directory)
        portal = Portal(reading)
        before = {view: await portal.rows(view, directory.id) for view in VIEWS}

        await versions.migrate(databases.projector)

        after = {view: await portal.rows(view, directory.id) for view in VIEWS}
        another = busy(5)
        await world.apply(old, another)
        written = len(await portal.rows("events", another.id))

    assert after == before
    assert written == len(another.log.records) + len(another.roles.records)


async def test_migrating_again_changes_nothing(databases: Databases, database: db.Database) -> None:
    assert await versions.migrate(databases.projector) == []


async def test_a_version_that_is_filled_has_its_indexes_back_before_it_is_migrated(
    databases: Databases, registry: db.Database
) -> None:
    async with registry.transaction() as tx:
        version = await store.add(tx, State.PREPARING, "test")
        model = await store.one(tx, version)
    await versions.prepare(registry, databases.projector, model)
    async with registry.connection() as connection:
        filling = await store.one(connection, version)
        during = await index_count(connection, version)

    await versions.migrate(databases.projector)

    async with registry.connection() as connection:
        assert await index_count(connection, version) == await index_count(connection, 1)
        assert (await store.one(connection, version)).indexes == ()
    assert during == await count_of_first(registry) - len(filling.indexes)
    assert len(filling.indexes) > 5


async def count_of_first(registry: db.Database) -> int:
    async with registry.connection() as connection:
        return await index_count(connection, 1)


async def index_count(connection: db.Connection, version: int) -> int:
    query = "select count(*) from pg_indexes where schemaname = $1"
    return int(await connection.fetchval(query, f"rm_{version}"))


async def test_every_statement_of_the_registry_fits_it(registry: db.Database) -> None:
    verbs = ("select", "insert", "update", "delete", "with")
    statements = {
        name: value
        for module in (store, checksums)
        for name, value in vars(module).items()
        if isinstance(value, str) and value.strip().startswith(verbs)
    }
    slots = {"live": "rm_1", "new": "rm_1", "schema": "rm_1", "table": "users",
             "key": "directory_id", "columns": "id"}  # fmt: skip

    async with registry.connection() as connection:
        for statement in statements.values():
            await connection.prepare(statement.format("rm_1", "rm_1", **slots))

    assert {"_TAKE", "_SHOW", "_STANDINGS", "_SUM", "_BEHIND"} <= statements.keys()


@pytest.mark.parametrize("table", TABLES)
async def test_each_table_has_a_checksum_that_tells_two_contents_apart(
    database: db.Database, table: str
) -> None:
    directory = busy(4)
    directory.roles.save([(directory.log.groups["owners"], "admin")])
    directory.log.user("mira")
    mira = directory.log.users["mira"].id
    directory.log.delete_user("mira")
    directory.log.erase(mira)
    await world.apply(database, directory)

    async with database.connection() as connection:
        before = await checksums.sums(connection, 1, table, [directory.id])
        await connection.execute(CHANGES[table])
        after = await checksums.sums(connection, 1, table, [directory.id])

    assert before[directory.id].rows == after[directory.id].rows > 0
    assert before != after


CHANGES = {
    "directories": "update directories set name = name || '.'",
    "users": 'update users set resource = resource || \'{"title": "Dr"}\'',
    "groups": "update groups set version = version + 1",
    "memberships": "update memberships set since = since + interval '1 microsecond'",
    "member_counts": "update member_counts set members = members + 1",
    "mappings": "update mappings set role_name = role_name || '.'",
    "assignments": "update assignments set valid_to = now()",
    "events": "update events set subject = subject || '.'",
    "erased_users": "update erased_users set erased_at = erased_at + interval '1 second'",
}


async def test_when_a_copy_was_stored_does_not_count(database: db.Database) -> None:
    directory = busy(4)
    await world.apply(database, directory)

    async with database.connection() as connection:
        before = await checksums.sums(connection, 1, "events", [directory.id])
        await connection.execute(
            "update events set stored_at = stored_at - interval '1 day', published_at = now()"
        )
        after = await checksums.sums(connection, 1, "events", [directory.id])

    assert before == after


async def test_what_a_migration_adds_to_the_live_version_is_seen(registry: db.Database) -> None:
    async with registry.transaction() as tx:
        await tx.execute("alter table rm_1.users add column nickname text")
        await tx.execute("create view rm_1.portal_nicknames as select nickname from rm_1.users")

        await store.show_first(tx, 1)

        assert await tx.fetch("select nickname from users") == []
        assert await tx.fetchval(
            "select has_table_privilege('portal', 'projector.portal_nicknames', 'select')"
        )


PLACES = """
insert into rm_{0}.directory_positions (topic, directory_id, generation, sequence, state, reason)
values ($1, $2, 1, $3, $4, $5)
"""
CASES = {
    "level": (("live", 7), ("live", 7), (True, False, None)),
    "stopped alike": (("parked", 7), ("parked", 7), (True, False, None)),
    "behind": (("live", 7), ("live", 5), (False, False, None)),
    "unknown to the new": (("live", 7), None, (False, False, None)),
    "further than one that stopped": (("stalled", 7), ("live", 9), (False, True, None)),
    "stopped alone": (("live", 7), ("parked", 5), (False, False, "why")),
    "stopped where a snapshot helps": (("live", 7), ("stalled", 5), (False, False, None)),
}


@pytest.mark.parametrize("case", CASES)
async def test_directories_are_compared_where_both_versions_are_at_the_same_place(
    databases: Databases, registry: db.Database, case: str
) -> None:
    directory = busy(1)
    live, new, expected = CASES[case]
    async with registry.transaction() as tx:
        version = await store.add(tx, State.PREPARING, "test")
        model = await store.one(tx, version)
    await versions.prepare(registry, databases.projector, model)
    async with registry.transaction() as tx:
        for schema, place in ((1, live), (version, new)):
            if place:
                await tx.execute(
                    PLACES.format(schema), "healed", directory.id, place[1], place[0],
                    None if place[0] == "live" else "why",
                )  # fmt: skip

        [found] = await checksums.standings(tx, 1, version, ["healed"])

    assert (found.is_level, found.is_ahead, found.parked) == expected
