"""Each service on a database that every version filled: what was there works, and so does more."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import orjson
from aiohttp import ClientSession

from deploy.local import ports
from services.__main__ import migrate
from shared import db, kafka
from shared.contracts import envelope
from shared.contracts.directory_events import (
    Cause,
    DirectoryEvent,
    GroupRef,
    MembershipAdded,
    UserCreated,
    UserRef,
)
from shared.contracts.envelope import Origin, Position
from shared.contracts.ids import DirectoryId, GroupId, OrganizationId, UserId
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS
from tests.integration.ingest.client import PATCH_OP, Client, Log
from tests.integration.migrations import chain
from tests.integration.migrations.chain import Old
from tests.integration.projector.world import Portal
from tests.integration.roles.world import Api
from tests.support.servers import Databases, Servers
from tests.support.service import Service
from tests.support.waiting import eventually

DIRECTORY = DirectoryId("0d000000-0000-4000-8000-000000000001")
ORGANIZATION = OrganizationId("0a000000-0000-4000-8000-000000000001")
LANE = 17  # of the rows, whatever new directories get
TOKEN = "scim_k7Jq_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DP0fmw"
SESSION = "a session of the tests"
API_KEY = "a key of the tests"
ADA, BOB, CYD = (UserId(f"05000000-0000-4000-8000-00000000000{number}") for number in (1, 2, 3))
EVE = UserId("05000000-0000-4000-8000-000000000005")
DAN = UserId("05000000-0000-4000-8000-000000000009")
META = {"created": "2026-03-02T09:08:00Z", "lastModified": "2026-03-02T09:08:00Z"}
ADMINS = GroupId("06000000-0000-4000-8000-000000000001")
CAUSE = Cause(kind="scim", id="019501a8-0000-7000-8000-000000000002")


@asynccontextmanager
async def running(
    name: str, servers: Servers, databases: Databases, **more: str
) -> AsyncIterator[Service]:
    """Run a service on a database that every version filled."""
    await Old(name, databases).grow(chain.steps(name))
    assert await migrate({name: databases.of(name)}) == {name: []}
    await _place_in_this_log(servers, name, databases)
    prefix, port = f"ROLLCALL_{name.upper()}", ports.choose()
    environment = {
        **os.environ,
        f"{prefix}_DATABASE_URL": databases.of(name),
        f"{prefix}_PORT": str(port),
        "ROLLCALL_INGEST_TOKEN_PEPPER": "a pepper of the tests",
        "ROLLCALL_PORTAL_SECRET": "a secret of the tests",
        "ROLLCALL_KAFKA_SERVERS": servers.kafka,
        "ROLLCALL_API_KEY": API_KEY,
        "ROLLCALL_LOG_LEVEL": "ERROR",
        **more,
    }
    service = Service(name, environment, f"http://127.0.0.1:{port}")
    async with service.running():
        yield service


async def _place_in_this_log(servers: Servers, name: str, databases: Databases) -> None:
    """Move the offsets of the rows to where the log of this Kafka ends: they saw another."""
    places = await kafka.places(servers.kafka, [DIRECTORY_EVENTS.name, ROLE_EVENTS.name])
    async with kafka.reader(servers.kafka, (), past=True) as reader:
        bounds = await reader.log_bounds(places)
    schema = "rm_1" if name == "projector" else name
    async with db.connect(databases.of(name), schema) as database, database.transaction() as tx:
        await tx.executemany(
            "update consumer_positions set next_offset = $3 where topic = $1 and partition = $2",
            [(*place, end) for place, (_, end) in bounds.items()],
        )


async def publish(servers: Servers, event: DirectoryEvent) -> None:
    """Publish the eighth event of the directory, which the rows know seven of."""
    origin = Origin(DIRECTORY, ORGANIZATION, datetime(2026, 3, 2, 9, 8, tzinfo=UTC))
    tail = envelope.tail(event.type, event.subject, origin, event)
    value = envelope.head(DIRECTORY, Position(1, 8)) + tail
    async with kafka.publisher(servers.kafka, "test") as publisher:
        record = kafka.Outgoing(DIRECTORY_EVENTS.name, DIRECTORY.encode(), value)
        await publisher.publish(LANE, [record])


async def test_ingest_serves_and_changes_the_users_of_every_version(
    servers: Servers, databases: Databases
) -> None:
    async with running("ingest", servers, databases) as service, ClientSession() as session:
        client = Client(session, service.url, DIRECTORY, TOKEN)
        listed = await client.scim("GET", "/Users")
        found = await client.scim("GET", '/Users?filter=displayName eq "ada lovelace"')
        members = await client.members(ADMINS)
        left = await client.scim("PATCH", f"/Users/{ADA}", _deactivation())
        await client.user("dan@globex.example")
        refused = await client.scim("POST", "/Users", {"userName": "CYD@globex.example"})
        await eventually(lambda: is_published(databases.ingest, "ingest"), within_s=20)
        log = await Log(servers.kafka).of(DIRECTORY)

    assert listed.status == 200, listed
    assert {one["id"] for one in listed.body["Resources"]} == {ADA, BOB, CYD, EVE}
    assert [one["id"] for one in found.body["Resources"]] == [ADA]
    assert members == {ADA}
    assert (left.status, left.body["meta"]["version"]) == (200, 'W/"3"')
    assert refused.status == 409
    assert [int(one["sequence"]) for one in log[-3:]] == [7, 8, 9]


def _deactivation() -> bytes:
    operation = {"op": "replace", "path": "active", "value": False}
    return orjson.dumps({"schemas": [PATCH_OP], "Operations": [operation]})


async def is_published(url: str, schema: str) -> bool:
    async with db.connect(url, schema) as database, database.connection() as connection:
        return not await connection.fetchval("select count(*) from outbox")


async def test_roles_explains_old_assignments_and_makes_new_ones(
    servers: Servers, databases: Databases
) -> None:
    bob = UserRef(id=BOB, user_name="bob@globex.example", active=True)
    admins = GroupRef(id=ADMINS, external_id="201", display_name="Admins")
    async with running("roles", servers, databases) as service, ClientSession() as session:
        api = Api(session, service.url, API_KEY)
        before = [
            await api.get(f"/directories/{DIRECTORY}/users/{one}/roles") for one in (ADA, BOB)
        ]
        await publish(servers, MembershipAdded(cause=CAUSE, user=bob, group=admins))

        async def has_role() -> bool:
            now = await api.get(f"/directories/{DIRECTORY}/users/{BOB}/roles")
            return [one["role"]["key"] for one in now.body["roles"]] == ["admin"]

        await eventually(has_role, within_s=30)
        await eventually(lambda: is_published(databases.roles, "roles"), within_s=20)
        mapping = await api.get(f"/directories/{DIRECTORY}/mapping")

    assert [[one["role"]["key"] for one in each.body["roles"]] for each in before] == [
        ["admin"],
        [],
    ]
    assert mapping.body["version"] == 3
    assert [row["role"] for row in mapping.body["rows"]] == ["admin"]


async def test_the_projector_shows_old_rows_and_goes_on_where_it_was(
    servers: Servers, databases: Databases
) -> None:
    resource = {"id": DAN, "userName": "dan@globex.example", "active": True, "meta": META}
    event = UserCreated(cause=CAUSE, resource=resource, version=1)
    async with (
        running("projector", servers, databases),
        db.connect(databases.portal, "portal") as database,
    ):
        portal = Portal(database)
        before = {view: await portal.rows(view, DIRECTORY) for view in ("users", "assignments")}
        await publish(servers, event)

        async def shows_dan() -> bool:
            return DAN in {row["id"] for row in await portal.rows("users", DIRECTORY)}

        await eventually(shows_dan, within_s=30)
        after = await portal.rows("users", DIRECTORY)
        [group, *_] = await portal.rows("groups", DIRECTORY)

    assert {row["id"] for row in before["users"]} == {ADA, BOB, CYD}
    assert {row["role_key"] for row in before["assignments"]} == {"admin", "auditor"}
    assert {row["id"] for row in after} == {ADA, BOB, CYD, DAN}
    assert group["members"] == 1


async def test_the_portal_knows_its_sessions_and_shows_what_the_projector_has(
    servers: Servers, databases: Databases
) -> None:
    await Old("projector", databases).grow(chain.steps("projector"))
    async with (
        running("ingest", servers, databases) as ingest,
        running("portal", servers, databases, ROLLCALL_PORTAL_INGEST_URL=ingest.url) as service,
        ClientSession(service.url, cookies={"session": SESSION}) as session,
    ):
        page = await text(session, f"/portal/{ORGANIZATION}/users")
        organizations = await text(session, "/organizations")

    assert "Ada Lovelace" in page
    assert "bob@globex.example" not in page
    assert ORGANIZATION in organizations


async def text(session: ClientSession, path: str) -> str:
    async with session.get(path) as answer:
        assert answer.status == 200, path
        return await answer.text()
