"""Snapshots, stopped directories and versions of the read models."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.ids import DirectoryId, UserId
from shared.contracts.management.fields import Actor


class Loss(Contract):
    """A partition that no longer holds the record at `next`, but those from `start` to `end`."""

    topic: str
    partition: int
    next: int
    start: int
    end: int


class Act(Contract):
    """Who does it, for the audit record."""

    actor: Actor


class KnownUser(Contract):
    """Who the read models tell of, also when it was deleted; `events` is in how many places."""

    id: UserId
    user_name: str
    deleted_at: datetime | None = None
    events: int


class KnownUserQuery(Contract):
    """Query of `GET /v1/directories/{directory}/known-users`: an id, or a userName in any case."""

    user: Annotated[str, Field(min_length=1, max_length=1000)]


class NewSnapshot(Contract):
    """Body of `POST /v1/directories/{id}/snapshots`."""

    actor: Actor = "api"


class Snapshot(Contract):
    """All of a directory told again: `begin` is the sequence of the event that opens it.

    `written` counts the users, groups and memberships told so far, of `total` when it began.
    """

    id: str
    directory_id: DirectoryId
    generation: int
    begin: int
    written: int
    total: int
    started_at: datetime
    finished_at: datetime | None = None


class Reached(Contract):
    """A place in a history."""

    generation: int
    sequence: int


class Outgoing(Contract):
    """How much of what a service tells of a directory is published; none before the first event.

    `delayed_s` is how long the oldest event has waited to be published; 0 when none waits.
    """

    stored: Reached
    published: Reached | None = None
    delayed_s: float = 0.0


class RolesPosition(Contract):
    """How far roles is with a directory: what it applied, and what it told in turn."""

    applied: Reached
    told: Outgoing


class StoppedQuery(Contract):
    """Query of `GET /v1/parked`: one directory, or all."""

    directory: DirectoryId | None = None


class WaitingRecord(Contract):
    """The first record that waits; without a type it is not one of our events."""

    offset: int
    attempts: int
    sequence: int | None = None
    type: str | None = None
    subject: str | None = None


class StoppedDirectory(Contract):
    """A directory whose events a service does not apply at the moment, and why.

    `parked`: a record failed for good, until an operator lets it go on; `stalled`: records are
    missing, until a snapshot arrives. `generation` and `sequence` say how far it is applied.
    """

    directory_id: DirectoryId
    topic: str
    state: Literal["parked", "stalled"]
    reason: str
    since: datetime
    generation: int
    sequence: int
    waiting: int
    first: WaitingRecord | None = None


class Replayed(Contract):
    """What a step of letting a directory go on came to."""

    applied: int
    waiting: int
    state: Literal["live", "parked", "stalled"]
    reason: str | None = None


class Skip(Contract):
    """Body of `POST /v1/parked/{topic}/{directory}/skip`: the record to give up, which is first."""

    offset: Annotated[int, Field(ge=0)]
    actor: Actor


class NewRebuild(Act):
    """Body of `POST /v1/rebuilds` of the projector.

    `switch`: show the new version once it is found equal; `accept_loss`: also where the log no
    longer holds its beginning.
    """

    switch: bool = True
    accept_loss: bool = False


class Switch(Act):
    """Body of `POST /v1/read-models/{version}/switch`; `force`: also one that is not equal."""

    force: bool = False


class ReadModel(Contract):
    """A version of the read models.

    `events` of `total` records of the log were applied when it was filled, `compared` of its
    `directories` found equal to the live version's; if it `switches`, it becomes live by itself
    then. `kept_since` is when it stopped being live.
    """

    version: int
    state: Literal[
        "preparing", "filling", "indexing", "comparing", "differing", "current", "failed", "dropped"
    ]
    is_live: bool
    reason: str | None = None
    actor: str
    switches: bool = False
    events: int
    total: int
    compared: int
    directories: int
    started_at: datetime
    filled_at: datetime | None = None
    compared_at: datetime | None = None
    kept_since: datetime | None = None
