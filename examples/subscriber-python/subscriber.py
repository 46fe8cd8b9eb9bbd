"""A downstream app: keeps a table of who holds which role in a file, and prints each change."""

import asyncio
import json
import os
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition, errors

EVENTS, STATE = "role.events.v1", "role.state.v1"
CHANGES = {"rollcall.role.assigned.v1": "now holds", "rollcall.role.revoked.v1": "no longer holds"}


async def bootstrap(host: str) -> dict:
    async with AIOKafkaConsumer(STATE, bootstrap_servers=host, auto_offset_reset="earliest") as log:
        # First where the events end, then the state: it holds what they told up to there.
        events = [TopicPartition(EVENTS, place.partition) for place in log.assignment()]
        offsets = {str(at.partition): end for at, end in (await log.end_offsets(events)).items()}
        table = {"offsets": offsets, "positions": {}, "holds": {}}
        ends = await log.end_offsets(log.assignment())
        while any([await log.position(place) < end for place, end in ends.items()]):
            for records in (await log.getmany(timeout_ms=500)).values():
                for one in records:
                    learn(table, one.key.decode(), json.loads(one.value or "null"))
    return table


def learn(table: dict, key: str, state: dict | None) -> None:
    table["holds"][key] = [held["role"]["key"] for held in state["data"]["roles"]] if state else []
    if state:  # The events up to its number are contained, and maybe more: it is not exact.
        directory, at = key.partition("/")[0], [state["generation"], int(state["sequence"]), False]
        table["positions"][directory] = max(at, table["positions"].get(directory, at))


def apply(table: dict, directory: str, event: dict) -> None:
    at = [event["generation"], int(event["sequence"])]
    *last, is_exact = table["positions"].get(directory, [0, 0, False])
    if at <= last:
        return  # a repeat, or contained in the state
    if is_exact and at[1] != (last[1] + 1 if at[0] == last[0] else 1):
        raise LookupError(f"directory {directory}: {at} after {last}")
    table["positions"][directory] = [*at, True]
    if event["type"] in CHANGES:  # New types may come at any time.
        user, role, reason = (event["data"][name] for name in ("user", "role", "reason"))
        table["holds"][f"{directory}/{user['id']}"] = event["data"]["rolesAfter"]
        told = f"{user['userName']} {CHANGES[event['type']]} {role['name']}: {reason['kind']}"
        print(told, flush=True)


def save(table: dict, path: Path) -> None:
    """Replace the file in one step: roles, positions and offsets change together."""
    table["holds"] = {user: roles for user, roles in table["holds"].items() if roles}
    with Path(f"{path}.new").open("wb", buffering=0) as draft:
        draft.write(json.dumps(table, indent=1).encode())
        os.fsync(draft.fileno())
    Path(draft.name).replace(path)


async def follow(host: str, path: Path) -> None:
    table = json.loads(path.read_text()) if path.exists() else await bootstrap(host)
    async with AIOKafkaConsumer(EVENTS, bootstrap_servers=host, auto_offset_reset="none") as log:
        for place in log.assignment():
            log.seek(place, table["offsets"][str(place.partition)])
        while True:
            save(table, path)
            for place, records in (await log.getmany(timeout_ms=60_000)).items():
                for one in records:
                    apply(table, one.key.decode(), json.loads(one.value))
                table["offsets"][str(place.partition)] = records[-1].offset + 1


if __name__ == "__main__":
    while True:
        try:
            asyncio.run(follow(sys.argv[1], Path(sys.argv[2])))
        except (LookupError, errors.OffsetOutOfRangeError) as gap:
            print("missed something, starting anew:", gap, file=sys.stderr)
            save(asyncio.run(bootstrap(sys.argv[1])), Path(sys.argv[2]))
