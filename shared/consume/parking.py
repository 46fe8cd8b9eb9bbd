"""What an operator may do with records that wait: let them go on, or give up the first.

Both hold the directory's position, as the loop does, so that nothing overtakes.
"""

from dataclasses import dataclass, replace

from shared import audit, db
from shared.consume import applying, plan, store
from shared.consume.applying import Apply
from shared.consume.plan import Plan, Progress, State
from shared.consume.store import Waiting
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId

_AT_ONCE = 500


class ParkingError(Exception):
    """Base: what was asked cannot be done."""


class NotStoppedError(ParkingError):
    """The directory is not stopped: its events are applied as they come."""


class OtherRecordError(ParkingError):
    """Another record stands first by now: look again before giving one up."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a step came to; `waiting` is 0 once the directory is live again."""

    applied: int
    waiting: int
    progress: Progress


async def replay(
    database: db.Database, topic: str, handler: Apply, directory: DirectoryId
) -> Replayed:
    """Apply the records that wait first, up to 500; the directory is live when none waits.

    What still fails stays parked, with today's reason. Raises NotStoppedError.
    """
    async with database.transaction() as tx:
        before = await _lock_stopped(tx, topic, directory)
        tried = await store.waiting(tx, topic, directory, _AT_ONCE)
        reads = [plan.read(one.record) for one in tried]
        start = {directory: Progress(before.position)}
        result = await applying.apply(tx, handler, reads, start)
        if tried:
            await store.settle(tx, (topic, tried[0].partition), tried, result)
        waiting = await store.count_waiting(tx, topic, directory)
        now = result.of(directory)
        if waiting and now.state is State.LIVE:
            # More waits than one step applies: what arrives meanwhile must queue behind it.
            now = replace(before, position=now.position)
        elif now.state is before.state is State.STALLED:
            now = replace(now, awaits=before.awaits)
        await store.save_progress(tx, topic, Plan({directory: now}))
    return Replayed(len(result.apply), waiting, now)


async def skip(
    database: db.Database,
    topic: str,
    directory: DirectoryId,
    offset: int,
    *,
    actor: str,
    heals: bool,
) -> None:
    """Give up the record at `offset`, which must be the first that waits; audited.

    Where a snapshot `heals`, nothing is derived from the hole that an event leaves: the directory
    stalls until a snapshot opens. Elsewhere it goes on behind the hole, once it is replayed.
    Raises NotStoppedError, OtherRecordError.
    """
    async with database.transaction() as tx:
        before = await _lock_stopped(tx, topic, directory)
        first = await store.waiting(tx, topic, directory, 1)
        if [one.record.offset for one in first] != [offset]:
            raise OtherRecordError(
                "Another record stands first by now; look again with `rollcall parked`."
            )
        now = await _give_up(tx, topic, directory, before, first[0], heals=heals)
        await store.save_progress(tx, topic, Plan({directory: now}))
        facts = {"topic": topic, "offset": offset, "reason": before.reason}
        await audit.record(tx, actor, "event.skipped", directory, facts)


async def _lock_stopped(tx: db.Connection, topic: str, directory: DirectoryId) -> Progress:
    found = await store.lock_progress(tx, topic, [directory])
    if directory not in found or found[directory].state is State.LIVE:
        raise NotStoppedError(
            f"Directory {directory} is not stopped on {topic}; see GET /v1/parked."
        )
    return found[directory]


async def _give_up(
    tx: db.Connection,
    topic: str,
    directory: DirectoryId,
    before: Progress,
    first: Waiting,
    *,
    heals: bool,
) -> Progress:
    _, event = plan.read(first.record)
    if event and before.state is State.STALLED and not heals:
        # The hole lies before this event, which itself is sound.
        at = Position(event.position.generation, event.position.sequence - 1)
        return replace(before, position=at)
    await store.give_up(tx, topic, directory, first, heals=heals)
    return plan.given_up(before, event, heals=heals)
