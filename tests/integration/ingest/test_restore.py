"""Ingest's database goes back in time; who consumes its events follows, and goes on (row 37)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession

from services.ingest.usecases import generations
from shared import db
from shared.contracts.ids import DirectoryId
from tests.integration.ingest.client import Client
from tests.integration.roles import service as roles
from tests.integration.roles.world import Api
from tests.support.directory_log import DirectoryLog
from tests.support.servers import Databases, Servers
from tests.support.service import Service
from tests.support.waiting import eventually

TABLES = ("users", "groups", "memberships", "directory_sequences", "relay_positions", "outbox")
COLUMNS = """
select string_agg(quote_ident(column_name), ', ') from information_schema.columns
where table_schema = 'ingest' and table_name = $1 and is_generated = 'NEVER'
"""


@pytest.fixture
async def api(servers: Servers, databases: Databases) -> AsyncIterator[Api]:
    """The roles service beside ingest."""
    async with db.connect(databases.roles, "roles") as database:
        await db.migrate(database, ["shared", "services.roles"])
    async with roles.running(servers, databases) as service, ClientSession() as session:
        yield Api(session, service.url)


async def back_up(database: db.Database) -> None:
    async with database.connection() as connection:
        for table in TABLES:
            await connection.execute(f"create table old_{table} as select * from {table}")


async def restore(database: db.Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(f"truncate {', '.join(TABLES)}")
        for table in TABLES:
            columns = await tx.fetchval(COLUMNS, table)
            await tx.execute(
                f"insert into {table} ({columns}) overriding system value "
                f"select {columns} from old_{table}"
            )


async def test_roles_follow_a_database_that_went_back_in_time_and_go_on_from_there(
    client: Client, service: Service, databases: Databases, servers: Servers, api: Api
) -> None:
    ada = await client.user("ada")
    admins = await client.group("Admins", ada)
    mapping = {"version": 0, "rows": [{"groupId": admins, "role": "admin"}]}
    await api.declare("admin")

    async def is_mapped() -> bool:
        answer = await api.put(f"/directories/{client.directory}/mapping", mapping)
        return answer.status == 200

    async def holds(user: str) -> bool:
        answer = await api.get(f"/directories/{client.directory}/users/{user}/roles")
        return answer.status == 200 and bool(answer.body["roles"])

    async def holds_not(user: str) -> bool:
        return not await holds(user)

    await eventually(is_mapped)
    async with db.connect(databases.ingest, "ingest", max_size=1) as database:
        await service.stop()
        await back_up(database)
        await service.start()
        bob = await client.user("bob")
        await client.patch_members("add", admins, bob)
        await eventually(lambda: holds(bob), within_s=20)
        await service.stop()

        await restore(database)
        await generations.renew(database, "operator", datetime.now(UTC))
        await service.start()

    await eventually(lambda: holds_not(bob), within_s=30)
    cyd = await client.user("cyd")
    await client.patch_members("add", admins, cyd)
    await eventually(lambda: holds(cyd), within_s=20)
    assert await holds(ada)
    log = DirectoryLog(id=DirectoryId(client.directory))
    events = [one.document for one in await roles.Log(servers.kafka).events(log)]
    told = [
        (one["type"].split(".")[2], one["data"]["user"]["id"], one["data"]["reason"]["kind"])
        for one in events
        if "role" in one["data"]
    ]
    assert told == [
        ("assigned", ada, "group"),
        ("assigned", bob, "group"),
        ("revoked", bob, "deleted"),
        ("assigned", cyd, "group"),
    ]
