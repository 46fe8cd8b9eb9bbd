"""Dead letters: what stopped a directory is copied to `dead-letters.v1`, for eyes only.

The copy is noted in the transaction that parks, published here, then deleted: a crash repeats it
and never loses it. One publisher at a time, by an advisory lock, so that the order stays.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog

from shared import db, kafka
from shared.contracts.dead_letters import DeadLetter
from shared.contracts.ids import DirectoryId
from shared.contracts.topics import DEAD_LETTERS

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 1.0
_AT_ONCE = 20
_PUBLISH_WITHIN_S = 8.0  # Postgres ends a transaction that idles for 10 s
_ANY = "select exists (select from dead_letters)"
_LOCK = """
select pg_try_advisory_xact_lock(hashtext('dead_letters'), hashtext(current_schema()))
"""
_NEXT = """
select id, topic, partition, "offset", directory_id, record, reason, attempt, parked_at
from dead_letters order by id limit $1
"""
_DONE = "delete from dead_letters where id = any($1::bigint[])"


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Publishes what a consumer could not apply."""

    database: db.Database
    servers: kafka.Servers
    consumer: str

    async def run(self, stopping: asyncio.Event) -> None:
        """Copy until stopped; wait out Kafka or Postgres being away."""
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await stopping.wait()
            try:
                await self._copy_all(stopping)
            except (kafka.PublishError, kafka.KafkaUnavailableError) as error:
                _log.warning("letters.postponed", error=type(error).__name__)
            except Exception as error:
                if not db.is_transient(error):
                    raise
                _log.warning("letters.postponed", error=type(error).__name__)

    async def _copy_all(self, stopping: asyncio.Event) -> None:
        async with self.database.connection() as connection:
            if not await connection.fetchval(_ANY):
                return
        async with kafka.publisher(self.servers, f"{self.consumer}-letters") as publisher:
            while not stopping.is_set() and await self._copy(publisher):
                pass

    async def _copy(self, publisher: kafka.Publisher) -> bool:
        """Copy some; return whether there may be more."""
        async with self.database.transaction() as tx:
            if not await tx.fetchval(_LOCK):
                return False
            rows = await tx.fetch(_NEXT, _AT_ONCE)
            async with asyncio.timeout(_PUBLISH_WITHIN_S):
                for row in rows:
                    await publisher.publish(row["partition"], [self._record(row)])
            await tx.execute(_DONE, [row["id"] for row in rows])
        return bool(rows)

    def _record(self, row: db.Record) -> kafka.Outgoing:
        letter = DeadLetter(
            consumer=self.consumer,
            topic=row["topic"],
            partition=row["partition"],
            offset=row["offset"],
            directory=DirectoryId(row["directory_id"]),
            reason=row["reason"],
            attempt=row["attempt"],
            time=row["parked_at"],
        )
        key = row["directory_id"].encode()
        return kafka.Outgoing(DEAD_LETTERS.name, key, letter.document(row["record"]))
