"""C1: what a client was told, against the events that its call left."""

import orjson
import pytest

from cli.output import CommandError
from cli.verify import journal
from cli.verify.report import Report
from shared.contracts.topics import DIRECTORY_EVENTS
from tests.support.directory_log import DirectoryLog


@pytest.fixture
def log() -> DirectoryLog:
    found = DirectoryLog()
    found.user("ada")
    found.user("bob")
    return found


def conclude(log: DirectoryLog, *calls: dict[str, object], times: int = 1) -> list[str]:
    """Return what C1 finds when these calls are on record and the log was read."""
    lines = [orjson.dumps({"directory": log.id, **call}) for call in calls]
    found, report = journal.read(lines), Report()
    for event in log.envelopes * times:
        found.note(event, DIRECTORY_EVENTS.name)
    found.conclude(report)
    return [one.words for one in report.findings["C1"]]


def request_of(log: DirectoryLog, number: int) -> str:
    return str(log.envelopes[number - 1].data["cause"]["id"])


def made(log: DirectoryLog, name: str, number: int) -> dict[str, object]:
    subject = f"users/{log.users[name].id}"
    return {"request": request_of(log, number), "outcome": "ok", "changes": [subject]}


def test_an_acknowledged_change_has_its_event(log: DirectoryLog) -> None:
    assert conclude(log, made(log, "ada", 2), made(log, "bob", 3)) == []


def test_an_acknowledged_change_without_an_event_is_named(log: DirectoryLog) -> None:
    lost = {"request": "r-9", "outcome": "ok", "changes": ["users/9"]}

    assert conclude(log, lost) == ["request r-9 changed users/9, and left 0 events of it"]


def test_an_acknowledged_change_with_two_events_is_named(log: DirectoryLog) -> None:
    [found] = conclude(log, made(log, "ada", 2), times=2)

    assert found.endswith("and left 2 events of it")


def test_a_write_without_effect_leaves_no_event(log: DirectoryLog) -> None:
    [found] = conclude(log, {"request": request_of(log, 2), "outcome": "ok", "changes": []})

    assert "changed nothing, and left an event" in found


def test_a_refused_call_leaves_no_event(log: DirectoryLog) -> None:
    [found] = conclude(log, {"request": request_of(log, 2), "outcome": "failed"})

    assert "was refused, and left an event" in found


def test_an_unknown_call_may_have_happened_once_or_not(log: DirectoryLog) -> None:
    happened = {"outcome": "unknown", "changes": ["users/name=ada"]}
    did_not = {"outcome": "unknown", "changes": ["users/name=zoe"]}

    assert conclude(log, happened, did_not, made(log, "bob", 3)) == []


def test_one_unknown_call_explains_the_events_of_one_act(log: DirectoryLog) -> None:
    log.suspend("ada")
    log.user("ada")
    subject = f"users/{log.users['ada'].id}"
    unknown = {"outcome": "unknown", "changes": [subject]}

    [found] = conclude(log, made(log, "ada", 2), unknown)

    assert "that no call explains" in found


@pytest.mark.parametrize(
    "line", [b"{", b'{"directory": "d"}', b'{"directory": "d", "outcome": "ok", "changes": []}']
)
def test_a_line_that_is_no_call_is_named(line: bytes) -> None:
    with pytest.raises(CommandError, match="Line 2"):
        journal.read([b"\n", line])
