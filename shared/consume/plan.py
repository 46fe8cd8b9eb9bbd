"""What a batch comes to before anything is applied: apply, drop, keep, and nothing forgotten.

live ──poison──▶ parked    until an operator lets it go on
     ──gap─────▶ stalled   until a snapshot opens, which makes what waits superfluous
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from shared import gate, kafka
from shared.contracts import envelope
from shared.contracts.directory_events import SnapshotBegin
from shared.contracts.envelope import Envelope, Position
from shared.contracts.ids import DirectoryId, is_id
from shared.gate import Verdict

MALFORMED = "malformed event"
SKIPPED = "skipped: a snapshot is awaited"


class State(StrEnum):
    """Whether a directory's events are applied, and if not, what they wait for."""

    LIVE = "live"
    PARKED = "parked"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a directory is applied, and why it goes no further.

    `awaits` is where the snapshot begins that was asked for last.
    """

    position: Position = gate.START
    state: State = State.LIVE
    reason: str | None = None
    awaits: Position | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A record kept for later; a culprit is one that stopped its directory."""

    directory: DirectoryId
    record: kafka.Incoming
    reason: str
    is_culprit: bool = False


GivenUp: TypeAlias = Mapping[int, bool]
"""The records of a batch that an operator gave up, by offset: does a snapshot heal the hole?"""
NOTHING_GIVEN_UP: GivenUp = MappingProxyType({})
Read: TypeAlias = tuple[kafka.Incoming, Envelope | None]


def read(record: kafka.Incoming) -> Read:
    """Return the record with its envelope, None where it is not one of our events."""
    try:
        return record, envelope.parse(record.value, record.timestamp_ms)
    except envelope.MalformedEventError:
        return record, None


def directory_of(one: Read) -> DirectoryId | None:
    """Return the directory that a record belongs to, if it tells."""
    record, event = one
    if event:
        return event.directory
    key = (record.key or b"").decode("ascii", "replace")
    return DirectoryId(key) if is_id(key) else None


@dataclass(slots=True)
class Plan:
    """What to do. `resumed` names, by directory, the offset before which nothing need wait."""

    progress: dict[DirectoryId, Progress]
    given_up: GivenUp = field(default_factory=dict)
    apply: list[tuple[kafka.Incoming, Envelope]] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    resumed: dict[DirectoryId, int] = field(default_factory=dict)
    dropped: int = 0
    skipped: int = 0

    def of(self, directory: DirectoryId) -> Progress:
        """Return how far a directory is."""
        return self.progress.get(directory, Progress())

    def refuse(self, directory: DirectoryId, one: Read, reason: str) -> None:
        """Stop a directory at a record that cannot be applied, or pass over what was given up."""
        record, event = one
        now = self.of(directory)
        heals = self.given_up.get(record.offset)
        if heals is None:
            self.progress[directory] = Progress(now.position, State.PARKED, reason)
            self.parked.append(Parked(directory, record, reason, is_culprit=True))
        else:
            self.progress[directory] = given_up(now, event, heals=heals)
            self.skipped += 1

    def wait(self, directory: DirectoryId, record: kafka.Incoming) -> None:
        """Keep a record of a directory that is stopped."""
        self.parked.append(Parked(directory, record, self.of(directory).reason or ""))

    def add(self, step: "Plan") -> None:
        """Append what comes next; its progress started from ours."""
        self.progress = step.progress
        self.apply += step.apply
        self.parked += step.parked
        self.resumed |= step.resumed
        self.dropped += step.dropped
        self.skipped += step.skipped


def made(
    reads: Sequence[Read],
    progress: Mapping[DirectoryId, Progress],
    given_up: GivenUp = NOTHING_GIVEN_UP,
) -> Plan:
    """Send each record through the gate."""
    plan = Plan(dict(progress), given_up)
    for record, event in reads:
        if event is None:
            _malformed(plan, record)
        else:
            _event(plan, record, event)
    return plan


def given_up(before: Progress, event: Envelope | None, *, heals: bool) -> Progress:
    """Return the progress behind a record that is given up, which need not have been an event.

    Where a snapshot heals, nothing is derived from the hole that an event leaves.
    """
    if event is None:
        return before
    if heals:
        return Progress(before.position, State.STALLED, SKIPPED)
    return replace(before, position=event.position)


def failed(
    one: tuple[kafka.Incoming, Envelope],
    progress: Mapping[DirectoryId, Progress],
    given_up: GivenUp,
    error: Exception,
) -> Plan:
    """Return what a record comes to that the handler refuses for good."""
    plan = Plan(dict(progress), given_up)
    plan.refuse(one[1].directory, one, type(error).__name__)
    return plan


def _malformed(plan: Plan, record: kafka.Incoming) -> None:
    directory = directory_of((record, None))
    if directory is None:
        plan.skipped += 1
    elif plan.of(directory).state is State.LIVE:
        plan.refuse(directory, (record, None), MALFORMED)
    else:
        plan.wait(directory, record)


def _event(plan: Plan, record: kafka.Incoming, event: Envelope) -> None:
    now = plan.of(event.directory)
    opens = event.type == SnapshotBegin.type
    match gate.judge(now.position, event.position, opens_snapshot=opens):
        case Verdict.DROP:
            plan.dropped += 1
        # A parked directory goes on where somebody lets it: order is kept, whatever comes.
        case Verdict.RESUME if now.state is not State.PARKED:
            plan.resumed[event.directory] = record.offset
            is_next = gate.judge(now.position, event.position) is Verdict.APPLY
            _advance(plan, record, replace(event, is_behind_gap=not is_next))
        case Verdict.APPLY if now.state is State.LIVE:
            _advance(plan, record, event)
        case Verdict.STALL if now.state is not State.PARKED:
            plan.progress[event.directory] = _stalled(now, event.position)
            plan.wait(event.directory, record)
        case _:
            plan.wait(event.directory, record)


def _advance(plan: Plan, record: kafka.Incoming, event: Envelope) -> None:
    plan.progress[event.directory] = Progress(event.position)
    plan.apply.append((record, event))


def _stalled(now: Progress, found: Position) -> Progress:
    """Return the progress behind a gap; a snapshot that should have come by now is given up."""
    awaits = now.awaits
    if awaits and (found.generation, found.sequence) > (awaits.generation, awaits.sequence):
        awaits = None
    reason = now.reason or f"gap: {_words(now.position, found)}"
    return Progress(now.position, State.STALLED, reason, awaits)


def _words(now: Position, found: Position) -> str:
    if found.generation != now.generation:
        return f"generation {found.generation} without a snapshot that opens it"
    return f"{now.sequence + 1} expected, {found.sequence} found"
