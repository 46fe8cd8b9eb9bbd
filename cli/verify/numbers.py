"""C2, C3, C8 of one history once it was read to its end: who lacks what, and what is foreign."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cli.verify.cuts import DIRECTORY, Lane, Source
from cli.verify.histories import History
from cli.verify.report import Report
from cli.verify.rows import START, Reached
from shared.contracts import envelope
from shared.contracts.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Given:
    """What a service gave out: lane and counter of each directory, and what waits in its outbox.

    The outbox was read before the log's end, the counters after it.
    """

    numbers: Mapping[str, tuple[int, Reached]]
    waiting: Mapping[str, int]

    def reached(self, directory: str) -> Reached:
        """Return the counter of a directory."""
        return self.numbers.get(directory, (0, START))[1]


def settled(history: History, service: str, cut: Reached, given: Given) -> None:
    """C2: Kafka holds what the service had given out at its cut, and nothing that it never gave."""
    report, directory, read = history.report, history.directory, history.numbering.reached
    report.count("C2", histories=1, sequences=read[1])
    if history.numbering.is_lost:
        return
    if read < cut:
        _lacking(history, service, given)
    elif read > given.reached(directory):
        words = f"{history.topic} holds it, {service} counts to {given.reached(directory)[1]}"
        report.fault("C2", directory, words, read[1])


def _lacking(history: History, service: str, given: Given) -> None:
    following = history.numbering.reached[1] + 1
    if given.waiting.get(history.directory, following + 1) <= following:
        words = f"it waits in the outbox of {service}"
        history.report.unsettled("C2", history.directory, words, following)
    else:
        words = f"{service} committed it, and it is neither in Kafka nor in the outbox"
        history.report.fault("C2", history.directory, words, following)


def standings(history: History, lane: Lane, directory: str, cut: Reached) -> None:
    """C2, C8: each consumer got there, no further than Kafka, and none is stopped."""
    report, read = history.report, history.numbering.reached
    for consumer, topic, standing in lane.standings(directory):
        if topic != history.topic:
            continue
        at = standing.reached
        if standing.state == "parked":
            words = f"{consumer} parked it in {topic}: {standing.reason}"
            report.fault("C8", directory, words, at[1] + 1)
        elif standing.state != "live" and topic == DIRECTORY:
            words = f"{consumer} waits in {topic} for a snapshot: {standing.reason}"
            report.unsettled("C8", directory, words, at[1] + 1)
        elif standing.state != "live":
            words = f"{consumer} stalled in {topic}, which no snapshot heals: {standing.reason}"
            report.fault("C8", directory, words, at[1] + 1)
        elif at > read and not history.numbering.is_lost:
            words = f"{consumer} stands there, {topic} ends at {read[1]}"
            report.fault("C2", directory, words, at[1])
        elif at < cut:
            words = f"{consumer} has not applied it yet ({cut[1]} were there when asked)"
            report.unsettled("C2", directory, words, at[1] + 1)


def strangers(report: Report, unknown: Iterable[History], given: Given, partition: int) -> None:
    """C3, C8: a directory in this partition that is no directory, or lives elsewhere."""
    for history in unknown:
        first = min(history.numbering.first.values(), default=None)
        lane = given.numbers.get(history.directory)
        if lane is None:
            words = f"{history.topic} has events of it, and nobody knows such a directory"
            report.fault("C8", history.directory, words, first)
        elif lane[0] != partition:
            words = f"{history.topic} has it in partition {partition}, its lane is {lane[0]}"
            report.fault("C3", history.directory, words, first)


def borders(
    history: History, event: Envelope, key: bytes | None, source: Source | None, scope: str
) -> None:
    """C8: key, id and organization of an event are those of its directory."""
    sequence = event.position.sequence
    if key != event.directory.encode():
        words = f"{history.topic} has it under another key"
        history.report.fault("C8", history.directory, words, sequence)
    if event.id != envelope.event_id(event.directory, event.position, scope):
        words = f"{history.topic} has it with the id of another event"
        history.report.fault("C8", history.directory, words, sequence)
    if source and source.organization != event.organization:
        words = f"{history.topic} names organization {event.organization}, not its own"
        history.report.fault("C8", history.directory, words, sequence)
    history.report.count("C8", events=1)
