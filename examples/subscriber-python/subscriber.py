"""A downstream app in miniature: keeps a table of who holds which role, and prints each change.

python subscriber.py KAFKA_ADDRESS TABLE [GROUP]

The file TABLE is JSON: `holds` has a row for each user that holds a role, by directory/user.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer

EVENTS, STATE = "role.events.v1", "role.state.v1"
ASSIGNED, REVOKED = "rollcall.role.assigned.v1", "rollcall.role.revoked.v1"
WHY = {"inactive": "was suspended", "deleted": "was deleted", "mapping": "by a new mapping"}


def save(path: Path, table: dict) -> None:
    """Replace the file in one step: roles and positions change together or not at all."""
    with Path(f"{path}.new").open("w") as draft:
        json.dump(table, draft, indent=1)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(path)


async def bootstrap(kafka: str) -> dict:
    """Make the table from the compacted topic."""
    table: dict = {"offsets": {}, "positions": {}, "holds": {}}
    topics = AIOKafkaConsumer(STATE, EVENTS, bootstrap_servers=kafka, auto_offset_reset="earliest")
    async with topics:
        events = {place for place in topics.assignment() if place.topic == EVENTS}
        topics.pause(*events)
        # First where the events end, then the state: it holds what they told up to there.
        for place, offset in (await topics.end_offsets(events)).items():
            table["offsets"][str(place.partition)] = offset
        ends = await topics.end_offsets(topics.assignment() - events)
        while any([await topics.position(place) < end for place, end in ends.items()]):
            for records in (await topics.getmany(timeout_ms=500)).values():
                for one in records:
                    learn(table, one.key.decode(), json.loads(one.value or "null"))
    return table


def learn(table: dict, key: str, state: dict | None) -> None:
    """Take in a record of the compacted topic; without a value the user holds nothing."""
    table["holds"].pop(key, None)
    if state:
        roles = [held["role"]["key"] for held in state["data"]["roles"]]
        table["holds"][key] = [state["data"]["user"]["userName"], *roles]
        # At least up to here: the events that went before are contained.
        directory, at = key.partition("/")[0], [state["generation"], int(state["sequence"]), False]
        table["positions"][directory] = max(at, table["positions"].get(directory, at))


def apply(table: dict, directory: str, event: dict) -> None:
    """Apply an event, and say what changed in a sentence. Raises LookupError for a gap."""
    at = [event["generation"], int(event["sequence"])]
    *last, is_exact = table["positions"].get(directory, [0, 0, False])
    if at <= last:
        return  # a repeat, or contained in the state
    if is_exact and at != [last[0], last[1] + 1] and not (at[0] > last[0] and at[1] == 1):
        raise LookupError(f"directory {directory}: {at} after {last}")
    table["positions"][directory] = [*at, True]
    if event["type"] not in {ASSIGNED, REVOKED}:
        return  # unknown types may come at any time
    user, role, reason = (event["data"][name] for name in ("user", "role", "reason"))
    table["holds"].pop(f"{directory}/{user['id']}", None)
    if roles := event["data"]["rolesAfter"]:
        table["holds"][f"{directory}/{user['id']}"] = [user["userName"], *roles]
    groups = " and ".join(group["displayName"] for group in reason["groups"]) or reason["kind"]
    why = WHY.get(reason["kind"], f"left {groups}")
    gained, lost = f"now holds {role['name']}, through {groups}", f"no longer holds {role['name']}"
    print(user["userName"], gained if event["type"] == ASSIGNED else f"{lost}: {why}", flush=True)


async def follow(kafka: str, path: Path, group: str = "example-python") -> None:
    table = json.loads(path.read_text()) if path.exists() else await bootstrap(kafka)
    options = {"enable_auto_commit": False, "auto_offset_reset": "earliest"}
    consumer = AIOKafkaConsumer(EVENTS, bootstrap_servers=kafka, group_id=group, **options)
    async with consumer:
        while True:
            save(path, table)
            await consumer.commit()
            for place, records in (await consumer.getmany(timeout_ms=60_000)).items():
                due = table["offsets"].setdefault(str(place.partition), 0)
                if records[0].offset < due:
                    consumer.seek(place, due)  # Kafka decides who reads, the table from where
                    continue
                try:
                    if records[0].offset > due:
                        raise LookupError(f"partition {place.partition}: {due} is gone")
                    for one in records:
                        apply(table, one.key.decode(), json.loads(one.value))
                    table["offsets"][str(place.partition)] = records[-1].offset + 1
                except LookupError as gap:
                    print(f"missed something, starting anew: {gap}", file=sys.stderr)
                    table = await bootstrap(kafka)


if __name__ == "__main__":
    address, file, *name = sys.argv[1:] if sys.argv[2:] else sys.exit(__doc__)
    asyncio.run(follow(address, Path(file), *name))
