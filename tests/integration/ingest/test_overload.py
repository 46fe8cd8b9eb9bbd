"""What ingest refuses under load, how it says so, and whom it spares."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientSession

from deploy.local import ports
from services.ingest.domain.peppers import Peppers
from services.ingest.domain.tokens import Access
from services.ingest.http.auth import Gatekeeper
from services.ingest.usecases import tokens
from shared import db
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import lane_of
from tests.integration.ingest.client import PATCH_OP, Answer, Client, connect
from tests.support.raw_http import request
from tests.support.servers import Databases
from tests.support.service import Service
from tests.support.waiting import eventually

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
BURST, PER_SECOND = 20, 5
IN_FLIGHT = 8
PEPPER = "a pepper of the tests"
MAKE_ROOM = "drop trigger if exists full_disk on users; drop function if exists full_disk"
FILL_DISK = """
create function full_disk() returns trigger language plpgsql as
$$ begin raise exception 'no space left' using errcode = 'disk_full'; end $$;
create trigger full_disk before insert on users for each row execute function full_disk()
"""
# Another relay that holds every lane and publishes nothing.
TAKE_LANES = """
update relay_lanes set owner = gen_random_uuid(), epoch = epoch + 1,
                       lease_until = now() + interval '1 hour'
"""
LOCK_COUNTER = "select 1 from directory_sequences where directory_id = $1 for update"
GIVE_LANES = "update relay_lanes set owner = null, lease_until = now()"
OLD = "update outbox set created_at = created_at - interval '11 minutes'"


@pytest.fixture(scope="module")
async def strict(service: Service) -> AsyncIterator[Service]:
    """An ingest whose limits are low."""
    port = ports.choose()
    low = {
        "ROLLCALL_INGEST_PORT": str(port),
        "ROLLCALL_INGEST_REQUESTS_PER_SECOND": str(PER_SECOND),
        "ROLLCALL_INGEST_BURST": str(BURST),
        "ROLLCALL_INGEST_MAX_IN_FLIGHT": str(IN_FLIGHT),
    }
    found = Service("ingest", service.environment | low, f"http://127.0.0.1:{port}")
    async with found.running():
        yield found


@pytest.fixture
async def postgres(service: Service, databases: Databases) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(databases.ingest, server_settings={"search_path": "ingest"})
    try:
        yield connection
    finally:
        await connection.execute(MAKE_ROOM)
        await connection.execute(GIVE_LANES)
        await connection.close()


@pytest.fixture
async def two(strict: Service) -> AsyncIterator[tuple[Client, Client]]:
    async with ClientSession() as session:
        yield await connect(session, strict.url, "Loud"), await connect(session, strict.url, "Calm")


def refused(answer: Answer, status: int) -> None:
    """Check that an answer is a refusal as SCIM has it, which says when to come back."""
    assert answer.status == status
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.body["schemas"] == [ERROR]
    assert answer.body["status"] == str(status)
    assert answer.headers["Retry-After"] in answer.body["detail"]


async def test_a_directory_above_its_limit_gets_429_and_the_others_none_of_it(two) -> None:
    loud, calm = two
    began = time.monotonic()

    async with asyncio.TaskGroup() as group:
        many = [group.create_task(_one_by_one(loud, 3 * BURST)) for _ in range(2)]
        few = group.create_task(_one_by_one(calm, BURST))
    answers = [answer for task in many for answer in task.result()]
    flowed = PER_SECOND * (time.monotonic() - began)
    counts = Counter(answer.status for answer in answers)
    late = [answer for answer in answers if answer.status == 429]

    assert {answer.status for answer in few.result()} == {200}
    assert set(counts) == {200, 429}
    assert BURST <= counts[200] <= BURST + flowed + 1
    refused(late[0], 429)
    await asyncio.sleep(int(late[-1].headers["Retry-After"]))
    assert (await loud.scim("GET", "/Users")).status == 200


async def test_a_directory_may_have_a_limit_of_its_own(two) -> None:
    client, _ = two
    place = f"/directories/{client.directory}/limit"
    wrong = await client.manage("PUT", place, {"requestsPerSecond": 0, "burst": 1})
    unknown = await client.manage("DELETE", "/directories/nowhere/limit")

    told = await client.manage("PUT", place, {"requestsPerSecond": 900.5, "burst": 900})
    many = await _one_by_one(client, 3 * BURST)
    gone = await client.manage("DELETE", place)

    assert (wrong.status, unknown.status) == (400, 404)
    assert (told.status, gone.status) == (200, 204)
    assert told.body == {"requestsPerSecond": 900.5, "burst": 900}
    assert {answer.status for answer in many} == {200}


async def _one_by_one(client: Client, count: int) -> list[Answer]:
    return [await client.scim("GET", "/Users?count=1") for _ in range(count)]


async def test_a_bulk_costs_what_it_holds(two, strict) -> None:
    client, _ = two
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": f"b{n}", "data": {"userName": f"b{n}"}}
        for n in range(2 * BURST)
    ]
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations,
    }

    first = await client.scim("POST", "/Bulk", body)
    next_one = await client.scim("GET", "/Users")

    assert first.status == 200
    assert {each["status"] for each in first.body["Operations"]} == {"201"}
    refused(next_one, 429)
    assert int(next_one.headers["Retry-After"]) >= BURST / PER_SECOND
    assert await strict.metric('rollcall_refused_total{reason="directory_rate"}') >= 1


@asynccontextmanager
async def in_hand(clients: Sequence[Client], count: int) -> AsyncIterator[None]:
    """Keep so many requests of the directories in turn unfinished: their bodies do not end."""
    async with AsyncExitStack() as stack:
        for number in range(count):
            client = clients[number % len(clients)]
            host, _, port = client.url.removeprefix("http://").partition(":")
            path, token = f"/scim/v2/{client.directory}/Users", f"Bearer {client.token}"
            head = request("POST", path, Authorization=token, Content_Length="99")
            _, writer = await asyncio.open_connection(host, int(port))
            stack.callback(writer.close)
            writer.write(head)
        await asyncio.sleep(0.3)
        yield


@pytest.mark.parametrize(
    ("count", "statuses"),
    [
        (IN_FLIGHT // 2 - 1, (400, 200, 201)),
        (IN_FLIGHT // 2, (503, 200, 201)),
        (IN_FLIGHT * 3 // 4, (503, 503, 201)),
        (IN_FLIGHT, (503, 503, 503)),
    ],
)
async def test_bulk_is_refused_first_then_reads_writes_last(two, count, statuses) -> None:
    client, other = two
    more = [await connect(client.session, client.url, f"No. {number}") for number in range(3)]

    async with in_hand([other, *more], count):
        bulk = await client.scim("POST", "/Bulk", {})
        read = await client.scim("GET", "/Users")
        write = await client.scim("POST", "/Users", {"userName": f"u{count}"})

    assert (bulk.status, read.status, write.status) == statuses
    for answer in (bulk, read, write):
        if answer.status == 503:
            refused(answer, 503)


async def test_one_directory_has_a_quarter_of_what_can_be_in_hand(two) -> None:
    slow, other = two

    async with in_hand([slow], IN_FLIGHT // 4):
        own = await slow.scim("GET", "/Users")
        others = await other.scim("GET", "/Users")

    refused(own, 429)
    assert others.status == 200


async def test_a_directory_whose_writes_are_stuck_leaves_connections_to_the_others(
    service, client, postgres
) -> None:
    other = await connect(client.session, client.url, "Other")
    async with asyncio.TaskGroup() as group, postgres.transaction():
        await postgres.execute(LOCK_COUNTER, client.directory)
        stuck = [
            group.create_task(client.scim("POST", "/Users", {"userName": f"s{number}"}))
            for number in range(30)
        ]
        await asyncio.sleep(0.6)
        async with asyncio.timeout(1):
            answers = [
                await other.scim("POST", "/Users", {"userName": "next"}),
                await other.scim("GET", "/Users"),
            ]

    assert [answer.status for answer in answers] == [201, 200]
    assert {task.result().status for task in stuck} <= {201, 503}


async def test_when_postgres_is_stuck_the_next_is_refused_at_once(
    service, client, postgres
) -> None:
    five = [await connect(client.session, client.url, f"No. {number}") for number in range(5)]
    async with postgres.transaction():
        await postgres.execute("lock table users in access exclusive mode")
        async with asyncio.TaskGroup() as group:
            stuck = [
                group.create_task(each.scim("GET", "/Users")) for each in five for _ in range(6)
            ]
            await asyncio.sleep(0.6)
            async with asyncio.timeout(1):
                answer = await client.scim("POST", "/Users", {"userName": "next"})
            alive = await client.manage("GET", "/organizations", key="wrong")

    refused(answer, 503)
    assert alive.status == 401
    assert {task.result().status for task in stuck} <= {200, 503}
    assert await service.metric('rollcall_refused_total{reason="pool_wait"}') >= 1
    assert (await client.scim("POST", "/Users", {"userName": "next"})).status == 201


async def test_a_full_disk_is_told_as_such_and_reading_goes_on(service, client, postgres) -> None:
    await postgres.execute(FILL_DISK)

    answer = await client.scim("POST", "/Users", {"userName": "ada"})
    read = await client.scim("GET", "/Users")
    await postgres.execute(MAKE_ROOM)
    again = await client.scim("POST", "/Users", {"userName": "ada"})

    refused(answer, 503)
    assert "storage" in answer.body["detail"]
    assert (read.status, again.status) == (200, 201)
    assert await service.metric('rollcall_refused_total{reason="disk_full"}') >= 1


async def test_while_nothing_is_published_scim_goes_on_until_the_backlog_is_too_old(
    service, client, postgres
) -> None:
    lag = f"/directories/{client.directory}"
    await eventually(lambda: _is_up_to_date(client))
    await postgres.execute(TAKE_LANES)
    user = await client.user("ada")
    await asyncio.sleep(0.2)

    young = (await client.manage("GET", lag)).body["delayedS"]
    await postgres.execute(OLD)
    old = (await client.manage("GET", lag)).body["delayedS"]
    patch = {
        "schemas": [PATCH_OP],
        "Operations": [{"op": "replace", "path": "active", "value": False}],
    }
    refusal = await eventually(
        _answered(503, lambda: client.scim("PATCH", f"/Users/{user}", patch)), within_s=15
    )
    read = await client.scim("GET", f"/Users/{user}")
    waiting = await service.metric(f'rollcall_outbox_rows{{lane="{_lane(client)}"}}')
    await postgres.execute(GIVE_LANES)

    assert 0 < young < 60
    assert 660 <= old < 720
    refused(refusal, 503)
    assert "passed on" in refusal.body["detail"]
    assert read.status == 200
    assert waiting >= 1
    await eventually(lambda: _is_up_to_date(client))
    await eventually(_answered(200, lambda: client.scim("PATCH", f"/Users/{user}", patch)))


async def test_a_flood_asks_once_for_its_token(client, databases, monkeypatch) -> None:
    asked = []
    look_up = tokens.access

    async def counted(*arguments: Any) -> Access | None:
        asked.append(arguments)
        return await look_up(*arguments)

    monkeypatch.setattr(tokens, "access", counted)
    directory = DirectoryId(client.directory)
    async with db.connect(databases.ingest, "ingest") as database:
        gatekeeper = Gatekeeper(database, Peppers.of(PEPPER))
        async with asyncio.TaskGroup() as group:
            admitted = [
                group.create_task(gatekeeper.admit(client.token, directory)) for _ in range(100)
            ]

    assert {task.result().directory for task in admitted} == {directory}
    assert len(asked) == 1


async def _is_up_to_date(client: Client) -> bool:
    found = await client.manage("GET", f"/directories/{client.directory}")
    return found.body["delayedS"] == 0


def _answered(
    status: int, ask: Callable[[], Awaitable[Answer]]
) -> Callable[[], Awaitable[Answer | None]]:
    async def answered() -> Answer | None:
        answer = await ask()
        return answer if answer.status == status else None

    return answered


def _lane(client: Client) -> int:
    return lane_of(DirectoryId(client.directory))
