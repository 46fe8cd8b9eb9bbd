"""Run the handler on a batch, and where something fails for good, find out what it is."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

import structlog

from shared import db
from shared.consume import plan
from shared.consume.plan import NOTHING_GIVEN_UP, GivenUp, Plan, Progress, Read
from shared.contracts.envelope import Envelope
from shared.contracts.ids import DirectoryId

_log = structlog.get_logger(__name__)
Apply: TypeAlias = Callable[[db.Connection, Sequence[Envelope]], Awaitable[None]]
Part: TypeAlias = tuple[Sequence[Read], GivenUp]
"""The records of one partition, and which of them were given up."""
Way: TypeAlias = Callable[
    [db.Connection, Apply, Sequence[Part], Mapping[DirectoryId, Progress]], Awaitable[list[Plan]]
]
"""How parts are applied inside a transaction: as a whole, or one by one; a plan for each."""


class FailedForGoodError(Exception):
    """Some event will never be applied, and the transaction is void."""


async def apply(
    tx: db.Connection,
    handler: Apply,
    reads: Sequence[Read],
    progress: Mapping[DirectoryId, Progress],
) -> Plan:
    """Apply what the gate lets through; return what the records came to.

    Raises what is transient; whatever else an event raises parks its directory.
    """
    parts = [(reads, NOTHING_GIVEN_UP)]
    with suppress(FailedForGoodError):
        async with tx.transaction():
            [found] = await whole(tx, handler, parts, progress)
            return found
    [found] = await one_by_one(tx, handler, parts, progress)
    return found


async def whole(
    tx: db.Connection,
    handler: Apply,
    parts: Sequence[Part],
    progress: Mapping[DirectoryId, Progress],
) -> list[Plan]:
    """Apply what the gate lets through, all in one go.

    Raises what is transient, and FailedForGoodError.
    """
    plans: list[Plan] = []
    for reads, given_up in parts:
        plans.append(plan.made(reads, progress, given_up))
        progress = plans[-1].progress
    events = [event for one in plans for _, event in one.apply]
    try:
        if events:
            await handler(tx, events)
    except Exception as error:
        if db.is_transient(error):
            raise
        raise FailedForGoodError from error
    return plans


async def one_by_one(
    tx: db.Connection,
    handler: Apply,
    parts: Sequence[Part],
    progress: Mapping[DirectoryId, Progress],
) -> list[Plan]:
    """Apply event after event, so that the one that fails is found and the rest gets through."""
    plans: list[Plan] = []
    for reads, given_up in parts:
        total = Plan(dict(progress))
        for one in reads:
            total.add(await _one(tx, handler, one, total.progress, given_up))
        plans.append(total)
        progress = total.progress
    return plans


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
