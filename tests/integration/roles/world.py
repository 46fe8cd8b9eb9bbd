"""Plumbing: feed directory events to roles, ask its API, read what it wrote."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import orjson
from aiohttp import ClientSession, test_utils, web

from services.roles import consumer, http
from shared import db
from shared import web as edge
from shared.contracts.envelope import Envelope
from shared.contracts.ids import GroupId, RoleKey
from shared.contracts.role_events import Reason
from shared.keys import Keys
from tests.support.directory_log import DirectoryLog
from tests.support.histories import granting

API_KEY = "a-key-of-sixteen"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass(slots=True)
class Api:
    """The `/v1` API of roles; `commits` counts how often it woke the relay."""

    session: ClientSession
    url: str
    key: str = API_KEY
    commits: list[None] = field(default_factory=list)

    async def get(self, path: str) -> Answer:
        return await self.call("GET", path)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.call("PUT", path, orjson.dumps(body))

    async def call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        sent = None if body is None else BytesIO(body)
        request = self.session.request(method, f"{self.url}/v1{path}", data=sent, headers=headers)
        async with request as response:
            read = await response.read()
            document = orjson.loads(read) if read else None
            return Answer(response.status, document, {**response.headers})

    async def remove(self, role: str, replacement: str | None = None) -> Answer:
        body = {"actor": "test", "replacement": replacement}
        return await self.call("DELETE", f"/roles/{role}", orjson.dumps(body))

    async def assign(self, log: DirectoryLog, user: str, role: str) -> Answer:
        path = f"/directories/{log.id}/users/{user}/roles/{role}"
        return await self.put(path, {"actor": "app:crm"})

    async def unassign(self, log: DirectoryLog, user: str, role: str) -> Answer:
        path = f"/directories/{log.id}/users/{user}/roles/{role}"
        return await self.call("DELETE", path, orjson.dumps({"actor": "app:crm"}))

    async def declare(self, *roles: str) -> None:
        for role in roles:
            answer = await self.put(f"/roles/{role}", {"name": role.title()})
            assert answer.status in {200, 201}

    async def map(
        self,
        log: DirectoryLog,
        rows: Iterable[tuple[GroupId, str]],
        version: int = 0,
        **options: Any,
    ) -> Answer:
        path = f"/directories/{log.id}/mapping"
        return await self.put(path, _edit(rows, version) | options)

    async def preview(
        self,
        log: DirectoryLog,
        rows: Iterable[tuple[GroupId, str]],
        version: int = 0,
        query: str = "",
        **options: Any,
    ) -> Answer:
        path = f"/directories/{log.id}/mapping/preview{query}"
        return await self.call("POST", path, orjson.dumps(_edit(rows, version) | options))


def _edit(rows: Iterable[tuple[GroupId, str]], version: int) -> dict[str, Any]:
    items = [{"groupId": group, "role": role} for group, role in rows]
    return {"version": version, "rows": items, "actor": "admin:mia"}


@asynccontextmanager
async def api_of(database: db.Database) -> AsyncIterator[Api]:
    """Yield the API in this process, on a port of its own."""
    commits: list[None] = []
    app = web.Application(middlewares=[edge.observed("roles"), edge.problems({})])
    handlers = http.Handlers(database, lambda: commits.append(None))
    app.add_subapp("/v1", http.application(handlers, Keys(API_KEY)))
    async with test_utils.TestServer(app) as server, ClientSession() as session:
        yield Api(session, str(server.make_url("")).rstrip("/"), commits=commits)


async def apply(database: db.Database, envelopes: Sequence[Envelope]) -> None:
    """Apply a batch as the consumer does, behind the gate."""
    async with database.transaction() as tx:
        await consumer.apply(tx, envelopes)


async def stored(database: db.Database, log: DirectoryLog) -> dict[tuple[str, str], set[str]]:
    """Return the assignments of a directory: (user, role) → what grants it."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select user_id, role_key, reason from assignments where directory_id = $1", log.id
        )
    return {
        (row["user_id"], row["role_key"]): granting(Reason.model_validate(row["reason"]))
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox; `document` is the tail, None for a tombstone."""

    topic: str
    key: str
    sequence: int
    document: dict[str, Any] | None


async def outbox(database: db.Database, log: DirectoryLog) -> list[Row]:
    """Return what a directory has in the outbox, in order."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select topic, key, sequence, tail from outbox where directory_id = $1 order by id",
            log.id,
        )
    return [
        Row(
            row["topic"],
            row["key"],
            row["sequence"],
            row["tail"] and orjson.loads(b"{" + row["tail"]),
        )
        for row in rows
    ]


async def audited(database: db.Database) -> list[str]:
    """Return what came of what operators did, in order."""
    query = "select act from audit_records where act <> 'api.called' order by id"
    async with database.connection() as connection:
        rows = await connection.fetch(query)
    return [row["act"] for row in rows]


def held(events: Iterable[dict[str, Any]]) -> set[tuple[str, RoleKey]]:
    """Fold role events to who holds what; each must change something."""
    result: set[tuple[str, RoleKey]] = set()
    for event in events:
        data = event["data"]
        if "rolesAfter" in data:
            one = (data["user"]["id"], data["role"]["key"])
            assert (one in result) is (event["type"] == "rollcall.role.revoked.v1"), event
            result ^= {one}
    return result
