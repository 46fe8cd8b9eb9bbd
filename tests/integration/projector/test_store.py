"""The read models are a function of the log; every statement is one that Postgres takes."""

from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.projector import store
from shared import db
from shared.contracts.envelope import Envelope
from tests.integration.projector import world
from tests.integration.projector.world import Directory, Portal
from tests.support.directory_log import DirectoryLog
from tests.support.histories import ROLES, History, cuts, histories, holed, parts, without_snapshots

_VERBS = ("select", "insert", "update", "delete", "with")


def statements() -> Iterator[tuple[str, str]]:
    for name, value in vars(store).items():
        if isinstance(value, str) and value.strip().startswith(_VERBS):
            yield name, value


async def test_every_statement_fits_the_migrated_schema(database: db.Database) -> None:
    found = dict(statements())

    async with database.connection() as connection:
        for statement in found.values():
            await connection.prepare(statement)

    assert {"_PUT_USERS", "_PUT_MEMBERSHIPS", "_PUT_EVENTS", "_BEGIN"} <= found.keys()


async def test_every_column_that_the_portal_was_promised_is_there(portal: Portal) -> None:
    promised = {
        "directories": "id organization_id name provider created_at users active_users groups "
        "mapped_groups last_event_at deleted_at",
        "users": "directory_id id user_name display_name email active external_id resource "
        "version created_at updated_at deleted_at",
        "groups": "directory_id id display_name external_id members created_at updated_at "
        "deleted_at",
        "memberships": "directory_id group_id user_id since",
        "assignments": "directory_id user_id role_key role_name reason cause valid_from valid_to",
        "mappings": "directory_id group_id role_key role_name",
        "events": "directory_id topic generation sequence id type subject time stored_at user_id "
        "group_id cause data published_at",
        "delays": "directory_id topic state since",
        "positions": "directory_id topic generation sequence",
    }

    async with portal.database.connection() as connection:
        found = {
            view: {
                one.name
                for one in (
                    await connection.prepare(f"select * from projector.portal_{view}")
                ).get_attributes()
            }
            for view in promised
        }

    assert found == {view: set(columns.split()) for view, columns in promised.items()}


transitions = st.lists(
    st.tuples(
        st.sampled_from(["assign", "revoke"]), st.integers(min_value=0), st.sampled_from(ROLES)
    ),
    max_size=30,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories(), transitions, cuts, cuts)
async def test_however_the_log_is_cut_the_same_rows_result(
    database: db.Database,
    history: History,
    steps: list[tuple[str, int, str]],
    some: list[int],
    others: list[int],
) -> None:
    directory = Directory(history.log)
    users = list(history.log.users.values())
    for verb, number, role in steps if users else []:
        getattr(directory.roles, verb)(users[number % len(users)], role)
    await world.forget(database)

    await world.apply(database, directory)
    whole = await world.tables(database)
    await world.forget(database)
    # The other topic first: no order is assumed between the two.
    for part in parts(directory.roles.envelopes, some):
        await world.apply_role_events(database, part)
    for part in parts(directory.log.envelopes, others):
        await world.apply_directory_events(database, part)

    assert await world.tables(database) == whole


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories(), cuts)
async def test_the_views_show_what_the_history_comes_to(
    database: db.Database, portal: Portal, history: History, at: list[int]
) -> None:
    log = history.log

    for part in parts(log.envelopes, at):
        await world.apply_directory_events(database, part)

    await assert_shown(portal, log)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(holed(), cuts)
async def test_who_missed_a_part_comes_to_the_same_by_a_snapshot(
    database: db.Database,
    portal: Portal,
    drawn: tuple[History, list[Envelope]],
    at: list[int],
) -> None:
    history, envelopes = drawn

    for part in parts(envelopes, at):
        await world.apply_directory_events(database, part)

    await assert_shown(portal, history.log)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories(), cuts)
async def test_a_snapshot_changes_no_row_of_who_missed_nothing(
    database: db.Database, history: History, at: list[int]
) -> None:
    await world.forget(database)
    await world.apply_directory_events(database, without_snapshots(history).log.envelopes)
    plain = told(await world.tables(database))
    await world.forget(database)

    for part in parts(history.log.envelopes, at):
        await world.apply_directory_events(database, part)

    assert told(await world.tables(database)) == plain


def told(tables: dict[str, world.Rows]) -> dict[str, world.Rows]:
    """Return the rows without which event told of them last: that is all a snapshot changes."""
    return {
        name: [
            {key: value for key, value in row.items() if key not in {"generation", "sequence"}}
            for row in rows
        ]
        for name, rows in tables.items()
        if name != "events"
    }


async def assert_shown(portal: Portal, log: DirectoryLog) -> None:
    """Compare what the portal sees with what the history comes to."""
    users = await portal.rows("users", log.id)
    groups = await portal.rows("groups", log.id)
    members = await portal.rows("memberships", log.id)
    summary = await portal.one("directories", log.id)
    there = [user for user in users if user["deleted_at"] is None]
    assert {(user["id"], user["user_name"], user["active"]) for user in there} == {
        (user.id, user.user_name, user.active) for user in log.users.values()
    }
    assert {one["id"]: one["display_name"] for one in groups if one["deleted_at"] is None} == {
        group.id: group.display_name for group in log.groups.values()
    }
    edges = [(log.groups[group].id, log.users[user].id) for user, group in log.edges]
    assert {(one["group_id"], one["user_id"]) for one in members} == set(edges)
    assert {one["id"]: one["members"] for one in groups if one["members"]} == {
        group: sum(group == other for other, _ in edges) for group, _ in edges
    }
    assert (summary["users"], summary["groups"]) == (len(log.users), len(log.groups))
    assert summary["active_users"] == sum(user.active for user in log.users.values())
    assert summary["last_event_at"] == log.envelopes[-1].time
