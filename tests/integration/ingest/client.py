"""Plumbing: a directory with its token, SCIM calls to it, and its events read back from Kafka."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import ClientSession
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.ids import DirectoryId
from shared.contracts.topics import DIRECTORY_EVENTS, lane_of
from tests.integration.ingest import oracle

API_KEY = "a key of the tests"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Client:
    """Calls the SCIM endpoint of one directory, and the management API."""

    session: ClientSession
    url: str
    directory: str
    token: str

    async def scim(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request below the directory's endpoint; bytes go as they are.

        The one place through which tests call SCIM: an oracle reads every answer.
        """
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        url = f"{self.url}/scim/v2/{self.directory}{path}"
        answer = await self._send(method, url, data, sent | headers)
        assert oracle.doubts(method, answer.status, answer.body) == [], answer
        return answer

    async def manage(self, method: str, path: str, body: Any = None, key: str = API_KEY) -> Answer:
        data = None if body is None else orjson.dumps(body)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        return await self._send(method, f"{self.url}/v1{path}", data, headers)

    async def _send(
        self, method: str, url: str, data: bytes | None, headers: dict[str, str]
    ) -> Answer:
        body = data and io.BytesIO(data)
        async with self.session.request(method, url, data=body, headers=headers) as response:
            raw = await response.read()
            return Answer(response.status, orjson.loads(raw) if raw else None, response.headers)

    async def user(self, user_name: str, /, **attributes: Any) -> str:
        answer = await self.scim("POST", "/Users", {"userName": user_name, **attributes})
        assert answer.status == 201, answer
        return str(answer.body["id"])

    async def group(self, name: str, *members: str) -> str:
        body = {"displayName": name, "members": [{"value": member} for member in members]}
        answer = await self.scim("POST", "/Groups", body)
        assert answer.status == 201, answer
        return str(answer.body["id"])

    async def patch_members(self, op: str, group: str, *users: str) -> Answer:
        operation = {"op": op, "path": "members", "value": [{"value": user} for user in users]}
        body = {"schemas": [PATCH_OP], "Operations": [operation]}
        return await self.scim("PATCH", f"/Groups/{group}?", body)

    async def members(self, group: str) -> set[str]:
        answer = await self.scim("GET", f"/Groups/{group}")
        return {member["value"] for member in answer.body.get("members", [])}


async def connect(
    session: ClientSession, url: str, name: str = "Acme", provider: str = "generic"
) -> Client:
    """Return a client of a new directory."""
    bare = Client(session, url, "", "")
    owner = (await bare.manage("POST", "/organizations", {"name": name})).body["id"]
    wanted = {"organizationId": owner, "name": f"{name} directory", "provider": provider}
    directory = (await bare.manage("POST", "/directories", wanted)).body["id"]
    token = (await bare.manage("POST", f"/directories/{directory}/tokens", {})).body["value"]
    return Client(session, url, directory, token)


@dataclass(frozen=True, slots=True)
class Log:
    """directory.events.v1 as an independent client reads it."""

    servers: str

    async def of(self, directory: str) -> list[dict[str, Any]]:
        """Return a directory's records, repeats included, in the order of the log."""
        place = TopicPartition(DIRECTORY_EVENTS.name, lane_of(DirectoryId(directory)))
        found: list[dict[str, Any]] = []
        async with AIOKafkaConsumer(
            bootstrap_servers=self.servers, enable_auto_commit=False
        ) as consumer:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=300)).values():
                    found += [
                        orjson.loads(record.value)
                        for record in records
                        if record.key == directory.encode()
                    ]
        return found
