"""One lane: its partitions of the log, followed from the start and compared with its cuts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cli.verify import checks, numbers, role_fold
from cli.verify.cuts import DIRECTORY, ROLE, Lane
from cli.verify.cutting import Cutter
from cli.verify.fold import DirectoryFold
from cli.verify.histories import Fold, History
from cli.verify.journal import Journal
from cli.verify.log import Log
from cli.verify.numbering import Place
from cli.verify.numbers import Given
from cli.verify.report import Report
from cli.verify.role_fold import RoleFold, State
from cli.verify.tables import counters
from shared.contracts import envelope
from shared.contracts.envelope import Envelope
from shared.contracts.role_events import SCOPE
from shared.contracts.topics import ROLE_STATE

STATE = ROLE_STATE.name
_SCOPES = {DIRECTORY: "", ROLE: SCOPE}


class _Nothing:
    """The fold of a directory that nothing is known of yet: made after the cut."""

    def apply(self, event: Envelope) -> None:
        """Fold nothing."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks lane after lane, or one directory alone."""

    cutter: Cutter
    log: Log
    report: Report
    journal: Journal
    only: str | None = None

    async def check(self, number: int) -> None:
        """Check everything that lives in one lane."""
        lane = await self.cutter.cut(number, self.only)
        directories = await self._directory_events(lane)
        states = await self._states(lane)
        await self._role_events(lane, directories, states)

    async def _directory_events(self, lane: Lane) -> dict[str, DirectoryFold]:
        # Outbox first, then the log: what is in neither was lost.
        ingest = self.cutter.databases["ingest"]
        waiting = await counters.waiting(ingest)
        end = await self.log.end((DIRECTORY, lane.number))
        folds = {key: DirectoryFold() for key in lane.ingest}
        histories = {key: self._directory(lane, key, fold) for key, fold in folds.items()}
        strangers = await self._follow(lane, histories, DIRECTORY, end)
        given = Given(await counters.sequences(ingest), waiting)
        numbers.strangers(self.report, strangers, given, lane.number)
        for key, history in histories.items():
            numbers.settled(history, "ingest", lane.ingest[key].reached, given)
            numbers.standings(history, lane, key, lane.ingest[key].reached)
        whole = {
            key: fold
            for key, fold in folds.items()
            if not histories[key].inexact and not fold.is_partial
        }
        for key, fold in whole.items():
            if fold.strangers:
                words = f"{fold.strangers[0]} is told of, and was never made here"
                self.report.fault("C8", key, words)
        return whole

    def _directory(self, lane: Lane, key: str, fold: DirectoryFold) -> History:
        """Return the history of a directory, with what is looked at on the way."""
        report, origin, roles, model = (
            self.report,
            lane.ingest[key],
            lane.roles[key],
            lane.model[key],
        )
        history = self._history(lane, key, DIRECTORY, fold, ("C4", "C5", "C7"))

        def at_roles() -> None:
            is_even = roles.standing.reached == origin.reached
            active, edges = (
                (origin.active, origin.edges) if is_even else (fold.active_users(), fold.edges)
            )
            if roles.is_unsettled:
                words = "what was saved or told again has not reached everybody yet"
                report.unsettled("C5", key, words)
                return
            checks.inputs(report, key, fold, roles)
            if roles.is_resyncing:
                words = "roles decides again once the snapshot that heals it has ended"
                report.unsettled("C5", key, words)
                return
            checks.assignments(report, key, active, edges, roles, leaving=fold.leaving)

        def at_model() -> None:
            checks.model(report, key, fold, model)
            checks.copies(report, key, history.numbering, model, topic=DIRECTORY,
                          trusted_from=history.trusted_from)  # fmt: skip
            if model.standing.reached == origin.reached:
                checks.views(report, key, model, origin)

        history.look_at(origin.reached, lambda: checks.source(report, key, fold, origin))
        history.look_at(roles.standing.reached, at_roles)
        history.look_at(model.standing.reached, at_model)
        history.begin()
        return history

    async def _states(self, lane: Lane) -> dict[str, dict[str, State]]:
        """Return the last record of each user on the compacted topic, by directory."""
        place = (STATE, lane.number)
        found: dict[str, dict[str, State]] = {key: {} for key in lane.ingest}
        async for record in self.log.records(place, await self.log.end(place)):
            key = (record.key or b"").decode("ascii", "replace")
            directory, _, user = key.partition("/")
            if directory in found:
                found[directory][user] = self._state(directory, record.value)
        return found

    def _state(self, directory: str, value: bytes | None) -> State:
        if value is None:
            return State()
        event = envelope.parse(value)
        if event.directory != directory:
            words = f"{STATE} has a record of directory {event.directory} under its key"
            self.report.fault("C8", directory, words)
        return role_fold.state(event)

    async def _role_events(
        self,
        lane: Lane,
        directories: Mapping[str, DirectoryFold],
        states: Mapping[str, dict[str, State]],
    ) -> None:
        # Counters are read behind the states: each state's events are among the numbers given.
        roles = self.cutter.databases["roles"]
        given = Given(await counters.sequences(roles), await counters.waiting(roles))
        end = await self.log.end((ROLE, lane.number))
        folds = {key: RoleFold(cut=lane.roles[key].reached) for key in lane.ingest}
        histories = {
            key: self._role(lane, key, fold, directories.get(key)) for key, fold in folds.items()
        }
        strangers = await self._follow(lane, histories, ROLE, end)
        after = Given(await counters.sequences(roles), given.waiting)
        numbers.strangers(self.report, strangers, after, lane.number)
        for key, history in histories.items():
            numbers.settled(history, "roles", lane.roles[key].reached, after)
            numbers.standings(history, lane, key, lane.roles[key].reached)
            for sequence, words in folds[key].broken:
                if history.is_believed(sequence):
                    self.report.fault("C6", key, words, sequence)
            if history.inexact:
                continue
            if history.numbering.reached < given.reached(key):
                self.report.unsettled("C6", key, "role events are on their way to Kafka")
                continue
            checks.states(self.report, key, states[key], lane.roles[key], folds[key].changed)

    def _role(
        self, lane: Lane, key: str, fold: RoleFold, directory: DirectoryFold | None
    ) -> History:
        report, roles, model = self.report, lane.roles[key], lane.model[key]
        history = self._history(lane, key, ROLE, fold, ("C6", "C7"))

        def at_roles() -> None:
            checks.told(report, key, fold, roles)
            if directory:
                checks.holders(report, key, fold, directory)

        def at_model() -> None:
            checks.role_model(report, key, fold, model)
            checks.copies(report, key, history.numbering, model, topic=ROLE)

        history.look_at(roles.reached, at_roles)
        history.look_at(model.role_standing.reached, at_model)
        history.begin()
        return history

    def _history(
        self, lane: Lane, key: str, topic: str, fold: Fold, rebuilt: tuple[str, ...]
    ) -> History:
        history = History(self.report, key, topic, fold, rebuilt)
        for consumer, of, standing in lane.standings(key):
            if of == topic and standing.state == "live":
                offset = lane.next_offsets[consumer].get(topic, 0)
                history.await_reading(consumer, standing.reached, offset)
        return history

    async def _follow(
        self, lane: Lane, histories: Mapping[str, History], topic: str, end: int
    ) -> Iterable[History]:
        """Follow a partition to its end; return the histories that no cut knows."""
        place = (topic, lane.number)
        unknown: dict[str, History] = {}
        is_cut = self.log.starts[place] > 0
        async for record in self.log.records(place, end):
            try:
                event = envelope.parse(record.value)
            except envelope.MalformedEventError:
                self.report.count("C3", malformed=1)
                continue
            key = str(event.directory)
            history = histories.get(key) or unknown.get(key)
            if history is None:
                if self.only:
                    continue
                history = unknown[key] = History(self.report, key, topic, _Nothing(), ())
            numbers.borders(history, event, record.key, lane.ingest.get(key), _SCOPES[topic])
            if history.take(event, record.offset, is_cut=is_cut) is Place.NEXT:
                self.journal.note(event, topic)
        for history in (*histories.values(), *unknown.values()):
            read = history.numbering
            events = sum(len(marks) for marks in read.marks.values())
            self.report.count("C3", events=events + read.repeats, repeats=read.repeats)
        return unknown.values()
