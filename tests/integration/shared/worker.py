"""A process to be killed: `python -m tests.integration.shared.worker consume|relay …`."""

import asyncio
import sys
from collections.abc import Sequence

from shared import db, outbox
from shared.contracts.envelope import Envelope
from tests.integration.shared import world


async def _apply_then_wait(tx: db.Connection, events: Sequence[Envelope]) -> None:
    """Do all the work of a batch, and stop short of its commit until the lock is free."""
    await world.apply(tx, events)
    await tx.execute("select pg_advisory_xact_lock($1)", world.LOCK)


async def consume(dsn: str, servers: str, topic: str) -> None:
    """Apply batches that cannot commit while somebody holds the lock."""
    async with db.connect(dsn, "projector") as database:
        reader = world.Reader(database, servers, topic, _apply_then_wait)
        await reader.consumer("worker").run(asyncio.Event())


async def relay(dsn: str, servers: str) -> None:
    """Relay until killed."""
    async with db.connect(dsn, "projector") as database:
        await outbox.Relay(database, servers, "worker").run(asyncio.Event())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["consume", dsn, servers, topic]:
            asyncio.run(consume(dsn, servers, topic))
        case ["relay", dsn, servers]:
            asyncio.run(relay(dsn, servers))
