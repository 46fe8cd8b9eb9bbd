"""Consistent cuts: what one service had stored at one moment, with how far it had come then."""

from array import array
from dataclasses import dataclass, field
from datetime import datetime

from cli.verify.role_fold import AssignmentKey
from cli.verify.rows import START, Assignment, Edge, Held, Holding, Mapped, Options, Reached, Row
from shared.contracts.topics import DIRECTORY_EVENTS, ROLE_EVENTS

DIRECTORY, ROLE = DIRECTORY_EVENTS.name, ROLE_EVENTS.name


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a consumer applied a directory, and why it goes no further.

    Parked: until an operator lets it go on. Stalled: until a snapshot comes, which it asks for.
    """

    reached: Reached = START
    state: str = "live"
    reason: str = ""


@dataclass(slots=True)
class Source:
    """A directory in ingest, at `reached` of its own counter."""

    reached: Reached
    organization: str | None
    users: dict[str, bytes] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    groups: dict[str, bytes] = field(default_factory=dict)
    edges: set[Edge] = field(default_factory=set)


@dataclass(slots=True)
class Roles:
    """A directory in roles: `standing` in the directory's events, `reached` of its own counter.

    Of groups also whether they were deleted. `mapping` is in order. `pending`: users whose state
    was not published.
    While it is resyncing nothing is decided: a snapshot behind a hole has not ended. While it is
    unsettled, what was saved or told again has not reached everybody. Of the
    history only what role events behind `history_from` began; `open` are those that go on.
    `fenced` is how many assignments the fence counts, and of them those whose loss waits.
    """

    standing: Standing
    reached: Reached = START
    users: dict[str, bytes] = field(default_factory=dict)
    groups: dict[str, tuple[bytes, bool]] = field(default_factory=dict)
    edges: set[Edge] = field(default_factory=set)
    mapping: list[Mapped] = field(default_factory=list)
    options: Options = field(default_factory=Options)
    mapping_version: int = 0
    is_resyncing: bool = False
    is_unsettled: bool = False
    by_hand: set[Held] = field(default_factory=set)
    history_from: Reached = START
    history: dict[AssignmentKey, Assignment] = field(default_factory=dict)
    open: dict[Held, AssignmentKey] = field(default_factory=dict)
    held: dict[Held, Holding] = field(default_factory=dict)
    fenced: tuple[int, int] | None = None
    pending: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Copies:
    """The copies of one generation's events that the read model keeps, in order.

    `blank` are those of users who were erased, by what is left of them; `telling` are copies that
    should be, and are not.
    """

    sequences: "array[int]" = field(default_factory=lambda: array("q"))
    marks: "array[int]" = field(default_factory=lambda: array("q"))
    blank: set[int] = field(default_factory=set)
    telling: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Model:
    """A directory in the read model: where it stands in both topics, and its rows.

    `contents` are the digests of what ingest stores of users and groups that are not deleted.
    """

    standing: Standing
    role_standing: Standing
    description: bytes | None = None
    organization: str | None = None
    users: dict[str, Row] = field(default_factory=dict)
    groups: dict[str, Row] = field(default_factory=dict)
    user_contents: dict[str, bytes] = field(default_factory=dict)
    group_contents: dict[str, bytes] = field(default_factory=dict)
    edges: dict[Edge, datetime] = field(default_factory=dict)
    member_counts: dict[str, int] = field(default_factory=dict)
    assignments: dict[AssignmentKey, Assignment] = field(default_factory=dict)
    mapping: set[Mapped] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    copies: dict[tuple[str, int], Copies] = field(default_factory=dict)


@dataclass(slots=True)
class Lane:
    """Everything stored of the directories of one lane, and what each consumer reads next.

    The cuts were made in this order: ingest, roles, read model; each later than the one before.
    """

    number: int
    ingest: dict[str, Source] = field(default_factory=dict)
    roles: dict[str, Roles] = field(default_factory=dict)
    model: dict[str, Model] = field(default_factory=dict)
    next_offsets: dict[str, dict[str, int]] = field(default_factory=dict)

    def standings(self, directory: str) -> list[tuple[str, str, Standing]]:
        """Return where each consumer stands in a directory: its name, the topic, how far."""
        roles, model = self.roles[directory], self.model[directory]
        return [
            ("roles", DIRECTORY, roles.standing),
            ("projector", DIRECTORY, model.standing),
            ("projector", ROLE, model.role_standing),
        ]
