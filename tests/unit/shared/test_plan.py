"""What a batch comes to before anything is applied: apply, drop, park, and nothing forgotten."""

import random
import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.consume import plan
from shared.consume.plan import Plan, Progress, State
from shared.contracts import envelope
from shared.contracts.directory_events import Cause, SnapshotBegin
from shared.contracts.envelope import Origin, Position
from shared.contracts.ids import DirectoryId, OrganizationId
from shared.kafka import Incoming

ADA, BOB = (DirectoryId(str(uuid.UUID(int=number))) for number in (1, 2))
PARKED = Progress(Position(1, 5), State.PARKED, "poison")
NOWHERE = OrganizationId(str(uuid.UUID(int=3)))


def record(
    offset: int, directory: DirectoryId, sequence: int, kind: str = "test", generation: int = 1
) -> Incoming:
    origin = Origin(directory, NOWHERE, datetime(2026, 1, 1, tzinfo=UTC))
    event_type = SnapshotBegin.type if kind == "begin" else f"rollcall.{kind}.v1"
    tail = envelope.tail(event_type, "users/1", origin, Cause(kind="scim", id="1"))
    value = envelope.head(directory, Position(generation, sequence)) + tail
    return Incoming(offset, directory.encode(), value)


def planned(*records: Incoming, progress: dict[DirectoryId, Progress] | None = None) -> Plan:
    return plan.made([plan.read(one) for one in records], progress or {})


def sequences(result: Plan, directory: DirectoryId) -> list[int]:
    return [event.position.sequence for _, event in result.apply if event.directory == directory]


def test_events_in_order_are_applied_and_move_the_position() -> None:
    result = planned(record(0, ADA, 1), record(1, BOB, 1), record(2, ADA, 2))

    assert sequences(result, ADA) == [1, 2]
    assert result.progress[ADA] == Progress(Position(1, 2))


def test_repeats_are_dropped() -> None:
    result = planned(record(0, ADA, 1), record(1, ADA, 1), record(2, ADA, 2), record(3, ADA, 1))

    assert sequences(result, ADA) == [1, 2]
    assert result.dropped == 2


def test_a_gap_stalls_its_directory_from_there_on_and_no_other() -> None:
    result = planned(record(0, ADA, 1), record(1, ADA, 3), record(2, ADA, 4), record(3, BOB, 1))

    assert sequences(result, ADA) == [1]
    assert sequences(result, BOB) == [1]
    assert [(one.record.offset, one.is_culprit) for one in result.parked] == [
        (1, False),
        (2, False),
    ]
    assert result.progress[ADA] == Progress(
        Position(1, 1), State.STALLED, "gap: 2 expected, 3 found"
    )


def test_a_snapshot_wakes_a_stalled_directory_and_what_waited_is_superfluous() -> None:
    result = planned(
        record(0, ADA, 1), record(1, ADA, 3), record(2, ADA, 4, "begin"), record(3, ADA, 5)
    )

    assert sequences(result, ADA) == [1, 4, 5]
    assert result.resumed == {ADA: 2}
    assert result.progress[ADA] == Progress(Position(1, 5))


def test_a_snapshot_does_not_wake_a_parked_directory_but_waits_in_its_turn() -> None:
    result = planned(record(0, ADA, 9, "begin"), progress={ADA: PARKED})

    assert not result.apply
    assert [one.record.offset for one in result.parked] == [0]
    assert result.progress[ADA] == PARKED


def test_another_generation_stalls_until_a_snapshot_opens_it() -> None:
    result = planned(
        record(0, ADA, 1),
        record(1, ADA, 1, generation=2),
        record(2, ADA, 2, "begin", generation=2),
        record(3, ADA, 2),
        record(4, ADA, 3, generation=2),
    )

    assert [event.position for _, event in result.apply] == [
        Position(1, 1),
        Position(2, 2),
        Position(2, 3),
    ]
    assert result.dropped == 1


def test_a_snapshot_that_should_have_come_by_now_is_given_up() -> None:
    awaiting = Progress(Position(1, 1), State.STALLED, "gap", awaits=Position(1, 7))

    before = planned(record(0, ADA, 6), progress={ADA: awaiting})
    after = planned(record(0, ADA, 8), progress={ADA: awaiting})

    assert before.progress[ADA].awaits == Position(1, 7)
    assert after.progress[ADA].awaits is None


def test_a_parked_directory_stays_parked_and_keeps_its_first_reason() -> None:
    result = planned(record(0, ADA, 6), record(1, ADA, 8), progress={ADA: PARKED})

    assert not result.apply
    assert result.progress[ADA] == PARKED


def test_what_is_no_event_parks_the_directory_that_its_key_names() -> None:
    result = planned(Incoming(0, ADA.encode(), b"{"), record(1, ADA, 1), record(2, BOB, 1))

    assert [parked.record.offset for parked in result.parked] == [0, 1]
    assert sequences(result, BOB) == [1]


def test_what_names_no_directory_is_skipped_and_counted() -> None:
    result = planned(Incoming(0, b"\xff", b"{"), Incoming(1, None, None), record(2, ADA, 1))

    assert result.skipped == 2
    assert sequences(result, ADA) == [1]


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_any_repetition_in_order_applies_each_event_once(count: int, dice: random.Random) -> None:
    """Kafka may deliver a prefix again at any time; first occurrences come in order."""
    delivered: list[int] = []
    for sequence in range(1, count + 1):
        delivered += range(dice.randint(1, sequence), sequence + 1)
        delivered = delivered if sequence in delivered else [*delivered, sequence]

    result = planned(*(record(offset, ADA, one) for offset, one in enumerate(delivered)))

    assert sequences(result, ADA) == list(range(1, count + 1))
    assert not result.parked
