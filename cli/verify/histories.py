"""One directory in one topic, record by record: numbered, folded, looked at at each cut."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cli.verify import rows
from cli.verify.fold import SNAPSHOT_BEGIN, SNAPSHOT_END, DirectoryFold
from cli.verify.numbering import Numbering, Place
from cli.verify.report import Report
from cli.verify.rows import START, Reached
from shared.contracts.envelope import Envelope

Look = Callable[[], None]
_BREAKS = {
    Place.FORK: "holds two different events of this number",
    Place.LATE: "holds its first occurrence behind later ones",
}


class Fold(Protocol):
    """What events come to."""

    def apply(self, event: Envelope) -> None:
        """Fold one event."""


@dataclass(slots=True)
class History:
    """Follows the records of one directory in one topic, and reports what is wrong with them.

    `cuts` are looked at when the fold stands exactly there. `awaited` are the consumers that read
    on behind their place: the first number they lack, by name, with the offset they read next.
    `rebuilt` are the checkers that need the fold, `inexact` says why they cannot have it; behind
    a hole it is `trusted_from` the snapshot on that told everything again.
    """

    report: Report
    directory: str
    topic: str
    fold: Fold
    rebuilt: tuple[str, ...]
    numbering: Numbering = field(default_factory=Numbering)
    cuts: dict[Reached, list[Look]] = field(default_factory=dict)
    awaited: dict[Reached, list[tuple[str, int]]] = field(default_factory=dict)
    inexact: str = ""
    broken_at: Reached = START
    has_hole: bool = False
    trusted_from: Reached = START

    def look_at(self, reached: Reached, look: Look) -> None:
        """Call `look` when the fold stands there."""
        self.cuts.setdefault(reached, []).append(look)

    def await_reading(self, consumer: str, reached: Reached, next_offset: int) -> None:
        """Note that a consumer stands there, and reads on from an offset: it must not skip."""
        following = (reached[0], reached[1] + 1)
        self.awaited.setdefault(following, []).append((consumer, next_offset))

    def begin(self) -> None:
        """Look at the cuts that stand before the first event."""
        self._look(START)

    def take(self, event: Envelope, offset: int, *, is_cut: bool) -> Place:
        """Follow one record."""
        position = (event.position.generation, event.position.sequence)
        mark = rows.event_mark(event.id, event.type, event.subject, event.time, event.data)
        is_first = self.numbering.is_empty
        place = self.numbering.take(
            position, mark, opens=event.type == SNAPSHOT_BEGIN, is_cut=is_cut
        )
        if self.numbering.missing and not self.has_hole:
            self._report_hole(self.numbering.missing, position)
        if place is Place.NEXT:
            if is_first and position != (1, 1):
                self._skip_because(f"the log starts at sequence {position[1]}", position[1])
            self._fold(event)
            self._heal(event)
            self._check_readers(position, offset)
            self._look(position)
        elif place in _BREAKS:
            words = f"{self.topic} {_BREAKS[place]}"
            self.report.fault("C3", self.directory, words, position[1])
        return place

    def is_believed(self, sequence: int) -> bool:
        """Tell whether everything before an event was folded, so that it must fit."""
        return not self.inexact or sequence < self.broken_at[1]

    def _report_hole(self, missing: Reached, position: Reached) -> None:
        self.has_hole = True
        self.inexact, self.broken_at = "the log has a hole", missing
        words = f"it is missing in {self.topic} where {position[1]} follows"
        self.report.fault("C2", self.directory, words, missing[1])

    def _fold(self, event: Envelope) -> None:
        try:
            self.fold.apply(event)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            words = f"{event.type} does not fit its type ({type(error).__name__})"
            self._skip_because(words, event.position.sequence)

    def _heal(self, event: Envelope) -> None:
        """Believe the fold again once a snapshot has told everything anew."""
        if self.inexact and event.type == SNAPSHOT_END and isinstance(self.fold, DirectoryFold):
            begin = (event.position.generation, event.data.get("begin", 0))
            if begin >= self.broken_at:
                self.inexact, self.fold.is_partial, self.trusted_from = "", True, begin

    def _skip_because(self, words: str, sequence: int) -> None:
        if not self.inexact:
            self.inexact = words
            self.broken_at = self.numbering.reached
            for check in self.rebuilt:
                self.report.skipped(check, self.directory, f"{words} in {self.topic}", sequence)

    def _check_readers(self, position: Reached, offset: int) -> None:
        for consumer, next_offset in self.awaited.pop(position, ()):
            if next_offset > offset:
                words = f"{consumer} read past it in {self.topic} without applying it"
                self.report.fault("C2", self.directory, words, position[1])

    def _look(self, reached: Reached) -> None:
        for look in self.cuts.pop(reached, ()):
            if not self.inexact:
                look()
