"""Sends users to a SCIM endpoint until its standard input ends; prints how often what came back.

`load.py ENDPOINT TOKEN SENDERS PAUSE_S`; run in a pod, so it needs no more than aiohttp. One half
of the senders keeps its connection, as a proxy does, the other opens one for each request.
"""

import asyncio
import json
import sys
from collections import Counter

from aiohttp import ClientSession, ClientTimeout, TCPConnector

ENDPOINT, TOKEN, SENDERS, PAUSE_S = sys.argv[1:]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


async def send(number: int, seen: Counter[str], done: asyncio.Event) -> None:
    """Send one user after the other."""
    connector = TCPConnector(force_close=bool(number % 2))
    limit = ClientTimeout(total=30)
    async with ClientSession(connector=connector, headers=HEADERS, timeout=limit) as session:
        count = 0
        while not done.is_set():
            count += 1
            user = {"userName": f"sender-{number}-{count}"}
            try:
                async with session.post(f"{ENDPOINT}/Users", json=user) as answer:
                    await answer.read()
                    seen[str(answer.status)] += 1
            except Exception as error:  # noqa: BLE001  # whatever it is, it is counted
                seen[repr(error)] += 1
            await asyncio.sleep(float(PAUSE_S))


async def main() -> None:
    """Send until standard input ends."""
    seen: Counter[str] = Counter()
    done = asyncio.Event()
    async with asyncio.TaskGroup() as senders:
        for number in range(int(SENDERS)):
            senders.create_task(send(number, seen, done))
        await asyncio.to_thread(sys.stdin.read)
        done.set()
    print(json.dumps(seen))  # noqa: T201


asyncio.run(main())
