"""A person is erased once they are gone: what is refused, what is told, what is recorded."""

import uuid

from shared import db
from tests.integration.ingest.client import Answer, Client
from tests.integration.ingest.test_states import ACTOR, told
from tests.support.servers import Databases, Servers


async def erase(client: Client, user: str) -> Answer:
    path = f"/directories/{client.directory}/users/{user}/erasure"
    return await client.manage("POST", path, ACTOR)


async def test_a_deleted_user_is_told_to_be_forgotten_and_recorded_by_its_id(
    client: Client, databases: Databases, servers: Servers
) -> None:
    mira = await client.user("mira@globex.test")
    early = await erase(client, mira)
    await client.scim("DELETE", f"/Users/{mira}")

    answer = await erase(client, mira)

    events = await told(client, servers, "rollcall.user.erased.v1")
    assert early.status == 409
    assert "delete it first" in early.body["detail"]
    assert (answer.status, answer.body["sequence"]) == (202, 4)
    assert events[-1]["subject"] == f"users/{mira}"
    assert events[-1]["data"]["id"] == mira
    assert "mira@" not in str(events[-1])
    async with (
        db.connect(databases.ingest, "ingest", max_size=1) as database,
        database.connection() as connection,
    ):
        [row] = await connection.fetch(
            "select actor, act, facts from audit_records where directory_id = $1", client.directory
        )
    assert (row["actor"], row["act"]) == (ACTOR["actor"], "user.erased")
    assert row["facts"]["user"] == mira


async def test_what_is_no_user_of_a_directory_is_not_erased(client: Client) -> None:
    path = f"/directories/{uuid.uuid4()}/users/{uuid.uuid4()}/erasure"

    assert (await erase(client, "mira@globex.test")).status == 404
    assert (await client.manage("POST", path, ACTOR)).status == 404
