"""The gate: old is dropped, next is applied, further on is a gap, unless a snapshot opens there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import gate
from shared.contracts.envelope import Position
from shared.gate import Verdict

positions = st.builds(Position, st.integers(1, 3), st.integers(0, 50))


@pytest.mark.parametrize(
    ("stored", "event", "verdict"),
    [
        (gate.START, Position(1, 1), Verdict.APPLY),
        (Position(1, 5), Position(1, 6), Verdict.APPLY),
        (Position(1, 5), Position(1, 5), Verdict.DROP),
        (Position(1, 5), Position(1, 1), Verdict.DROP),
        (Position(2, 5), Position(1, 6), Verdict.DROP),
        (Position(1, 5), Position(1, 7), Verdict.STALL),
        (Position(1, 5), Position(2, 6), Verdict.STALL),
    ],
)
def test_the_position_decides(stored: Position, event: Position, verdict: Verdict) -> None:
    assert gate.judge(stored, event) is verdict


@given(positions, positions)
def test_whatever_is_applied_is_a_repeat_afterwards(stored: Position, event: Position) -> None:
    if gate.judge(stored, event) is Verdict.APPLY:
        assert gate.judge(event, event) is Verdict.DROP
        assert gate.judge(event, stored) is Verdict.DROP


@given(positions, positions)
def test_a_snapshot_opens_wherever_it_is_not_old(stored: Position, event: Position) -> None:
    plain = gate.judge(stored, event)

    verdict = gate.judge(stored, event, opens_snapshot=True)

    assert verdict is (Verdict.DROP if plain is Verdict.DROP else Verdict.RESUME)


@given(positions, positions)
def test_another_generation_is_entered_by_a_snapshot_alone(
    stored: Position, event: Position
) -> None:
    if event.generation != stored.generation:
        assert gate.judge(stored, event) is not Verdict.APPLY
