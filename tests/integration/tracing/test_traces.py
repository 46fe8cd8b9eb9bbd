"""One SCIM request, its events, and what three services make of them are one trace (ADR 0032)."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession

from deploy.local import ports
from services.__main__ import migrate
from shared import db, kafka
from shared.consume import store
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS
from tests.integration.ingest.client import API_KEY, PATCH_OP, Client, Log, connect
from tests.integration.roles.service import Log as RoleLog
from tests.integration.roles.world import Api
from tests.support.collector import Collector, Seen, collecting
from tests.support.servers import Databases, Servers
from tests.support.service import Service
from tests.support.waiting import eventually

SERVICES = ("ingest", "roles", "projector")
ADA = "ada.lovelace@analytical.example"
ENGINEERS = "Engineers of the difference"
REQUEST = "PATCH /scim/v2/{directory}/Groups/{id}{_}"
STOPS_WITHIN_S = 20


@dataclass(frozen=True, slots=True)
class Site:
    """Three services that run, and a directory whose group gives a role."""

    services: dict[str, Service]
    client: Client
    servers: Servers
    user: str
    group: str

    async def add(self, traceparent: str | None) -> None:
        """Put the user into the group."""
        await self._members("add", traceparent)

    async def remove(self, traceparent: str | None) -> None:
        """Take the user out of it."""
        await self._members("remove", traceparent)

    async def _members(self, op: str, traceparent: str | None) -> None:
        operation = {"op": op, "path": "members", "value": [{"value": self.user}]}
        body = {"schemas": [PATCH_OP], "Operations": [operation]}
        headers = {"traceparent": traceparent} if traceparent else {}
        answer = await self.client.scim("PATCH", f"/Groups/{self.group}", body, **headers)
        assert answer.status == 204

    async def events(self) -> list[dict[str, object]]:
        return await Log(self.servers.kafka).of(self.client.directory)

    async def role_events(self) -> list[dict[str, object]]:
        read = await RoleLog(self.servers.kafka).events(_Named(self.client.directory))
        return [one.document for one in read]

    async def told(self, kind: str) -> dict[str, object]:
        """Wait for the first role event of a kind, and return it."""

        async def found() -> list[dict[str, object]]:
            return [one for one in await self.role_events() if one["type"] == kind]

        await eventually(found, within_s=30)
        return (await found())[0]


@dataclass(frozen=True, slots=True)
class _Named:
    id: str


def traceparent(flags: str = "01") -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{flags}"


@asynccontextmanager
async def site(
    servers: Servers, databases: Databases, endpoint: str, log: Path | None = None
) -> AsyncIterator[Site]:
    """Yield the services, sending spans to `endpoint` if it is one; they write to `log`."""
    await migrate({name: databases.of(name) for name in SERVICES})
    for schema, url in (("roles", databases.roles), ("rm_1", databases.projector)):
        await _read_from_now_on(servers, schema, url)
    addresses = {name: ports.choose() for name in SERVICES}
    services = {name: _service(name, servers, databases, addresses, endpoint) for name in SERVICES}
    async with AsyncExitStack() as stack:
        for service in services.values():
            service.log = log and stack.enter_context(log.open("ab"))
            await stack.enter_async_context(service.running())
        session = await stack.enter_async_context(ClientSession())
        client = await connect(session, services["ingest"].url)
        group, user = await client.group(ENGINEERS), await client.user(ADA)
        await _map(Api(session, services["roles"].url, API_KEY), client.directory, group)
        yield Site(services, client, servers, user, group)


async def _read_from_now_on(servers: Servers, schema: str, url: str) -> None:
    """Leave out what other tests wrote to the log."""
    places = await kafka.places(servers.kafka, [DIRECTORY_EVENTS.name, ROLE_EVENTS.name])
    async with kafka.reader(servers.kafka, (), past=True) as reader:
        bounds = await reader.log_bounds(places)
    async with db.connect(url, schema) as database, database.connection() as connection:
        await store.open_offsets(connection, {place: end for place, (_, end) in bounds.items()})


def _service(
    name: str, servers: Servers, databases: Databases, addresses: dict[str, int], endpoint: str
) -> Service:
    prefix = f"ROLLCALL_{name.upper()}"
    environment = {
        **os.environ,
        f"{prefix}_DATABASE_URL": databases.of(name),
        f"{prefix}_PORT": str(addresses[name]),
        f"{prefix}_INGEST_URL": f"http://127.0.0.1:{addresses['ingest']}",
        "ROLLCALL_INGEST_TOKEN_PEPPER": "a pepper of the tests",
        "ROLLCALL_KAFKA_SERVERS": servers.kafka,
        "ROLLCALL_API_KEY": API_KEY,
        "ROLLCALL_LOG_LEVEL": "INFO",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    if endpoint:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    return Service(name, environment, f"http://127.0.0.1:{addresses[name]}")


async def _map(api: Api, directory: str, group: str) -> None:
    await api.declare("engineer")
    edit = {"version": 0, "rows": [{"groupId": group, "role": "engineer"}]}

    async def is_mapped() -> bool:
        return (await api.put(f"/directories/{directory}/mapping", edit)).status == 200

    await eventually(is_mapped, within_s=30)


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as found:
        yield found


def one(spans: list[Seen], service: str, name: str) -> Seen:
    [found] = [span for span in spans if (span.service, span.name) == (service, name)]
    return found


async def test_a_request_and_what_three_services_make_of_it_are_one_trace(
    servers: Servers, databases: Databases, collector: Collector
) -> None:
    sent = traceparent()
    async with site(servers, databases, collector.url) as running:
        await running.add(sent)
        assigned = await running.told("rollcall.role.assigned.v1")
        await eventually(lambda: len(collector.of(sent)) >= 7, within_s=30)
        [added] = [each for each in await running.events() if "membership" in str(each["type"])]

    spans = collector.of(sent)
    request = one(spans, "rollcall-ingest", REQUEST)
    handled = one(spans, "rollcall-roles", "directory.events.v1 process")
    parents = {(span.service, span.name, span.kind): span.parent for span in spans}
    assert parents == {
        ("rollcall-ingest", REQUEST, "SERVER"): sent.split("-")[2],
        ("rollcall-ingest", "directory.events.v1 publish", "PRODUCER"): request.id,
        ("rollcall-roles", "directory.events.v1 process", "CONSUMER"): request.id,
        ("rollcall-projector", "directory.events.v1 process", "CONSUMER"): request.id,
        ("rollcall-roles", "role.events.v1 publish", "PRODUCER"): handled.id,
        ("rollcall-roles", "role.state.v1 publish", "PRODUCER"): handled.id,
        ("rollcall-projector", "role.events.v1 process", "CONSUMER"): handled.id,
    }
    assert added["traceparent"] == request.traceparent
    assert assigned["traceparent"] == handled.traceparent
    assert not any(span.failed for span in spans)
    assert all(span.start <= span.end for span in spans)
    assert request.facts == {
        "http.request.method": "PATCH",
        "http.route": "/scim/v2/{directory}/Groups/{id}{_}",
        "http.response.status_code": 204,
        "rollcall.directory_id": running.client.directory,
    }
    assert handled.facts["messaging.message.id"] == added["id"]
    assert handled.facts["messaging.consumer.group.name"] == "roles"


async def test_no_span_line_or_metric_tells_who_anybody_is_or_opens_anything(
    servers: Servers, databases: Databases, collector: Collector, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with site(servers, databases, collector.url, log) as running:
        client = running.client
        await client.scim("GET", f'/Users?filter=userName eq "{ADA}"')
        await client.scim("POST", "/Users", {"userName": ADA})
        await client.scim("PATCH", f"/Users/{running.user}", b'{"userName": "' + ADA.encode())
        await client.manage("GET", f"/directories/{ADA}", key=f"{API_KEY} of {ADA}")
        await running.add(None)
        await running.told("rollcall.role.assigned.v1")
        metrics = [await _metrics(service) for service in running.services.values()]
        secret = (client.token, API_KEY, ADA, "lovelace", ENGINEERS)

    lines = log.read_bytes()
    everything = b"".join([*collector.bodies, *metrics, lines])
    assert len(collector.spans) > 10
    assert lines.count(b"http.request_answered") > 10
    assert b"rollcall_http_request_seconds_count" in everything
    assert {text for text in secret if text.encode() in everything} == set()
    [answered, *_] = [line for line in lines.splitlines() if b'"status":409' in line]
    _, _, span, _ = json.loads(answered)["traceparent"].split("-")
    assert span in {each.id for each in collector.spans}


async def _metrics(service: Service) -> bytes:
    async with ClientSession() as session, session.get(f"{service.url}/metrics") as answer:
        return await answer.read()


async def test_who_calls_decides_that_a_trace_is_not_kept_and_it_goes_on_all_the_same(
    servers: Servers, databases: Databases, collector: Collector
) -> None:
    sent = traceparent(flags="00")
    async with site(servers, databases, collector.url) as running:
        await running.add(sent)
        assigned = await running.told("rollcall.role.assigned.v1")

    # All services have ended and sent what they had.
    assert collector.of(sent) == []
    version, trace, _, flags = str(assigned["traceparent"]).split("-")
    assert (version, trace, flags) == ("00", sent.split("-")[1], "00")


async def test_without_an_address_a_callers_trace_goes_through_as_it_came_and_none_begins(
    servers: Servers, databases: Databases
) -> None:
    sent = traceparent()
    async with site(servers, databases, "") as running:
        await running.add(sent)
        assigned = await running.told("rollcall.role.assigned.v1")
        await running.remove(None)
        revoked = await running.told("rollcall.role.revoked.v1")
        events = {each["type"]: each for each in await running.events()}

    added, removed = (events[f"rollcall.membership.{what}.v1"] for what in ("added", "removed"))
    assert added["traceparent"] == assigned["traceparent"] == sent
    assert "traceparent" not in removed
    assert "traceparent" not in revoked


@pytest.mark.faults
async def test_a_collector_that_is_away_costs_spans_and_nothing_else(
    servers: Servers, databases: Databases
) -> None:
    async with site(servers, databases, f"http://127.0.0.1:{ports.choose()}") as running:
        await running.add(traceparent())
        await running.told("rollcall.role.assigned.v1")
        codes = [await service.stop() for service in running.services.values()]

    assert codes == [0, 0, 0]
