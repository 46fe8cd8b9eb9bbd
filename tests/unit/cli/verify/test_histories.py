"""What Kafka may hold of one directory: repeats are fine, everything else is named."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from cli.verify.fold import SNAPSHOT_BEGIN, SNAPSHOT_END, SNAPSHOT_ITEM, DirectoryFold
from cli.verify.histories import History
from cli.verify.numbering import Place
from cli.verify.report import Report
from shared.contracts import envelope
from shared.contracts.envelope import Envelope, Position
from tests.support.directory_log import DirectoryLog


@pytest.fixture
def log() -> DirectoryLog:
    found = DirectoryLog()
    for name in ("ada", "bob", "cyd", "dan"):
        found.user(name)
    return found


def follow(records: Sequence[bytes], *, is_cut: bool = False) -> tuple[History, Report]:
    report = Report()
    history = History(report, "d", "directory.events.v1", DirectoryFold(), ("C7",))
    for offset, record in enumerate(records):
        history.take(envelope.parse(record), offset, is_cut=is_cut)
    return history, report


def faults(report: Report) -> list[tuple[str, int | None]]:
    return [
        (one.check, one.sequence)
        for found in report.findings.values()
        for one in found
        if one.verdict.name == "FAULT"
    ]


def test_a_log_in_order_is_followed_to_its_end(log: DirectoryLog) -> None:
    history, report = follow(log.records)

    assert history.numbering.reached == (1, 5)
    assert faults(report) == []


def test_repeats_change_nothing(log: DirectoryLog) -> None:
    history, report = follow([*log.records[:4], *log.records[1:4], *log.records])

    assert history.numbering.reached == (1, 5)
    assert history.numbering.repeats == 7
    assert faults(report) == []


def test_a_hole_is_named_by_its_first_number(log: DirectoryLog) -> None:
    _, report = follow([*log.records[:2], *log.records[3:]])

    assert faults(report) == [("C2", 3)]


def test_a_first_occurrence_behind_a_later_one_is_named(log: DirectoryLog) -> None:
    first, second, third, *rest = log.records

    _, report = follow([first, third, second, *rest])

    assert faults(report) == [("C2", 2), ("C3", 2)]


def test_two_events_of_one_number_are_a_fork(log: DirectoryLog) -> None:
    other = log.records[2].replace(b"bob", b"eve")

    _, report = follow([*log.records, other])

    assert faults(report) == [("C3", 3)]


def test_a_log_that_lost_its_start_is_followed_and_not_rebuilt(log: DirectoryLog) -> None:
    history, report = follow(log.records[2:], is_cut=True)

    assert history.numbering.reached == (1, 5)
    assert report.first("C7").sentence.endswith(
        "the log starts at sequence 3 in directory.events.v1"
    )
    assert faults(report) == []


def test_what_does_not_fit_is_believed_only_of_a_history_whose_beginning_is_there(
    log: DirectoryLog,
) -> None:
    whole, _ = follow(log.records)
    cut, _ = follow(log.records[2:], is_cut=True)
    holed, _ = follow([*log.records[:2], *log.records[3:]])

    assert whole.is_believed(4)
    assert not cut.is_believed(3)
    assert not cut.is_believed(4)
    assert [holed.is_believed(sequence) for sequence in (2, 4)] == [True, False]


def test_a_whole_log_that_begins_late_has_a_hole(log: DirectoryLog) -> None:
    _, report = follow(log.records[2:])

    assert faults(report) == [("C2", 1)]


def test_a_consumer_that_read_past_an_event_without_applying_it_is_named(log: DirectoryLog) -> None:
    report = Report()
    history = History(report, "d", "directory.events.v1", DirectoryFold(), ())
    history.await_reading("roles", (1, 3), next_offset=5)
    history.await_reading("projector", (1, 3), next_offset=3)

    for offset, event in enumerate(log.envelopes):
        history.take(event, offset, is_cut=False)

    assert faults(report) == [("C2", 4)]
    assert "roles read past it" in report.first("C2").words


def test_a_cut_is_looked_at_when_the_fold_stands_there(log: DirectoryLog) -> None:
    fold, seen = DirectoryFold(), []
    history = History(Report(), "d", "directory.events.v1", fold, ())
    history.look_at((1, 0), lambda: seen.append(len(fold.users)))
    history.look_at((1, 3), lambda: seen.append(len(fold.users)))
    history.begin()

    places = [history.take(event, 0, is_cut=False) for event in log.envelopes]

    assert seen == [0, 2]
    assert set(places) == {Place.NEXT}


def snapshot(log: DirectoryLog, start: int, *, told: Sequence[str]) -> list[Envelope]:
    """Return a snapshot from that number on, which tells of these users."""
    users = [
        {"resource": event.data["resource"], "version": 1, "updatedAt": event.time.isoformat()}
        for event in log.envelopes
        if event.data.get("resource", {}).get("userName") in told
    ]
    data: dict[str, dict[str, object]] = {
        SNAPSHOT_BEGIN: {"name": "Globex", "provider": "onelogin"},
        SNAPSHOT_ITEM: {"users": users},
        SNAPSHOT_END: {"begin": start},
    }
    last = log.envelopes[-1]
    return [
        replace(last, type=kind, data=values, position=Position(1, number))
        for number, (kind, values) in enumerate(data.items(), start)
    ]


def take(history: History, events: Sequence[Envelope], *, is_cut: bool = False) -> None:
    for offset, event in enumerate(events):
        history.take(event, offset, is_cut=is_cut)


def test_a_snapshot_of_what_is_there_changes_no_user(log: DirectoryLog) -> None:
    fold = DirectoryFold()
    history = History(Report(), "d", "directory.events.v1", fold, ())
    take(history, log.envelopes)
    before = {key: user.row for key, user in fold.users.items()}

    take(history, snapshot(log, 6, told=("ada", "bob", "cyd", "dan")))

    assert {key: user.row for key, user in fold.users.items()} == before
    assert history.numbering.reached == (1, 8)


def test_what_a_snapshot_does_not_tell_is_gone_at_its_end(log: DirectoryLog) -> None:
    fold = DirectoryFold()
    history = History(Report(), "d", "directory.events.v1", fold, ())
    take(history, log.envelopes)

    take(history, snapshot(log, 6, told=("ada", "bob", "cyd")))

    assert [key for key, user in fold.users.items() if user.is_deleted] == [log.users["dan"].id]


def test_a_later_generation_is_entered_by_a_snapshot_alone(log: DirectoryLog) -> None:
    begin, item, end = snapshot(log, 1, told=("ada",))
    later = [
        replace(event, position=Position(187_000_000, number))
        for number, event in enumerate((begin, item, end), 1)
    ]
    report = Report()
    history = History(report, "d", "directory.events.v1", DirectoryFold(), ())

    take(history, [*log.envelopes, *later])

    assert history.numbering.reached == (187_000_000, 3)
    assert faults(report) == []

    take(history, [replace(log.envelopes[1], position=Position(188_000_000, 1))])
    assert faults(report) == [("C2", 4)]


def test_behind_a_hole_a_snapshot_makes_the_fold_true_again(log: DirectoryLog) -> None:
    fold, looked, report = DirectoryFold(), [], Report()
    history = History(report, "d", "directory.events.v1", fold, ("C7",))
    for sequence in (7, 9):
        history.look_at((1, sequence), lambda: looked.append(len(fold.users)))

    take(history, [*log.envelopes[:2], *snapshot(log, 7, told=("ada", "bob"))])

    assert looked == [2]
    assert fold.is_partial
    assert faults(report) == [("C2", 3)]
