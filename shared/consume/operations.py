"""`/v1/parked` of each service that consumes: what is stopped and why, and letting it go on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aiohttp import web

from shared import web as edge
from shared.api import Endpoint
from shared.consume import parking, plan, store
from shared.consume.loop import Consumer
from shared.consume.parking import NotStoppedError, OtherRecordError
from shared.consume.store import Stopped, Waiting
from shared.contracts import management
from shared.contracts.ids import DirectoryId, is_id

STATUSES: Mapping[type[Exception], int] = {NotStoppedError: 404, OtherRecordError: 409}


@dataclass(frozen=True, slots=True)
class Operations:
    """The handlers; a snapshot heals what is given up on the topics `healed`."""

    consumer: Consumer
    healed: Collection[str]

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints."""
        one = "/parked/{topic}/{directory}"
        return [
            Endpoint(
                "GET",
                "/parked",
                self.list_stopped,
                {200: list[management.StoppedDirectory]},
                asks=management.StoppedQuery,
                area="operations",
            ),
            Endpoint(
                "POST",
                f"{one}/replay",
                self.replay,
                {200: management.Replayed},
                area="operations",
            ),
            Endpoint(
                "POST",
                f"{one}/skip",
                self.skip,
                {204: None},
                takes=management.Skip,
                refuses=(409,),
                area="operations",
            ),
        ]

    async def list_stopped(self, request: web.Request) -> web.Response:
        """Answer the directories that are stopped, the longest first; `?directory=` one of them."""
        wanted = edge.query(request, management.StoppedQuery).directory
        if wanted is not None and not is_id(wanted):
            raise web.HTTPBadRequest(text="`directory` is not the id of a directory.")
        directory = None if wanted is None else DirectoryId(wanted)
        async with self.consumer.database.connection() as connection:
            found = await store.stopped(connection, directory)
            return edge.answers([
                _stopped(one, await store.waiting(connection, one.topic, one.directory, 1))
                for one in found
            ])  # fmt: skip

    async def replay(self, request: web.Request) -> web.Response:
        """Answer what one step of letting a directory go on came to; repeat while it applies."""
        topic, directory = self._named(request)
        handler = self.consumer.handler(topic)
        done = await parking.replay(self.consumer.database, topic, handler, directory)
        if done.applied:
            self.consumer.committed()
        return edge.answer(
            management.Replayed(
                applied=done.applied,
                waiting=done.waiting,
                state=done.progress.state.value,
                reason=done.progress.reason,
            )
        )

    async def skip(self, request: web.Request) -> web.Response:
        """Answer 204 once the first record that waits is given up."""
        wanted = await edge.body(request, management.Skip)
        topic, directory = self._named(request)
        await parking.skip(
            self.consumer.database,
            topic,
            directory,
            wanted.offset,
            actor=wanted.actor,
            heals=topic in self.healed,
        )
        return web.Response(status=204)

    def _named(self, request: web.Request) -> tuple[str, DirectoryId]:
        topic, directory = request.match_info["topic"], request.match_info["directory"]
        if topic not in self.consumer.handlers or not is_id(directory):
            raise NotStoppedError(
                f"There is no directory {directory} on {topic} here; see GET /v1/parked."
            )
        return topic, DirectoryId(directory)


def _stopped(found: Stopped, first: list[Waiting]) -> management.StoppedDirectory:
    return management.StoppedDirectory(
        directory_id=found.directory,
        topic=found.topic,
        state=found.progress.state.value,
        reason=found.progress.reason or "",
        since=found.since,
        generation=found.progress.position.generation,
        sequence=found.progress.position.sequence,
        waiting=found.waiting,
        first=next(map(_first, first), None),
    )


def _first(waiting: Waiting) -> management.WaitingRecord:
    _, event = plan.read(waiting.record)
    return management.WaitingRecord(
        offset=waiting.record.offset,
        attempts=waiting.attempts,
        sequence=event and event.position.sequence,
        type=event and event.type,
        subject=event and event.subject,
    )
