"""Run the handler on a batch, and where something fails for good, find out what it is."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

import structlog

from shared import db
from shared.consume import plan
from shared.consume.plan import NOTHING_GIVEN_UP, GivenUp, Plan, Progress, Read
from shared.contracts.envelope import Envelope
from shared.contracts.ids import DirectoryId

_log = structlog.get_logger(__name__)
Apply: TypeAlias = Callable[[db.Connection, Sequence[Envelope]], Awaitable[None]]


async def apply(
    tx: db.Connection,
    handler: Apply,
    reads: Sequence[Read],
    progress: Mapping[DirectoryId, Progress],
    given_up: GivenUp = NOTHING_GIVEN_UP,
) -> Plan:
    """Apply what the gate lets through; return what the batch came to.

    Raises what is transient; whatever else an event raises parks its directory.
    """
    whole = plan.made(reads, progress, given_up)
    if not whole.apply:
        return whole
    try:
        async with tx.transaction():
            await handler(tx, [event for _, event in whole.apply])
    except Exception as error:
        if db.is_transient(error):
            raise
        # Something in the batch fails for good: find it, and let the rest through.
        return await _one_by_one(tx, handler, reads, progress, given_up)
    return whole


async def _one_by_one(
    tx: db.Connection,
    handler: Apply,
    reads: Sequence[Read],
    progress: Mapping[DirectoryId, Progress],
    given_up: GivenUp,
) -> Plan:
    total = Plan(dict(progress))
    for one in reads:
        total.add(await _one(tx, handler, one, total.progress, given_up))
    return total


async def _one(
    tx: db.Connection,
    handler: Apply,
    one: Read,
    progress: Mapping[DirectoryId, Progress],
    given_up: GivenUp,
) -> Plan:
    step = plan.made([one], progress, given_up)
    for applied in step.apply:
        try:
            async with tx.transaction():
                await handler(tx, [applied[1]])
        except Exception as error:
            if db.is_transient(error):
                raise
            _log.exception("consumer.event_failed", directory_id=applied[1].directory)
            return plan.failed(applied, progress, given_up, error)
    return step
