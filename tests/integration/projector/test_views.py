"""What the portal reads: who holds what and why, who held what on a date, pages and searches."""

from dataclasses import replace

import asyncpg
import pytest

from shared import db
from shared.contracts.envelope import Position
from tests.integration.projector import world
from tests.integration.projector.world import Directory, Portal
from tests.support.directory_log import DirectoryLog


@pytest.fixture
def directory() -> Directory:
    """Ada is in `owners` and `staff`; both are mapped to admin, and she holds it for owners."""
    made = Directory()
    log = made.log
    log.user("ada")
    for group in ("owners", "staff"):
        log.group(group)
        log.join("ada", group)
    made.roles.save([(log.groups[name], "admin") for name in ("owners", "staff")])
    made.roles.assign(log.users["ada"], "admin", [log.groups["owners"]])
    return made


def names(row: dict[str, dict[str, list[dict[str, str]]]]) -> list[str]:
    return [group["displayName"] for group in row["reason"]["groups"]]


async def test_a_held_role_names_all_groups_that_grant_it_now(
    database: db.Database, portal: Portal, directory: Directory
) -> None:
    await world.apply(database, directory)

    held = await portal.one("assignments", directory.id)

    assert (held["role_key"], held["valid_to"], names(held)) == ("admin", None, ["owners", "staff"])


async def test_a_role_that_is_over_names_the_groups_of_its_time(
    database: db.Database, portal: Portal, directory: Directory
) -> None:
    directory.roles.revoke(directory.log.users["ada"], "admin")
    await world.apply(database, directory)

    over = await portal.one("assignments", directory.id)

    assert names(over) == ["owners"]
    assert over["valid_to"] == directory.roles.envelopes[-1].time


async def test_who_held_what_on_a_date_can_be_told(
    database: db.Database, portal: Portal, directory: Directory
) -> None:
    ada, roles = directory.log.users["ada"], directory.roles
    roles.revoke(ada, "admin")
    roles.assign(ada, "admin")
    await world.apply(database, directory)
    times = [event.time for event in roles.envelopes]

    rows = await portal.rows("assignments", directory.id)

    held = sorted((row["valid_from"], row["valid_to"]) for row in rows if row["valid_to"])
    assert held == [(times[1], times[2])]
    assert [row["valid_from"] for row in rows if row["valid_to"] is None] == [times[3]]


async def test_a_generation_that_counts_from_one_again_keeps_the_assignments_before_it(
    database: db.Database, portal: Portal, directory: Directory
) -> None:
    directory.roles.revoke(directory.log.users["ada"], "admin")
    first = directory.roles.envelopes
    again = [replace(one, position=Position(2, one.position.sequence)) for one in first]

    await world.apply_role_events(database, first)
    await world.apply_role_events(database, again)

    assert len(await portal.rows("assignments", directory.id)) == 2


async def test_role_events_that_overtake_the_directory_are_shown_once_it_is_there(
    database: db.Database, portal: Portal, directory: Directory
) -> None:
    await world.apply_role_events(database, directory.roles.envelopes)
    early = await portal.one("assignments", directory.id)

    await world.apply_directory_events(database, directory.log.envelopes)

    assert names(early) == ["owners"]
    assert names(await portal.one("assignments", directory.id)) == ["owners", "staff"]
    assert (await portal.one("directories", directory.id))["mapped_groups"] == 2


async def test_a_saved_mapping_replaces_the_one_before(
    database: db.Database, portal: Portal, directory: Directory
) -> None:
    await world.apply(database, directory)
    directory.roles.save([(directory.log.groups["staff"], "viewer")])

    await world.apply_role_events(database, directory.roles.envelopes[-1:])

    mapping = await portal.one("mappings", directory.id)
    assert (mapping["group_id"], mapping["role_key"]) == (
        directory.log.groups["staff"].id,
        "viewer",
    )


async def test_the_log_shows_each_event_with_its_cause_and_whom_it_is_about(
    database: db.Database, portal: Portal, directory: Directory
) -> None:
    await world.apply(database, directory)

    events = await portal.rows("events", directory.id)

    total = len(directory.log.records) + len(directory.roles.records)
    assert len(events) == total
    [joined] = [one for one in events if one["sequence"] == 4 and "directory" in one["topic"]]
    assert joined["type"] == "rollcall.membership.added.v1"
    assert joined["user_id"] == directory.log.users["ada"].id
    assert joined["group_id"] == directory.log.groups["owners"].id
    assert joined["cause"]["actor"] == "token:k7Jq"
    assert joined["stored_at"] > joined["time"]


async def test_what_one_directory_does_shows_in_no_other(
    database: db.Database, portal: Portal, directory: Directory
) -> None:
    other = Directory(DirectoryLog())
    await world.apply(database, directory)

    await world.apply(database, other)

    summary = await portal.one("directories", other.id)
    assert (summary["users"], summary["groups"], summary["mapped_groups"]) == (0, 0, 0)
    for view in ("users", "groups", "memberships", "assignments", "mappings"):
        assert await portal.rows(view, other.id) == []


async def test_a_membership_of_a_group_not_seen_yet_counts_once_it_is(
    database: db.Database, portal: Portal, directory: Directory
) -> None:
    events = directory.log.envelopes
    created, rest = [events[2]], [*events[:2], *events[3:]]

    await world.apply_directory_events(database, rest)
    await world.apply_directory_events(database, created)

    groups = await portal.rows("groups", directory.id)
    assert {group["members"] for group in groups} == {1}


async def test_the_portal_may_read_its_views_and_nothing_else(
    portal: Portal, directory: Directory
) -> None:
    async with portal.database.connection() as connection:
        for statement in (
            "select * from projector.users",
            "delete from projector.portal_mappings",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


LISTS = {
    "users_page_idx": """
select id from users where directory_id = $1 and deleted_at is null
  and (lower(user_name), id) > ('user 5', $1) order by lower(user_name), id limit 50""",
    "users_updated_idx": """
select id from users where directory_id = $1 and (updated_at, id) > (to_timestamp(0), $1)
order by updated_at, id limit 50""",
    "users_user_name_idx": """
select id from users where directory_id = $1 and lower(user_name) like 'user 77%'""",
    "users_display_name_idx": """
select id from users where directory_id = $1 and lower(display_name) like 'user 77%'""",
    "users_email_idx": """
select id from users where directory_id = $1 and lower(email) like 'user 77%'""",
    "groups_page_idx": """
select id from groups where directory_id = $1 and deleted_at is null
order by lower(display_name), id limit 50""",
    "groups_display_name_idx": """
select id from groups where directory_id = $1 and lower(display_name) like 'group 77%'""",
    "events_time_idx": """
select id from events where directory_id = $1 order by time desc limit 50""",
    "events_user_idx": """
select id from events where directory_id = $1 and user_id = $1 order by time desc limit 50""",
    "events_group_idx": """
select id from events where directory_id = $1 and group_id = $1 order by time desc limit 50""",
}
CROWD = """
insert into users
select '{0}', gen_random_uuid(), 'user ' || n, 'user ' || n, 'user ' || n, null, n % 2 = 0, '{{}}',
  1, now(), now() + n * interval '1 s' from generate_series(1, 3000) as n;
insert into groups
select '{0}', gen_random_uuid(), 'group ' || n, null, '{{}}', 1, now(), now()
from generate_series(1, 3000) as n;
insert into events
select '{0}', 'a topic', 1, n, n, 'a type', '', now() + n * interval '1 s', now(),
  gen_random_uuid(), gen_random_uuid(), '{{}}', '{{}}' from generate_series(1, 3000) as n;
analyze users, groups, events
"""


async def test_the_lists_of_the_portal_are_read_from_an_index_without_sorting(
    database: db.Database,
) -> None:
    directory = Directory().id
    async with database.connection() as connection:
        await connection.execute(CROWD.format(directory))

        plans = {
            index: "\n".join(
                row[0] for row in await connection.fetch(f"explain {query}", directory)
            )
            for index, query in LISTS.items()
        }

    assert [index for index, plan in plans.items() if index not in plan or "Sort" in plan] == []
