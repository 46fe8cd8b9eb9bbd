"""All four services on a database and a Kafka of the test's own, and somebody in them."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import ClientSession

from deploy.local import ports
from services.__main__ import SERVICES, migrate
from tests.integration.ingest.client import API_KEY, Client, connect
from tests.integration.roles.world import Api
from tests.support.servers import Databases, Servers
from tests.support.service import Service
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class Site:
    """The services by name, and what is in them."""

    services: Mapping[str, Service]
    client: Client
    organization: str
    user: str
    group: str
    spare: str
    """A directory that nobody provisions, to be limited, snapshotted and locked out."""
    spare_token: str

    def known(self, name: str) -> dict[str, list[str]]:
        """Return what parameters of an API may name, each by the name of the parameter."""
        if name == "scim":
            return {"directory": [self.client.directory], "id": [self.user, self.group, "User"]}
        directory = self.spare if name == "ingest" else self.client.directory
        return {
            "id": [directory, self.organization],
            "directory": [directory],
            "organization": [self.organization],
            "user": [self.user],
            "role": ["admin"],
            "key": [self.spare_token if name == "ingest" else "admin"],
            "topic": ["directory.events.v1"],
            "version": ["1", "2"],
        }


@asynccontextmanager
async def running(servers: Servers, databases: Databases) -> AsyncIterator[Site]:
    """Yield the services, once roles knows the directory that is in them."""
    await migrate({name: databases.of(name) for name in SERVICES})
    chosen: dict[str, int] = {}
    for name in SERVICES:
        chosen[name] = ports.choose(taken=chosen.values())
    environment = _environment(servers, databases, chosen)
    async with AsyncExitStack() as stack:
        services = {
            name: Service(name, environment, f"http://127.0.0.1:{port}")
            for name, port in chosen.items()
        }
        for service in services.values():
            await stack.enter_async_context(service.running())
        session = await stack.enter_async_context(ClientSession())
        client = await connect(session, services["ingest"].url)
        yield await _filled(services, client)


def _environment(
    servers: Servers, databases: Databases, chosen: Mapping[str, int]
) -> dict[str, str]:
    of_each = {
        f"ROLLCALL_{name.upper()}_{setting}": value
        for name, port in chosen.items()
        for setting, value in (("DATABASE_URL", databases.of(name)), ("PORT", str(port)))
    }
    urls = {
        f"ROLLCALL_{name}_INGEST_URL": f"http://127.0.0.1:{chosen['ingest']}"
        for name in ("ROLES", "PROJECTOR", "PORTAL")
    }
    return {
        **os.environ,
        **of_each,
        **urls,
        "ROLLCALL_PORTAL_ROLES_URL": f"http://127.0.0.1:{chosen['roles']}",
        "ROLLCALL_PORTAL_SECRET": "a secret of the tests",
        "ROLLCALL_INGEST_TOKEN_PEPPER": "a pepper of the tests",
        "ROLLCALL_INGEST_REQUESTS_PER_SECOND": "10000",
        "ROLLCALL_INGEST_BURST": "100000",
        "ROLLCALL_KAFKA_SERVERS": servers.kafka,
        "ROLLCALL_API_KEY": API_KEY,
        "ROLLCALL_LOG_LEVEL": "ERROR",
    }


async def _filled(services: Mapping[str, Service], client: Client) -> Site:
    """Have a user in a group that grants a role, and a directory beside."""
    user = await client.user("ada", title="Lead", emails=[{"value": "ada@globex.test"}])
    group = await client.group("Admins", user)
    roles = Api(client.session, services["roles"].url, API_KEY)
    await roles.declare("admin")
    edit = {"version": 0, "rows": [{"groupId": group, "role": "admin"}]}

    async def is_mapped() -> bool:
        return (await roles.put(f"/directories/{client.directory}/mapping", edit)).status == 200

    await eventually(is_mapped, within_s=20)
    found = (await client.manage("GET", f"/directories/{client.directory}")).body
    spare = await connect(client.session, client.url, name="Spare")
    [token] = (await client.manage("GET", f"/directories/{spare.directory}/tokens")).body["items"]
    return Site(
        services, client, found["organizationId"], user, group, spare.directory, token["id"]
    )
