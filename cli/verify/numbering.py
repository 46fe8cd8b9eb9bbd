"""The numbers of one directory in one topic, as Kafka holds them: first occurrences and repeats."""

from array import array
from dataclasses import dataclass, field
from enum import Enum, auto

from cli.verify.rows import START, Reached


class Place(Enum):
    """Where a record stands in its history.

    `FORK`: another event with a number that was given before. `AHEAD`: events before it are
    missing. `LATE`: one of the missing ones, behind what should follow it.
    """

    NEXT = auto()
    REPEAT = auto()
    FORK = auto()
    AHEAD = auto()
    LATE = auto()


@dataclass(slots=True)
class Numbering:
    """Follows one history; `marks` stand for its events by generation, the first being `first`.

    `missing` is the first number that was not there when a later one came. Behind it nothing is
    followed, since what it would come to is not known, until a snapshot tells everything again.
    """

    reached: Reached = START
    first: dict[int, int] = field(default_factory=dict)
    marks: dict[int, "array[int]"] = field(default_factory=dict)
    repeats: int = 0
    missing: Reached | None = None
    is_lost: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read yet."""
        return not self.first

    def take(self, position: Reached, mark: int, *, opens: bool, is_cut: bool) -> Place:
        """Place a record. `opens`: it begins a snapshot; `is_cut`: the log lost its start."""
        if not self.is_empty and position <= self.reached:
            return self._again(position, mark)
        if self._continues(position, is_cut=is_cut):
            return self._advance(position, mark)
        if opens and position[0] > self.reached[0] and position[1] == 1:
            return self._advance(position, mark)
        if self.missing is not None and position <= self.missing:
            return Place.LATE
        self.missing = self.missing or (self.reached[0], self.reached[1] + 1)
        self.is_lost = True
        if opens:
            self._restart(position)
            return self._advance(position, mark)
        return Place.AHEAD

    def _continues(self, position: Reached, *, is_cut: bool) -> bool:
        if self.is_lost:
            return False
        generation, sequence = self.reached
        return position == (generation, sequence + 1) or (self.is_empty and is_cut)

    def _restart(self, position: Reached) -> None:
        """Go on behind missing numbers; what was before is not compared with repeats any more."""
        self.is_lost = False
        self.first.pop(position[0], None)
        self.marks.pop(position[0], None)

    def _advance(self, position: Reached, mark: int) -> Place:
        generation, sequence = self.reached = position
        self.is_lost = False
        self.first.setdefault(generation, sequence)
        self.marks.setdefault(generation, array("q")).append(mark)
        return Place.NEXT

    def _again(self, position: Reached, mark: int) -> Place:
        generation, sequence = position
        index = sequence - self.first.get(generation, sequence + 1)
        if index >= 0 and self.marks[generation][index] != mark:
            return Place.FORK
        self.repeats += 1
        return Place.REPEAT
