"""A downstream app in miniature: prints each role event as a sentence.

python subscriber.py KAFKA_ADDRESS [GROUP]
"""

import asyncio
import json
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer

TOPIC = "role.events.v1"


def sentence(event: dict[str, Any]) -> str | None:
    """Say what an event means to an app; None for types that it need not act on."""
    data = event["data"]
    groups = " and ".join(
        group["displayName"] for group in data.get("reason", {}).get("groups", ())
    )
    match event["type"]:
        case "rollcall.role.assigned.v1":
            return f"{data['user']['userName']} now holds {data['role']['name']}, through {groups}"
        case "rollcall.role.revoked.v1":
            why = {
                "inactive": "was suspended",
                "deleted": "was deleted",
                "mapping": "by a new mapping",
            }.get(data["reason"]["kind"], f"left {groups}")
            return f"{data['user']['userName']} no longer holds {data['role']['name']}: {why}"
    return None  # an unknown type may come at any time: skip it


async def main(kafka: str, group: str) -> None:
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=kafka,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    last: dict[str, tuple[int, int]] = {}  # a real app keeps this in its own database
    async with consumer:
        async for record in consumer:
            event = json.loads(record.value)
            position = (event["generation"], int(event["sequence"]))
            # Kafka may repeat, never reorder: at or below the last position is a repeat.
            if position > last.get(event["source"], (0, 0)):
                if line := sentence(event):
                    print(line, flush=True)
                last[event["source"]] = position
            await consumer.commit()


if __name__ == "__main__":
    address, *name = sys.argv[1:] or sys.exit(__doc__)
    asyncio.run(main(address, name[0] if name else "example-subscriber"))
