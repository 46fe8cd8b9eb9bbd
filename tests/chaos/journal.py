"""What each caller was told, in the form that `rollcall verify --journal` reads."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from cli.verify import journal
from cli.verify.journal import Journal


@dataclass(frozen=True, slots=True)
class Line:
    """One call; `at` and `seconds` are of the monotonic clock, `status` is 0 without an answer.

    A 5xx is *unknown*: a commit whose answer was lost is answered 503. So is the 2xx of a call that
    repeats one that may have been done already: it leaves one event or none.
    """

    directory: str
    kind: str
    at: float
    seconds: float
    status: int
    request: str | None = None
    changes: tuple[str, ...] = ()
    says_when: bool = False
    repeats: bool = False

    @property
    def outcome(self) -> str:
        if not self.status or self.status >= 500:
            return "unknown"
        if self.status >= 400:
            return "failed"
        return "unknown" if self.repeats else "ok"

    @property
    def is_done(self) -> bool:
        return 200 <= self.status < 300

    def as_json(self) -> bytes:
        found = {"directory": self.directory, "outcome": self.outcome, "kind": self.kind,
                 "status": self.status, "seconds": round(self.seconds, 3)}  # fmt: skip
        if self.request:
            found["request"] = self.request
        if self.outcome != "failed":
            found["changes"] = list(self.changes)
        return orjson.dumps(found)


@dataclass(slots=True)
class Notebook:
    """All calls of a run, in the order in which they ended."""

    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        self.lines.append(line)

    def since(self, at: float) -> list[Line]:
        """Return the calls that began at that time or later."""
        return [line for line in self.lines if line.at >= at]

    def journal(self) -> Journal:
        """Return it as the checkers take it; each verification needs one of its own."""
        return journal.read(self._told())

    def save(self, path: Path) -> None:
        path.write_bytes(b"\n".join(self._told()) + b"\n")

    def _told(self) -> list[bytes]:
        return [line.as_json() for line in self.lines]


def statuses(lines: Iterable[Line]) -> str:
    """Return how many calls got which answer, for a person: `200: 31, 503: 2, none: 1`."""
    counts: dict[int, int] = {}
    for line in lines:
        counts[line.status] = counts.get(line.status, 0) + 1
    words = (f"{status or 'none'}: {count}" for status, count in sorted(counts.items()))
    return ", ".join(words) or "no calls"
