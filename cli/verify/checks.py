"""The checkers that compare what is stored with what it should be: one function each. Pure.

A cut names how far a service had come; the fold that it is compared with stands exactly there.
"""

from array import array
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from cli.verify import role_fold, rows
from cli.verify.cuts import Model, Roles, Source
from cli.verify.fold import DirectoryFold
from cli.verify.numbering import Numbering
from cli.verify.report import Report
from cli.verify.role_fold import RoleFold, State
from cli.verify.rows import Held, Reached


def source(report: Report, directory: str, fold: DirectoryFold, cut: Source) -> None:
    """C4: ingest's tables are what its events come to."""
    compared = _Comparison(report, "C4", directory, "ingest", "the log")
    users = {key: one.content for key, one in fold.users.items() if not one.is_deleted}
    groups = {key: one.content for key, one in fold.groups.items() if not one.is_deleted}
    compared.maps("users", users, cut.users)
    compared.maps("groups", groups, cut.groups)
    compared.sets("memberships", fold.edges.keys(), cut.edges)


def views(report: Report, directory: str, cut: Model, origin: Source) -> None:
    """C4: the read model shows what ingest has, where both stand at the same event."""
    compared = _Comparison(report, "C4", directory, "the read model", "ingest")
    compared.maps("users", origin.users, cut.user_contents)
    compared.maps("groups", origin.groups, cut.group_contents)
    compared.sets("memberships", origin.edges, cut.edges.keys())
    report.count("C4", directories=1)
    report.add_checksum(rows.checksum([*cut.user_contents.values(), *cut.group_contents.values()]))


def model(report: Report, directory: str, fold: DirectoryFold, cut: Model) -> None:
    """C7: the read model of directory events is a rebuild from their log."""
    compared = _Comparison(report, "C7", directory, "the read model", "the log")
    if fold.description != cut.description:
        words = "directories: the row differs between the read model and the log"
        report.fault("C7", directory, words)
    users = {key: one.row for key, one in fold.users.items()}
    groups = {key: one.row for key, one in fold.groups.items()}
    if fold.is_partial:
        # What went before the log begins is in the read model alone.
        compared.maps("users", _present(users), _present(cut.users))
        compared.maps("groups", _present(groups), _present(cut.groups))
        compared.sets("memberships", fold.edges.keys(), cut.edges.keys())
        return
    compared.maps("users", users, cut.users)
    compared.maps("groups", groups, cut.groups)
    compared.maps("memberships", {edge: one.since for edge, one in fold.edges.items()}, cut.edges)
    compared.maps("member_counts", fold.member_counts(), cut.member_counts)
    compared.sets("erased_users", fold.erased, cut.erased)


def _present(found: Mapping[str, rows.Row]) -> dict[str, rows.Row]:
    return {key: row for key, row in found.items() if row.deleted_at is None}


def role_model(report: Report, directory: str, fold: RoleFold, cut: Model) -> None:
    """C7: the read model of role events is a rebuild from their log."""
    compared = _Comparison(report, "C7", directory, "the read model", "the log")
    compared.maps("assignments", fold.history, cut.assignments)
    # What is switched off grants nothing, so the portal shows none of it.
    compared.sets("mappings", {*fold.mapping} if fold.options.is_on else set(), cut.mapping)


def copies(
    report: Report,
    directory: str,
    numbering: Numbering,
    cut: Model,
    *,
    topic: str,
    trusted_from: Reached = rows.START,
) -> None:
    """C7: the copies of events that the read model keeps are those of the log, up to its place."""
    generation, last = numbering.reached
    if numbering.is_empty:
        return
    first = numbering.first[generation]
    expected = numbering.marks[generation]
    if trusted_from > (generation, first):
        # What waited before a snapshot was superfluous behind it, and has no copy.
        expected, first = expected[trusted_from[1] - first :], trusted_from[1]
    stored = cut.copies.get((topic, generation))
    found = dict(zip(stored.sequences, stored.marks, strict=True)) if stored else {}
    report.count("C7", rows=len(expected))
    blank = stored.blank if stored else set()
    wrong = _first_wrong(expected, first, found, blank)
    if wrong is not None:
        what = "differs from" if wrong in found else "is missing, unlike in"
        report.fault("C7", directory, f"events: the copy {what} {topic}", wrong)
    if stored and stored.telling:
        words = "events: the copy still tells of somebody who was erased"
        report.fault("C7", directory, words, stored.telling[0])
    beyond = [sequence for sequence in found if sequence > last]
    if beyond:
        report.fault("C7", directory, f"events: a copy that {topic} does not hold yet", min(beyond))


def _first_wrong(
    expected: "array[int]", first: int, found: Mapping[int, int], blank: AbstractSet[int]
) -> int | None:
    """Return the first number whose copy is not the event; of a blank one nobody knows the data."""
    for number, mark in enumerate(expected, first):
        copy = found.get(number)
        if copy == mark:
            continue
        if copy is None or number not in blank or not rows.is_same_but_for_data(copy, mark):
            return number
    return None


def inputs(report: Report, directory: str, fold: DirectoryFold, cut: Roles) -> None:
    """C5: what roles learned of users, groups and memberships is what the events come to."""
    compared = _Comparison(report, "C5", directory, "roles", "the log")
    users = {key: one.ref for key, one in fold.users.items() if not one.is_deleted}
    compared.maps("users", users, cut.users)
    groups = {key: (one.ref, one.is_deleted) for key, one in fold.groups.items()}
    stored = cut.groups
    if fold.is_partial:
        groups = {key: one for key, one in groups.items() if not one[1]}
        stored = {key: one for key, one in stored.items() if not one[1]}
    compared.maps("groups", groups, stored)
    compared.sets("memberships", fold.edges.keys(), cut.edges)


def assignments(
    report: Report,
    directory: str,
    active: Iterable[str],
    edges: Iterable[rows.Edge],
    cut: Roles,
    *,
    leaving: AbstractSet[str] = frozenset(),
) -> None:
    """C5: who holds what, and through what, follows from users, groups, mapping and hands.

    Users are left out who are `leaving`: their deletion is told, but not yet in full. What nothing
    grants any more is no fault where the fence keeps its loss from happening.
    """
    staying = [user for user in active if user not in leaving]
    expected = role_fold.effective(staying, edges, cut.mapping, cut.options, cut.by_hand)
    waiting = {held for held, one in cut.held.items() if one.waits}
    found = {
        held: one.through
        for held, one in cut.held.items()
        if held[0] not in leaving and held not in waiting
    }
    compared = _Comparison(report, "C5", directory, "roles", "the recomputation")
    compared.maps("assignments", expected, found)
    report.count("C5", waiting=len(waiting))
    counted = (len(cut.held), len(waiting))
    if cut.fenced not in {None, counted}:
        words = f"the fence counts {cut.fenced}, of assignments and losses that wait; they are"
        report.fault("C5", directory, f"{words} {counted}")


def told(report: Report, directory: str, fold: RoleFold, cut: Roles) -> None:
    """C6: the role events come to the assignments and the mapping that are stored."""
    compared = _Comparison(report, "C6", directory, "roles", "the role events")
    events = {held: (begun.since, begun.cause) for held, begun in fold.held.items()}
    stored = {held: (one.since, one.cause) for held, one in cut.held.items()}
    compared.maps("assignments", events, stored)
    begun = {key: one for key, one in fold.history.items() if key[2:] > cut.history_from}
    compared.maps("assignment_history", begun, cut.history)
    compared.sets("mappings", {*fold.mapping}, {*cut.mapping})
    compared.sets("manual_assignments", fold.by_hand, cut.by_hand)
    is_ordered = fold.options.strategy == "first_match"
    if fold.options != cut.options or (is_ordered and fold.mapping != cut.mapping):
        words = "the mapping's order or another option of it is not what the last save said"
        report.fault("C6", directory, words)
    if fold.mapping_version != cut.mapping_version:
        words = f"the mapping has version {cut.mapping_version}, by events {fold.mapping_version}"
        report.fault("C6", directory, words)


def holders(report: Report, directory: str, fold: RoleFold, known: DirectoryFold) -> None:
    """C8: role events of a directory name its own users."""
    foreign = {user for user, *_ in fold.history} - known.users.keys() - known.erased
    if foreign:
        words = f"a role was given to {min(foreign)}, who is no user of it"
        report.fault("C8", directory, words)


def states(
    report: Report,
    directory: str,
    found: Mapping[str, State],
    cut: Roles,
    changed_since: AbstractSet[str],
) -> None:
    """C6: the compacted topic says of each user what is stored.

    Users are left out whose state waits in the outbox, or who changed since the cut was made.
    """
    stored: dict[str, dict[str, tuple[str, ...]]] = {}
    for (user, role), one in cut.held.items():
        stored.setdefault(user, {})[role] = one.through
    moving = cut.pending | changed_since
    moving |= {user for user, one in found.items() if _is_later(one, cut)}
    expected = {user: value for user, value in stored.items() if user not in moving}
    told = {u: dict(one.roles) for u, one in found.items() if one.roles and u not in moving}
    compared = _Comparison(report, "C6", directory, "role.state.v1", "roles")
    compared.maps("users", expected, told)


def _is_later(one: State, cut: Roles) -> bool:
    """Tell whether a record follows from something that the cut does not hold yet."""
    return _is_beyond(one.position, cut.reached) or _is_beyond(one.caused_by, cut.standing.reached)


def _is_beyond(position: Reached | None, cut: Reached) -> bool:
    return position is not None and position > cut


class _Comparison:
    """Two sides of one directory, table by table; a difference is a fault that names a row."""

    def __init__(
        self, report: Report, check: str, directory: str, found_in: str, expected_in: str
    ) -> None:
        self._report = report
        self._check = check
        self._directory = directory
        self._sides = (found_in, expected_in)

    def maps(self, table: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> None:
        """Compare rows by key."""
        self._report.count(self._check, rows=len(expected.keys() | found.keys()))
        if expected == found:
            return
        keys = expected.keys() | found.keys()
        missing = object()
        wrong = [key for key in keys if expected.get(key, missing) != found.get(key, missing)]
        self._fault(table, wrong, expected.keys(), found.keys())

    def sets(self, table: str, expected: AbstractSet[Any], found: AbstractSet[Any]) -> None:
        """Compare rows that are nothing but keys."""
        self._report.count(self._check, rows=len(expected | found))
        if expected != found:
            self._fault(table, list(expected ^ found), expected, found)

    def _fault(
        self, table: str, wrong: list[Any], expected: AbstractSet[Any], found: AbstractSet[Any]
    ) -> None:
        key = min(wrong)
        found_in, expected_in = self._sides
        if key not in found:
            how = f"is missing in {found_in}, present in {expected_in}"
        elif key not in expected:
            how = f"is in {found_in}, but not in {expected_in}"
        else:
            how = f"differs between {found_in} and {expected_in}"
        more = f" ({len(wrong)} rows in all)" if len(wrong) > 1 else ""
        self._report.fault(self._check, self._directory, f"{table}: row {_row(key)} {how}{more}")


def _row(key: str | Held | tuple[Any, ...]) -> str:
    return key if isinstance(key, str) else "/".join(str(part) for part in key)
