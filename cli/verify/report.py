"""What a run finds: faults, what has not settled, and how much was looked at."""

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

CHECKS = {
    "C1": "each acknowledged change has exactly one event",
    "C2": "sequences have no hole, and everybody reached them",
    "C3": "first occurrences are in order, in one partition",
    "C4": "the read model equals ingest's tables",
    "C5": "assignments equal their recomputation",
    "C6": "role events and role state equal assignments",
    "C7": "the read model equals a rebuild from the log",
    "C8": "nothing crosses directories, waits, or is parked",
}


class Verdict(IntEnum):
    """What a checker says; the worst finding decides."""

    HOLDS = 0
    SKIPPED = 1
    UNSETTLED = 2
    FAULT = 3


EXIT_CODES = {Verdict.HOLDS: 0, Verdict.SKIPPED: 0, Verdict.UNSETTLED: 3, Verdict.FAULT: 1}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold, or cannot be told: where, and in words."""

    check: str
    verdict: Verdict
    directory: str
    words: str
    sequence: int | None = None

    @property
    def sentence(self) -> str:
        """The finding in one line."""
        at = "" if self.sequence is None else f", sequence {self.sequence}"
        where = f"directory {self.directory}{at}: " if self.directory else ""
        return f"{where}{self.words}"

    def as_json(self) -> dict[str, Any]:
        """Return the finding for programs."""
        return {
            "verdict": self.verdict.name.lower(),
            "directory": self.directory or None,
            "sequence": self.sequence,
            "detail": self.words,
        }


@dataclass(slots=True)
class Report:
    """Collects findings and counts; keeps the first few findings of each checker."""

    keep: int = 20
    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {check: Counter() for check in CHECKS}
    )
    findings: dict[str, list[Finding]] = field(
        default_factory=lambda: {check: [] for check in CHECKS}
    )
    total: Counter[tuple[str, Verdict]] = field(default_factory=Counter)
    checksum: int = 0

    def count(self, check: str, **figures: int) -> None:
        """Add to what a checker looked at."""
        self.counts[check].update(figures)

    def add_checksum(self, checksum: str) -> None:
        """Add the checksum of one directory to that of all."""
        self.checksum = (self.checksum + int(checksum, 16)) % (1 << 128)

    def fault(self, check: str, directory: str, words: str, sequence: int | None = None) -> None:
        """Note that something does not hold."""
        self._note(Finding(check, Verdict.FAULT, directory, words, sequence))

    def unsettled(
        self, check: str, directory: str, words: str, sequence: int | None = None
    ) -> None:
        """Note that something is on its way, so that nothing can be said yet."""
        self._note(Finding(check, Verdict.UNSETTLED, directory, words, sequence))

    def skipped(self, check: str, directory: str, words: str, sequence: int | None = None) -> None:
        """Note that something cannot be checked here."""
        self._note(Finding(check, Verdict.SKIPPED, directory, words, sequence))

    def _note(self, finding: Finding) -> None:
        self.total[finding.check, finding.verdict] += 1
        kept = self.findings[finding.check]
        # The worst come first, so that a thousand waits do not hide a fault.
        if sum(one.verdict == finding.verdict for one in kept) < self.keep:
            kept.append(finding)

    def verdict(self, check: str) -> Verdict:
        """Return what a checker says."""
        return max((one.verdict for one in self.findings[check]), default=Verdict.HOLDS)

    def first(self, check: str) -> Finding | None:
        """Return the first finding of the worst kind."""
        worst = self.verdict(check)
        return next((one for one in self.findings[check] if one.verdict == worst), None)

    @property
    def exit_code(self) -> int:
        """0: all hold. 1: a fault. 3: no fault, and something has not settled."""
        return EXIT_CODES[max(self.verdict(check) for check in CHECKS)]
