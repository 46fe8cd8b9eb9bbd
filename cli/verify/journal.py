"""C1: what clients were told, against what the log holds. `docs/how-to/verify.md` has the format.

A call is *ok* (2xx), *failed* (any other answer) or *unknown* (no answer). The service's request
id ties events to a call; an unknown call never learned its own, so it is known by what it changes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import orjson
from pydantic import Field, ValidationError

from cli.output import CommandError
from cli.verify.cuts import DIRECTORY
from cli.verify.report import Report
from shared.contracts.base import Contract
from shared.contracts.envelope import Envelope


class Call(Contract):
    """One line of a journal; `changes` are the subjects of the events that it should leave."""

    directory: str
    outcome: Literal["ok", "failed", "unknown"]
    request: str | None = None
    changes: list[str] = Field(default_factory=list)


@dataclass(slots=True)
class Journal:
    """The calls of a journal, and the events that each of them left so far."""

    calls: dict[str, Call] = field(default_factory=dict)
    unknown: list[Call] = field(default_factory=list)
    directories: set[str] = field(default_factory=set)
    mentioned: set[tuple[str, str]] = field(default_factory=set)
    left: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def add(self, call: Call) -> None:
        """Add a call."""
        self.directories.add(call.directory)
        self.mentioned.update((call.directory, subject) for subject in call.changes)
        if call.request is None:
            self.unknown.append(call)
        else:
            self.calls[call.request] = call

    def note(self, event: Envelope, topic: str) -> None:
        """Note the first occurrence of an event."""
        directory = str(event.directory)
        cause = event.data.get("cause") or {}
        if topic != DIRECTORY or directory not in self.directories or cause.get("kind") != "scim":
            return
        subjects = self.left.setdefault((directory, cause["id"]), Counter())
        subjects.update({event.subject, *_aliases(event)})

    def conclude(self, report: Report) -> None:
        """C1: report what calls and events do not agree on."""
        for request, call in self.calls.items():
            subjects = self.left.pop((call.directory, request), Counter())
            _CONCLUSIONS[call.outcome](report, call, subjects)
        self._conclude_unknown(report)
        report.count("C1", calls=len(self.calls) + len(self.unknown), unknown=len(self.unknown))

    def _conclude_unknown(self, report: Report) -> None:
        """Let each unknown call explain the events of one act at most."""
        waiting: dict[tuple[str, str], list[int]] = {}
        for number, call in enumerate(self.unknown):
            for subject in call.changes:
                waiting.setdefault((call.directory, subject), []).append(number)
        used: set[int] = set()
        for (directory, request), subjects in self.left.items():
            keys = [(directory, subject) for subject in subjects]
            able = [n for key in keys for n in waiting.get(key, ()) if n not in used]
            if able:
                used.add(able[0])
            elif not self.mentioned.isdisjoint(keys):
                words = f"request {request} left events ({min(subjects)}) that no call explains"
                report.fault("C1", directory, words)


def _aliases(event: Envelope) -> Iterator[str]:
    """Name what an event made as a client knows it that never learned its id."""
    resource = event.data.get("resource") or {}
    if event.type == "rollcall.user.created.v1":
        yield f"users/name={resource.get('userName')}"
    if event.type == "rollcall.group.created.v1":
        yield f"groups/name={resource.get('displayName')}"


def _ok(report: Report, call: Call, subjects: Counter[str]) -> None:
    if not call.changes and subjects:
        _fault(report, call, f"changed nothing, and left an event of {min(subjects)}")
    for subject in call.changes:
        if subjects[subject] != 1:
            _fault(report, call, f"changed {subject}, and left {subjects[subject]} events of it")


def _failed(report: Report, call: Call, subjects: Counter[str]) -> None:
    if subjects:
        _fault(report, call, f"was refused, and left an event of {min(subjects)}")


def _unknown(report: Report, call: Call, subjects: Counter[str]) -> None:
    for subject in call.changes:
        if subjects[subject] > 1:
            _fault(report, call, f"left {subjects[subject]} events of {subject}")


_CONCLUSIONS = {"ok": _ok, "failed": _failed, "unknown": _unknown}


def _fault(report: Report, call: Call, words: str) -> None:
    report.fault("C1", call.directory, f"request {call.request} {words}")


def read(lines: Iterable[bytes]) -> Journal:
    """Return the journal in these lines. Raises CommandError, naming the first bad line."""
    journal = Journal()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            call = Call.model_validate(orjson.loads(line))
        except (ValidationError, ValueError) as error:
            raise CommandError(f"Line {number} of the journal is no call: {error}") from error
        if call.request is None and call.outcome == "ok":
            raise CommandError(f"Line {number} of the journal: an ok call has a request id.")
        if call.request is not None or call.outcome == "unknown":
            journal.add(call)
    return journal
