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
Way: TypeAlias = Callable[
    [db.Connection, Apply, Sequence[Read], Mapping[DirectoryId, Progress], GivenUp],
    Awaitable[Plan],
]
"""How a batch is applied inside a transaction: as a whole, or one by one."""


class FailedForGoodError(Exception):
    """Some event of a batch will never be applied, and the transaction is void."""


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
    try:
        async with tx.transaction():
            return await whole(tx, handler, reads, progress, given_up)
    except FailedForGoodError:
        return await one_by_one(tx, handler, reads, progress, given_up)


async def whole(
    tx: db.Connection,
    handler: Apply,
    reads: Sequence[Read],
    progress: Mapping[DirectoryId, Progress],
    given_up: GivenUp,
) -> Plan:
    """Apply what the gate lets through, all in one go; return what the batch came to.

    Raises what is transient, and FailedForGoodError.
    """
    made = plan.made(reads, progress, given_up)
    try:
        if made.apply:
            await handler(tx, [event for _, event in made.apply])
    except Exception as error:
        if db.is_transient(error):
            raise
        raise FailedForGoodError from error
    return made


async def one_by_one(
    tx: db.Connection,
    handler: Apply,
    reads: Sequence[Read],
    progress: Mapping[DirectoryId, Progress],
    given_up: GivenUp,
) -> Plan:
    """Apply event after event, so that the one that fails is found and the rest gets through."""
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
