"""The scenario language: directories, people, groups and roles, played against the real system.

The OneLogin client here is the tests' own, not the project's simulator.
"""

import json
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.topics import LANES
from tests.support.system import System
from tests.support.waiting import eventually

_PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, slots=True)
class Person:
    """A user as a test knows it."""

    id: str
    user_name: str


def assigned(role: str) -> tuple[str, str]:
    return "assigned", role


def revoked(role: str) -> tuple[str, str]:
    return "revoked", role


@dataclass(slots=True)
class World:
    """The running system as seen from outside: HTTP and Kafka."""

    system: System
    http: aiohttp.ClientSession

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.system.run['api_key']}"}

    async def directory(
        self, mapping: Mapping[str, str] | None = None, provider: str = "onelogin"
    ) -> "Directory":
        """Connect a new directory of a new organization, with groups mapped to roles."""
        organization = await self.organization(f"org-{uuid.uuid4()}")
        wanted = {"organizationId": organization, "name": "Globex", "provider": provider}
        made = await self.post("ingest", "/directories", wanted)
        token = await self.post("ingest", f"/directories/{made['id']}/tokens", {})
        directory = Directory(self, made["id"], organization, made["endpoint"], token["value"])
        for role in set((mapping or {}).values()):
            await self.declare(role)
        if mapping:
            for group in mapping:
                await directory.group(group)
            await directory.save_mapping(mapping)
        return directory

    async def organization(self, name: str) -> str:
        """Return the id of a new organization."""
        return str((await self.post("ingest", "/organizations", {"name": name}))["id"])

    async def invitation(self, organization: str) -> str:
        """Return a link with which an administrator of the organization signs in."""
        wanted = {"kind": "invitation", "organizationId": organization}
        return str((await self.post("portal", "/links", wanted))["url"])

    async def post(self, service: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call the `/v1` API of a service."""
        url = f"{self.system.run[service]}/v1{path}"
        async with self.http.post(url, json=body, headers=self.headers) as answer:
            assert answer.ok, await answer.text()
            return dict(await answer.json())

    async def declare(self, role: str, *, privileged: bool = False) -> None:
        url = f"{self.system.run['roles']}/v1/roles/{role}"
        wanted = {"name": role.title(), "privileged": privileged}
        async with self.http.put(url, json=wanted, headers=self.headers) as answer:
            assert answer.ok

    async def records(self, topic: str) -> list[tuple[str, dict[str, Any] | None]]:
        """Return everything on a topic now, in partition order, as (key, document)."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.system.run["kafka"], enable_auto_commit=False
        )
        found: list[tuple[str, dict[str, Any] | None]] = []
        async with consumer:
            places = [TopicPartition(topic, lane) for lane in range(LANES)]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    found += [(r.key.decode(), r.value and json.loads(r.value)) for r in batch]
        return found


@dataclass(slots=True)
class Directory:
    """One directory, and the OneLogin app that fills it."""

    world: World
    id: str
    organization: str
    endpoint: str
    token: str
    groups: dict[str, str] = field(default_factory=dict)

    async def provision(self, name: str, groups: Iterable[str] = ()) -> Person:
        """Assign somebody to the app: lookup, then POST or PUT, then one PATCH a group."""
        user_name = f"{name}@globex.test"
        body = {
            "schemas": ["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"],
            "userName": user_name,
            "name": {"familyName": "Kovac", "givenName": name.title()},
            "emails": {"value": user_name, "type": "work", "primary": True},
        }
        user = await self._write(user_name, body)
        person = Person(user["id"], user_name)
        for group in groups:
            await self.add(person, group)
        return person

    async def _write(self, user_name: str, body: dict[str, Any]) -> dict[str, Any]:
        query = quote_plus(f'userName eq "{user_name}"')
        found = (await self.call("GET", f"/Users?filter={query}&"))["Resources"]
        if found:
            return await self.call("PUT", f"/Users/{found[0]['id']}?", body)
        made = await self.call("POST", "/Users?", body)
        # A conflict: an attempt whose answer was lost had made it. Look it up again.
        return made or await self._write(user_name, body)

    async def group(self, name: str) -> str:
        """Return the id of a group, created if it is missing."""
        if name not in self.groups:
            listed = await self.call("GET", "/Groups?count=100&startIndex=1&")
            self.groups = {each["displayName"]: each["id"] for each in listed["Resources"]}
        if name not in self.groups:
            schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"]
            made = await self.call("POST", "/Groups?", {"displayName": name, "schemas": schemas})
            self.groups[name] = made["id"] if made else await self.group(name)
        return self.groups[name]

    async def add(self, person: Person, group: str) -> None:
        await self._change("add", person, group)

    async def remove(self, person: Person, group: str) -> None:
        await self._change("remove", person, group)

    async def _change(self, op: str, person: Person, group: str) -> None:
        operation = {"value": [{"value": person.id}], "op": op, "path": "members"}
        body = {"schemas": [_PATCH_OP], "Operations": [operation]}
        await self.call("PATCH", f"/Groups/{await self.group(group)}?", body)

    async def suspend(self, person: Person) -> None:
        body = {"userName": person.user_name, "active": "false"}
        await self.call("PUT", f"/Users/{person.id}?", body)

    async def reactivate(self, person: Person) -> None:
        await self.call("PUT", f"/Users/{person.id}?", {"userName": person.user_name})

    async def delete(self, person: Person) -> None:
        await self.call("DELETE", f"/Users/{person.id}?")

    async def delete_group(self, name: str) -> None:
        await self.call("DELETE", f"/Groups/{self.groups.pop(name)}?")

    async def save_mapping(self, mapping: Mapping[str, str]) -> None:
        """Make the mapping exactly this, once roles has heard of the groups."""
        rows = [
            {"groupId": await self.group(group), "role": role} for group, role in mapping.items()
        ]
        url = f"{self.world.system.run['roles']}/v1/directories/{self.id}/mapping"

        async def saved() -> bool:
            async with self.world.http.get(url, headers=self.world.headers) as answer:
                if not answer.ok:
                    return False
                version = (await answer.json())["version"]
            edit = {"version": version, "rows": rows}
            async with self.world.http.put(url, json=edit, headers=self.world.headers) as answer:
                return answer.ok

        await eventually(saved)

    async def call(
        self, method: str, target: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send one request as OneLogin does; try again while nobody answers or asks to.

        A conflict comes back as an empty object.
        """
        headers = {"Authorization": f"Bearer {self.token}"}
        answer: dict[str, Any] | None = None

        async def answered() -> bool:
            nonlocal answer
            try:
                async with self.world.http.request(
                    method, f"{self.endpoint}{target}", json=body, headers=headers
                ) as response:
                    if response.status == 503:
                        return False
                    assert response.ok or response.status == 409, await response.text()
                    told = await response.json(content_type=None)
                    answer = told if told and response.ok else {}
                    return True
            except aiohttp.ClientError:
                return False

        await eventually(answered, within_s=60)
        assert answer is not None
        return answer

    async def turn(self, act: str) -> None:
        """Pause or resume the directory."""
        await self.world.post("ingest", f"/directories/{self.id}/{act}", {"actor": "app"})

    async def rest(self) -> None:
        """Let half a minute pass since the directory was paused."""
        connection = await asyncpg.connect(self.world.system.run["postgres"]["ingest"])
        try:
            await connection.execute(
                "update ingest.directories set state_since = state_since - interval '30 s' "
                "where id = $1",
                self.id,
            )
        finally:
            await connection.close()

    async def end(self) -> None:
        """Delete the directory for good; it was paused half a minute ago."""
        await self.turn("pause")
        await self.rest()
        url = f"{self.world.system.run['ingest']}/v1/directories/{self.id}?actor=app"
        async with self.world.http.delete(url, headers=self.world.headers) as answer:
            assert answer.status == 204, await answer.text()

    async def roles_of(self, person: Person) -> set[str]:
        """Return the roles that a user holds, by the roles service; none for an unknown user."""
        url = f"{self.world.system.run['roles']}/v1/directories/{self.id}/users/{person.id}/roles"
        try:
            async with self.world.http.get(url, headers=self.world.headers) as answer:
                if not answer.ok:
                    return set()
                return {each["role"]["key"] for each in (await answer.json())["roles"]}
        except aiohttp.ClientError:
            return set()

    async def become(self, person: Person, roles: set[str]) -> None:
        """Wait until a user holds exactly these roles."""

        async def settled() -> bool:
            return await self.roles_of(person) == roles

        await eventually(settled, within_s=60)

    async def role_events(self, person: Person) -> list[tuple[str, str]]:
        """Return what role.events.v1 says of a user, first occurrences alone, in order."""
        return [
            (event["type"].split(".")[2], event["data"]["role"]["key"])
            for event in await self.events("role.events.v1")
            if event["data"].get("user", {}).get("id") == person.id
        ]

    async def events(self, topic: str) -> list[dict[str, Any]]:
        """Return this directory's events in order, each once by id."""
        events = {
            event["id"]: event
            for key, event in await self.world.records(topic)
            if key == self.id and event
        }
        return list(events.values())

    async def state(self, person: Person) -> dict[str, Any] | None:
        """Return the last record of role.state.v1 for a user."""
        last = dict(await self.world.records("role.state.v1"))
        return last.get(f"{self.id}/{person.id}")


@asynccontextmanager
async def world_of(system: System) -> AsyncIterator[World]:
    timeout = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield World(system, http)
