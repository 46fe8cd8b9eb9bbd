"""What a running system publishes is what its documents promise, read by public packages."""

import json

from aiokafka import AIOKafkaConsumer, TopicPartition
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator

from shared.contracts import published
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS, ROLE_STATE, lane_of
from tests.support.waiting import eventually
from tests.support.world import Directory, Person, World

SCHEMAS = {
    one.name: Draft202012Validator(
        published.schema(one), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    for one in published.every()
}
NAMES = (
    "directory.created", "directory.paused", "directory.resumed", "directory.deleted",
    "user.created", "user.updated", "user.activated", "user.deactivated",
    "user.deleted", "user.erased", "group.created", "group.updated", "group.deleted",
    "membership.added", "membership.removed", "snapshot.begin", "snapshot.item", "snapshot.end",
    "mapping.saved",
    "role.assigned", "role.revoked", "role.state", "manual.assigned", "manual.unassigned",
)  # fmt: skip
RENAMED = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "displayName", "value": "Administrators"}],
}
TOPICS = (DIRECTORY_EVENTS.name, ROLE_EVENTS.name, ROLE_STATE.name)


async def test_every_record_is_a_cloud_event_that_fits_the_schema_it_names(world: World) -> None:
    acme = await world.directory(mapping={"Admins": "admin", "Owners": "owner"})
    noor = await acme.provision("noor", groups=["Admins"])
    kofi = await acme.provision("kofi", groups=["Admins", "Owners"])
    await acme.suspend(noor)
    await acme.reactivate(noor)
    await acme.call("PUT", f"/Users/{noor.id}?", {"userName": noor.user_name, "title": "Lead"})
    await acme.call("PATCH", f"/Groups/{acme.groups['Admins']}?", RENAMED)
    await acme.remove(kofi, "Admins")
    await acme.become(kofi, {"owner"})
    for method in ("PUT", "DELETE"):
        await by_hand(noor, acme, method)
    snapshot = await world.post("ingest", f"/directories/{acme.id}/snapshots", {})
    await acme.delete(kofi)
    await acme.delete_group("Owners")
    await acme.become(kofi, set())
    await world.post("ingest", f"/directories/{acme.id}/users/{kofi.id}/erasure", {"actor": "app"})
    await eventually(lambda: is_told(acme, snapshot["id"]), within_s=30)
    await acme.turn("pause")
    await acme.turn("resume")
    await acme.end()
    await eventually(lambda: is_over(acme), within_s=30)

    found = [record for topic in TOPICS for record in await records(acme, topic)]

    for record in found:
        event = JSONFormat().read(None, record)
        faults = SCHEMAS[event.get_type()].iter_errors(json.loads(record))
        assert event.get_extension("sequence").isdigit()
        assert event.get_dataschema() == f"urn:rollcall:schemas:{event.get_type()}"
        assert [each.message for each in faults] == [], record
    types = {json.loads(record)["type"].removeprefix("rollcall.") for record in found}
    assert types >= {f"{name}.v1" for name in NAMES}


async def by_hand(person: Person, acme: Directory, method: str) -> None:
    """Give somebody a role by hand, or take it back."""
    url = f"{acme.world.system.run['roles']}/v1/directories/{acme.id}/users/{person.id}/roles/owner"
    headers, body = acme.world.headers, {"actor": "app"}
    async with acme.world.http.request(method, url, json=body, headers=headers) as answer:
        assert answer.ok, await answer.text()


async def is_told(acme: Directory, snapshot: str) -> bool:
    """Tell whether the last event of a snapshot is on the log."""
    url = f"{acme.world.system.run['ingest']}/v1/directories/{acme.id}/snapshots/{snapshot}"
    async with acme.world.http.get(url, headers=acme.world.headers) as answer:
        is_written = (await answer.json())["finishedAt"] is not None
    events = await acme.events(DIRECTORY_EVENTS.name)
    return is_written and any(event["type"] == "rollcall.snapshot.end.v1" for event in events)


async def is_over(acme: Directory) -> bool:
    """Tell whether the end of the directory is on the log."""
    return (await acme.events(DIRECTORY_EVENTS.name))[-1]["type"] == "rollcall.directory.deleted.v1"


async def records(acme: Directory, topic: str) -> list[bytes]:
    """Return a directory's records as they are on the topic, tombstones left out."""
    place = TopicPartition(topic, lane_of(acme.id))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=acme.world.system.run["kafka"], enable_auto_commit=False
    )
    found: list[bytes] = []
    async with consumer:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += [r.value for r in batch if r.value and r.key.startswith(acme.id.encode())]
    return found
