"""Healing: whoever is stalled is asked a snapshot for, again and again until it arrives (ADR 0015).

Ingest answers with the snapshot that runs already, so asking twice does no harm. Once it has told
where its snapshot begins, we wait for that place in the log, however far behind we are.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import structlog

from shared import db
from shared.contracts.envelope import Position
from shared.contracts.ids import DirectoryId
from shared.contracts.management import Snapshot

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 1.0
_TIMEOUT = aiohttp.ClientTimeout(total=10)
# One replica asks for a directory at a time; a snapshot that vanished is asked for again.
_DUE = """
update directory_positions set asked_at = now()
where state = 'stalled' and topic = any($1::text[])
  and (asked_at is null
       or (awaits_sequence is null and asked_at < now() - interval '10 s')
       or asked_at < now() - interval '15 min')
returning topic, directory_id
"""
_AWAIT = """
update directory_positions set awaits_generation = $3, awaits_sequence = $4
where topic = $1 and directory_id = $2 and state = 'stalled'
"""


class SnapshotRefusedError(Exception):
    """Ingest did not promise a snapshot."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """The service that makes snapshots, by its address."""

    url: str
    api_key: str

    async def snapshot(self, session: aiohttp.ClientSession, directory: DirectoryId) -> Snapshot:
        """Return the snapshot of a directory that runs, begun now if none did.

        Raises SnapshotRefusedError, aiohttp.ClientError and TimeoutError.
        """
        url = f"{self.url.rstrip('/')}/v1/directories/{directory}/snapshots"
        headers = {"Authorization": f"Bearer {self.api_key}"}
        async with session.post(url, headers=headers, json={"actor": "consumer"}) as answer:
            if not answer.ok:
                raise SnapshotRefusedError(f"ingest answered {answer.status}")
            return Snapshot.model_validate_json(await answer.read())


@dataclass(frozen=True, slots=True)
class Healer:
    """Asks for a snapshot of each directory that is stalled on one of these topics."""

    database: db.Database
    ingest: Ingest
    topics: Collection[str]

    async def run(self, stopping: asyncio.Event) -> None:
        """Look every second until stopped; what cannot be had now is asked for later."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            while not stopping.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await stopping.wait()
                await self._look(session)

    async def _look(self, session: aiohttp.ClientSession) -> None:
        try:
            async with self.database.connection() as connection:
                due = await connection.fetch(_DUE, list(self.topics))
            for row in due:
                await self._ask(session, row["topic"], DirectoryId(row["directory_id"]))
        except Exception as error:
            if not db.is_transient(error):
                raise
            _log.warning("consumer.healing_postponed", error=type(error).__name__)

    async def _ask(
        self, session: aiohttp.ClientSession, topic: str, directory: DirectoryId
    ) -> None:
        try:
            snapshot = await self.ingest.snapshot(session, directory)
        except (SnapshotRefusedError, aiohttp.ClientError, TimeoutError) as error:
            _log.warning(
                "consumer.snapshot_refused", directory_id=directory, error=type(error).__name__
            )
            return
        begin = Position(snapshot.generation, snapshot.begin)
        async with self.database.connection() as connection:
            await connection.execute(_AWAIT, topic, directory, begin.generation, begin.sequence)
        _log.info("consumer.snapshot_asked", directory_id=directory, sequence=begin.sequence)
