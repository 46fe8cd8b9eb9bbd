"""A lookup in 100,000 users uses an index, whichever plan Postgres keeps for it."""

import uuid
from collections.abc import AsyncIterator

import pytest

from services.ingest.scim.definitions import GROUP, USER
from services.ingest.scim.search import SearchRequest
from services.ingest.store import pages
from services.ingest.usecases import reading
from shared import db
from shared.contracts.ids import DirectoryId
from tests.support.servers import Databases

DIRECTORY = DirectoryId(str(uuid.uuid4()))
SOMEBODY = str(uuid.UUID(int=77))
_FILL = (
    "insert into organizations (id, name, created_at) values ('{d}', 'Acme', now())",
    """
insert into directories (id, organization_id, name, provider, created_at)
values ('{d}', '{d}', 'Acme', 'generic', now())
""",
    """
insert into users (directory_id, id, name_key, external_id, document, display_key, email_keys,
                   created_at, updated_at)
select '{d}', lpad(to_hex(n), 32, '0')::uuid, 'user' || n, 'x' || n,
       jsonb_build_object('userName', 'user' || n, 'displayName', 'User ' || n,
                          'active', n % 50 <> 0,
                          'emails', jsonb_build_array(jsonb_build_object(
                            'value', 'User' || n || '@Globex.test', 'type', 'work'))),
       'user ' || n, array['user' || n || '@globex.test'], now(), now()
from generate_series(1, 100000) as n
""",
    """
insert into groups (directory_id, id, name_key, external_id, document, created_at, updated_at)
select '{d}', lpad(to_hex(n), 32, '0')::uuid, 'group' || n, 'x' || n,
       jsonb_build_object('displayName', 'group' || n), now(), now()
from generate_series(1, 10000) as n
""",
    """
insert into memberships (directory_id, group_id, user_id)
select '{d}', lpad(to_hex(1 + n % 10000), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid
from generate_series(1, 100000) as n
""",
)


@pytest.fixture(scope="module")
async def connection(databases: Databases) -> AsyncIterator[db.Connection]:
    """A connection as in production, on a directory of 100,000 users."""
    async with db.connect(databases.ingest, "ingest") as database:
        await db.migrate(database, ["shared", "services.ingest"])
        async with database.connection() as found:
            await found.execute("set statement_timeout = 0")
            for statement in _FILL:
                await found.execute(statement.format(d=DIRECTORY), timeout=300)
            await found.execute("vacuum analyze users", timeout=100)
            await found.execute("vacuum analyze groups")
            await found.execute("vacuum analyze memberships")
            yield found


async def _plans(connection: db.Connection, statement: str, values: list[object]) -> str:
    """Return the plans for known and for unknown values: Postgres changes from one to the other."""
    found = []
    for mode in ("force_custom_plan", "force_generic_plan"):
        await connection.execute(f"set plan_cache_mode = {mode}")
        found += [row[0] for row in await connection.fetch(f"explain {statement}", *values)]
    return "\n".join(found)


LOOKUPS = [
    (USER, f'id eq "{SOMEBODY}"', "users_pkey"),
    (USER, 'userName eq "USER77"', "users_name_key"),
    (USER, 'externalId eq "x77"', "users_external_id_idx"),
    (USER, 'displayName eq "user 77"', "users_display_idx"),
    (USER, 'emails.value eq "user77@globex.test"', "users_emails_idx"),
    (USER, 'emails eq "user77@globex.test"', "users_emails_idx"),
    (USER, 'emails[type eq "work" and value eq "user77@globex.test"]', "users_emails_idx"),
    (USER, f'groups.value eq "{SOMEBODY}"', "memberships_pkey"),
    (USER, "active eq false", "users_"),
    (USER, "active eq true", "users_"),
    (GROUP, f'id eq "{SOMEBODY}"', "groups_pkey"),
    (GROUP, 'displayName eq "GROUP77"', "groups_name_key"),
    (GROUP, 'externalId eq "x77"', "groups_external_id_idx"),
    (GROUP, f'members.value eq "{SOMEBODY}"', "memberships_user_idx"),
    (GROUP, f'members eq "{SOMEBODY}"', "memberships_user_idx"),
]


@pytest.mark.parametrize(("kind", "text", "index"), LOOKUPS, ids=[each[1] for each in LOOKUPS])
async def test_a_lookup_reads_no_table_from_end_to_end(
    connection: db.Connection, kind, text: str, index: str
) -> None:
    parts = reading.parts([kind], SearchRequest(filter=text))

    page = await _plans(connection, *pages.page_statement(DIRECTORY, parts, pages.Window(101)))
    count = await _plans(connection, *pages.count_statement(DIRECTORY, parts))

    for plan in (page, count):
        assert "Seq Scan" not in plan
        assert index in plan


async def test_a_page_by_cursor_starts_where_the_last_ended(connection: db.Connection) -> None:
    parts = reading.parts([USER], SearchRequest(sort_by="userName"))
    window = pages.Window(101, after=pages.Place("user5", SOMEBODY))

    plan = await _plans(connection, *pages.page_statement(DIRECTORY, parts, window))

    assert plan.count("Index Scan using users_name_key") == 2
    starts = [each for each in plan.splitlines() if "Index Cond" in each and "name_key" in each]
    assert len(starts) == 2, plan
