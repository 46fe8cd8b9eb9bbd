"""A log that lost what is read next: say so, until an operator accepts the loss.

    halted ─ `rollcall accept-loss` ─▶ read on where the log starts, each directory stalled
           ─ healing ─▶ a snapshot of each tells what is there now

Only for topics whose directories a snapshot heals: nothing is derived from the hole.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from aiohttp import web

from shared import audit, db, kafka, telemetry
from shared import web as edge
from shared.api import Endpoint
from shared.consume import store
from shared.consume.loop import Consumer, ConsumerError, LogTruncatedError
from shared.contracts import management

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 2.0
_SAY_EVERY_S = 60.0
_REASON = "the log lost records"


class NothingLostError(ConsumerError):
    """The log holds what is read next."""


@dataclass(frozen=True, slots=True)
class Halting:
    """Runs a consumer; behind a log that was cut off it stays, says so, and goes on when it may.

    A process that ended instead could not be told to go on.
    """

    consumer: Consumer

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until stopped. Raises as the consumer does, but for a log that was cut off."""
        while not stopping.is_set():
            try:
                await self.consumer.run(stopping)
            except* LogTruncatedError as group:
                await self._halt(str(group.exceptions[0]), stopping)

    async def _halt(self, reason: str, stopping: asyncio.Event) -> None:
        halted = telemetry.HALTED.labels(self.consumer.group)
        halted.set(1)
        say_at = time.monotonic()
        try:
            while not stopping.is_set() and await self._is_cut_off():
                if time.monotonic() >= say_at:
                    _log.error("consumer.halted", reason=reason)
                    say_at += _SAY_EVERY_S
                await _pause(stopping)
        finally:
            halted.set(0)

    async def _is_cut_off(self) -> bool:
        try:
            return bool(await losses(self.consumer))
        except Exception as error:
            if not db.is_transient(error):
                raise
            return True


async def _pause(stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_EVERY_S):
            await stopping.wait()


async def losses(consumer: Consumer) -> list[management.Loss]:
    """Return the partitions whose next record the log no longer holds, in order."""
    async with consumer.database.connection() as connection:
        stored = await store.offsets(connection, list(consumer.handlers))
    async with kafka.reader(consumer.servers, (), past=True) as reader:
        bounds = await reader.log_bounds(stored)
    return [
        management.Loss(topic=place[0], partition=place[1], next=offset, start=start, end=end)
        for place, offset in sorted(stored.items())
        for start, end in [bounds[place]]
        if not start <= offset <= end
    ]


@dataclass(frozen=True, slots=True)
class Losses:
    """`/v1/losses`: what the log of a consumer lost, and going on without it."""

    consumer: Consumer

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        lost = list[management.Loss]
        return [
            Endpoint("GET", "/losses", self.list_losses, {200: lost}, area="operations"),
            Endpoint(
                "POST",
                "/losses/accept",
                self.accept_losses,
                {200: lost},
                takes=management.Act,
                refuses=(409,),
                area="operations",
            ),
        ]

    async def list_losses(self, _request: web.Request) -> web.Response:
        """Answer the partitions whose next record is gone."""
        return edge.answers([*await losses(self.consumer)])

    async def accept_losses(self, request: web.Request) -> web.Response:
        """Answer what was accepted; 409 while the log holds all that is read next."""
        wanted = await edge.body(request, management.Act)
        found = await losses(self.consumer)
        if not found:
            raise NothingLostError("The log holds what is read next: there is no loss to accept.")
        async with self.consumer.database.transaction() as tx:
            await _accept(tx, found, wanted.actor)
        return edge.answers([*found])


async def _accept(tx: db.Connection, found: Iterable[management.Loss], actor: str) -> None:
    """Read on where the log starts. Which directories it concerned, the log no longer says: all."""
    for one in found:
        await store.move_offset(tx, (one.topic, one.partition), one.start)
        facts = {"topic": one.topic, "partition": one.partition, "from": one.next, "to": one.start}
        await audit.record(tx, actor, "loss.accepted", None, facts)
    for topic in {one.topic for one in found}:
        await store.stall_all(tx, topic, _REASON)
