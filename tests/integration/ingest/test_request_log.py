"""The request log of a real ingest: what providers sent is there within a second or so, masked."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientSession

from services.ingest.http.request_log import MOST_CALLS, REFUSED_PER_MINUTE
from services.ingest.store import request_log
from shared import db
from shared.contracts.ids import ordered_id
from tests.integration.ingest.client import Client, connect
from tests.support.servers import Databases
from tests.support.service import Service
from tests.support.waiting import eventually

FULL = 'rollcall_request_log_dropped_total{reason="full"}'
SECRET = "Magdalena-Kovac"


async def log(client: Client, query: str = "", count: int = 1) -> list[dict[str, Any]]:
    """Return the page that a query selects, once it holds so many calls."""

    async def enough() -> list[dict[str, Any]] | None:
        path = f"/directories/{client.directory}/requests?{query}"
        items: list[dict[str, Any]] = (await client.manage("GET", path)).body["items"]
        return items if len(items) >= count else None

    found = await eventually(enough, within_s=5)
    assert found is not None
    return found


async def detail(client: Client, key: str) -> dict[str, Any]:
    answer = await client.manage("GET", f"/directories/{client.directory}/requests/{key}")
    assert answer.status == 200, answer
    return dict(answer.body)


async def test_a_call_is_in_the_log_within_two_seconds_under_the_id_of_its_answer(
    client: Client,
) -> None:
    sent = {"userName": f"{SECRET}@globex.test", "password": SECRET, "active": "True"}

    answer = await client.scim("POST", "/Users?", sent)

    async with asyncio.timeout(2):
        [call] = await log(client)
    assert call["id"] == answer.headers["X-Request-ID"]
    assert (call["method"], call["path"], call["status"]) == ("POST", "/Users", 201)
    assert call["keyId"] == client.token.split("_")[1]
    assert 0 < call["durationMs"] < 5000
    assert abs(datetime.now(UTC) - datetime.fromisoformat(call["at"])) < timedelta(seconds=60)
    kept = await detail(client, call["id"])
    assert kept["body"] == {"userName": "M…t (27)", "password": "(hidden)", "active": "True"}


async def test_a_refusal_says_why_and_names_nobody(client: Client) -> None:
    await client.user(SECRET)

    await client.scim("POST", "/Users", {"userName": SECRET.upper()})

    [call] = await log(client, "status=failed")
    assert (call["status"], call["scimType"]) == (409, "uniqueness")
    assert "userName" in call["detail"]
    assert call == (await log(client, "status=409&method=POST&text=users"))[0]
    assert call == (await log(client, f"text={call['id']}"))[0]
    assert "provider" in call


async def test_no_value_of_a_person_is_stored(client: Client, databases: Databases) -> None:
    await client.scim("GET", f"/Users?filter=userName+eq+%22{SECRET}%22&")
    await client.scim("GET", f"/Users/{SECRET}")
    await client.scim("GET", f"/{SECRET}/x?{SECRET}=1")
    operation = {"op": SECRET, "path": f'emails[value eq "{SECRET}"]', "value": [SECRET]}
    await client.scim("PATCH", f"/Groups/{uuid.uuid4()}", {"Operations": [operation]})
    group = await client.group("Admins")
    await client.patch_members("add", group, f"{SECRET}@globex.test")
    await client.scim("POST", "/Users", f'{{"userName": "{SECRET}@x", '.encode())

    await log(client, count=7)

    connection = await asyncpg.connect(databases.ingest)
    rows = await connection.fetch(
        "select requests::text as text from ingest.requests where directory_id = $1",
        client.directory,
    )
    await connection.close()
    assert len(rows) >= 7
    assert [row["text"] for row in rows if SECRET.lower() in row["text"].lower()] == []


async def test_the_operations_of_a_bulk_request_are_kept_masked(client: Client) -> None:
    user = {"userName": SECRET, "password": SECRET}
    operation = {"method": "POST", "path": "/Users", "bulkId": "one", "data": user}

    assert (await client.scim("POST", "/Bulk", {"Operations": [operation]})).status == 200

    [call] = await log(client)
    assert (await detail(client, call["id"]))["body"]["Operations"] == [
        operation | {"bulkId": "… (3)", "data": {"userName": "M…c (15)", "password": "(hidden)"}}
    ]


async def test_a_body_that_is_no_json_is_kept_as_a_place_only(client: Client) -> None:
    await client.scim("POST", "/Users", b'{"userName": "ada", oops')

    [call] = await log(client)

    kept = await detail(client, call["id"])
    assert (kept["body"], kept["bodyBytes"], kept["bodyErrorAt"]) == (None, 24, 20)
    assert call["scimType"] == "invalidSyntax"


async def test_a_refused_token_is_in_the_log_by_its_last_four_characters(client: Client) -> None:
    other = await connect(client.session, client.url, "Initech")

    await client.scim("GET", "/Users", Authorization=f"Bearer {other.token}")
    await client.scim("GET", "/Users", Authorization="")

    bare, wrong = await log(client, "status=401", count=2)
    assert wrong["tokenLastFour"] == other.token[-4:]
    assert wrong["keyId"] is None
    assert bare["tokenLastFour"] is None
    assert "tokenLastFour" in bare
    assert (await client.manage("GET", f"/directories/{other.directory}/requests")).body[
        "items"
    ] == []


async def test_strangers_cannot_fill_the_log(client: Client, service: Service) -> None:
    for _ in range(2 * REFUSED_PER_MINUTE + 5):
        await client.scim("POST", "/Users", {"userName": SECRET}, Authorization="Bearer nope")
    nobody = Client(client.session, client.url, str(uuid.uuid4()), "nope")
    await nobody.scim("GET", "/Users")
    await client.user("ada")

    calls = await log(client, "limit=200&method=POST&status=201")

    refused = await log(client, "limit=200&status=401", count=REFUSED_PER_MINUTE)
    # A minute may have passed in between.
    assert len(refused) in {REFUSED_PER_MINUTE, 2 * REFUSED_PER_MINUTE}
    assert len(calls) == 1
    assert (await detail(client, refused[0]["id"]))["body"] is None
    assert await service.metric('rollcall_request_log_dropped_total{reason="refused"}') > 0


async def test_pages_hold_each_call_once_newest_first(client: Client) -> None:
    sent = [(await client.scim("GET", "/Schemas")).headers["X-Request-ID"] for _ in range(25)]
    await log(client, count=25)

    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        query = f"limit=10{after and f'&after={after}'}"
        path = f"/directories/{client.directory}/requests?{query}"
        page = (await client.manage("GET", path)).body
        seen += [call["id"] for call in page["items"]]
        after = page["next"]

    assert seen == sent[::-1]


async def test_a_range_in_time_selects(client: Client) -> None:
    await client.scim("GET", "/Schemas")
    [call] = await log(client)
    at = datetime.fromisoformat(call["at"])
    before, later = at - timedelta(seconds=1), at + timedelta(seconds=1)

    def span(since: datetime, until: datetime) -> str:
        return f"since={since:%Y-%m-%dT%H:%M:%S.%fZ}&until={until:%Y-%m-%dT%H:%M:%S.%fZ}"

    path = f"/directories/{client.directory}/requests?"
    inside = await client.manage("GET", path + span(before, later))
    outside = await client.manage("GET", path + span(later, later + timedelta(days=1)))

    assert [each["id"] for each in inside.body["items"]] == [call["id"]]
    assert outside.body == {"items": [], "next": None}


@pytest.mark.parametrize(
    "query",
    ["status=nope", "after=x", "since=yesterday", "limit=0", "limit=201", "text=%00", "method=get",
     "since=2025-11-25T12:00:00"],
)  # fmt: skip
async def test_a_query_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    answer = await client.manage("GET", f"/directories/{client.directory}/requests?{query}")

    assert answer.status == 400
    assert query.partition("=")[0] in answer.body["detail"]


async def test_an_unknown_directory_or_request_is_not_found(client: Client) -> None:
    other = await connect(client.session, client.url, "Initech")
    await client.scim("GET", "/Schemas")
    [call] = await log(client)

    for path in (
        f"{uuid.uuid4()}/requests",
        f"{client.directory}/requests/{uuid.uuid4()}",
        f"{client.directory}/requests/x",
        f"{other.directory}/requests/{call['id']}",
    ):
        assert (await client.manage("GET", f"/directories/{path}")).status == 404
    bare = await client.manage("GET", f"/directories/{client.directory}/requests", key="nope")
    assert bare.status == 401


async def test_old_calls_are_forgotten_and_young_ones_stay(
    client: Client, service: Service, databases: Databases
) -> None:
    await client.scim("GET", "/Schemas")
    [young] = await log(client)
    now = datetime.now(UTC)
    old = [int((now - timedelta(days=8, seconds=s)).timestamp()) * 10**9 for s in range(2_500)]
    async with db.connect(databases.ingest, "ingest") as database, database.connection() as one:
        await one.execute(
            """
            insert into requests (directory_id, id, at, method, path, query, status, duration_ms,
              provider, body_bytes)
            select $1, each, now() - interval '8 days', 'GET', '/Users', '', 200, 1, 'generic', 0
            from unnest($2::uuid[]) as each
            """,
            client.directory,
            [ordered_id(at, 1) for at in old],
        )
    assert len(await log(client, "limit=200", count=200)) == 200

    await service.stop()
    await service.start()

    async def alone() -> bool:
        return [call["id"] for call in await log(client, "limit=200")] == [young["id"]]

    await eventually(alone)


async def test_while_postgres_does_not_take_the_log_memory_is_bounded_and_requests_go_on(
    client: Client, service: Service, databases: Databases
) -> None:
    before = await service.metric(FULL)
    blocker = await asyncpg.connect(databases.ingest)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("lock table ingest.requests in access exclusive mode")

    async def call(count: int) -> None:
        async with ClientSession() as session:
            own = Client(session, client.url, client.directory, client.token)
            for _ in range(count):
                assert (await own.scim("GET", "/ServiceProviderConfig")).status == 200

    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(call(MOST_CALLS // 8 + 100))
    last = (await client.scim("GET", "/Schemas")).headers["X-Request-ID"]

    async def is_dropping() -> bool:
        return await service.metric(FULL) > before

    await eventually(is_dropping)
    await transaction.rollback()
    await blocker.close()

    [newest] = await log(client, f"text={last}")
    assert newest["path"] == "/Schemas"


async def test_what_waits_is_written_before_the_end(client: Client, service: Service) -> None:
    sent = (await client.scim("GET", "/Schemas")).headers["X-Request-ID"]

    await service.stop()
    await service.start()

    assert [call["id"] for call in await log(client)] == [sent]


def statements() -> list[str]:
    return [
        value
        for name, value in vars(request_log).items()
        if name.isupper() and isinstance(value, str) and name not in {"_COLUMNS", "_NEWEST_FIRST"}
    ]


async def test_every_statement_can_be_prepared(databases: Databases, service: Service) -> None:
    async with db.connect(databases.ingest, "ingest") as database, database.connection() as one:
        for sql in statements():
            await one.prepare(sql)
