"""Versions of the read models: what state each is in, and what may be done to it (ADR 0018).

preparing → filling → indexing → comparing → current      kept up to date, live or ready to be
                                     └──────▶ differing    an operator looks, switches or drops
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.contracts.ids import DirectoryId

Place = tuple[str, int]
KEPT_FOR = timedelta(days=7)
# So close behind, the rest is there before anybody looks.
CLOSE = 1000


class VersionError(Exception):
    """Base: what was asked of a version of the read models is not done."""


class UnknownVersionError(VersionError):
    """There is no such version of the read models; see `rollcall rebuild --list`."""

    def __str__(self) -> str:
        """Return the sentence for whoever asked."""
        return str(self.__doc__)


class RefusedError(VersionError):
    """What was asked for would lose something, or cannot be; the message says what to do."""


class State(StrEnum):
    """How far a version is."""

    PREPARING = "preparing"
    FILLING = "filling"
    INDEXING = "indexing"
    COMPARING = "comparing"
    DIFFERING = "differing"
    CURRENT = "current"
    FAILED = "failed"
    DROPPED = "dropped"


MADE = frozenset({State.PREPARING, State.FILLING, State.INDEXING, State.COMPARING, State.DIFFERING})
CONSUMED = frozenset({
    State.FILLING, State.INDEXING, State.COMPARING, State.DIFFERING, State.CURRENT,
})  # fmt: skip
_SHOWABLE = frozenset({State.COMPARING, State.DIFFERING, State.CURRENT})


@dataclass(frozen=True, slots=True)
class ReadModel:
    """One version; `events` of the log's `total` are applied, `compared` of its `directories`.

    `indexes` are the definitions set aside while it is filled; `switches` tells that it becomes
    live by itself once it is found equal; `kept_since` is when it was live last.
    """

    version: int
    state: State
    is_live: bool
    reason: str | None
    actor: str
    switches: bool
    accepts_loss: bool
    indexes: tuple[str, ...]
    events: int
    total: int
    compared: int
    directories: int
    started_at: datetime
    filled_at: datetime | None
    compared_at: datetime | None
    kept_since: datetime | None

    @property
    def schema(self) -> str:
        """The schema that holds it."""
        return schema_of(self.version)


def schema_of(version: int) -> str:
    """Return the schema of a version."""
    return f"rm_{version:d}"


def refuse_start(models: Sequence[ReadModel], cut: int, *, accepts_loss: bool) -> None:
    """Let a rebuild start. Raises RefusedError.

    `cut` counts the records that were in the log once and are in it no more.
    """
    made = next((one for one in models if one.state in MADE), None)
    if made:
        raise RefusedError(
            f"Version {made.version} is being made already ({made.state}). Follow it with "
            f"`rollcall rebuild --follow`, or give it up with `rollcall rebuild "
            f"--drop {made.version}`."
        )
    if cut and not accepts_loss:
        raise RefusedError(
            f"The log no longer holds its first {cut:,} records. A new version would show no "
            "events and no ended assignments from that time, which the live one still does. If "
            "that may be lost, say so with --accept-loss."
        )


def refuse_switch(model: ReadModel, behind: int, stopped: int, *, insists: bool) -> None:
    """Let a version become live. Raises RefusedError.

    `behind` counts the records that the live version has applied and this one has not; `stopped`
    the directories that are parked or stalled in this one alone.
    """
    name = f"Version {model.version}"
    if model.state not in _SHOWABLE:
        raise RefusedError(f"{name} is {model.state} and cannot be shown; wait, or make a new one.")
    if insists:
        return
    if model.state is not State.CURRENT:
        found = model.reason or "it is not compared yet"
        raise RefusedError(
            f"{name} was not found equal to the live version: {found}. "
            "If it shall be shown all the same, add --force."
        )
    if behind > CLOSE:
        raise RefusedError(
            f"{name} is {behind:,} records behind the live version, and what came with them would "
            "disappear from the portal until it has caught up. Wait, or add --force."
        )
    if stopped:
        raise RefusedError(
            f"{name} does not follow {stopped:,} directories that the live version follows: they "
            "are parked or stalled in it. Make a new version, or add --force."
        )


def refuse_drop(model: ReadModel) -> None:
    """Let a version be dropped. Raises RefusedError."""
    if model.is_live:
        raise RefusedError(
            f"Version {model.version} is live: switch to another one before you drop it."
        )


def is_over(model: ReadModel, now: datetime) -> bool:
    """Tell whether a version was kept long enough to switch back to."""
    return model.kept_since is not None and not model.is_live and now - model.kept_since > KEPT_FOR


def is_filled(model: ReadModel) -> bool:
    """Tell whether what is missing is little enough to go on with indexes in place."""
    return model.events >= model.total - CLOSE


def applied(
    offsets: Mapping[Place, int], bounds: Mapping[Place, tuple[int, int]]
) -> tuple[int, int]:
    """Return how many records are applied, of how many that the log holds."""
    events = sum(
        max(offsets.get(place, start), start) - start for place, (start, _) in bounds.items()
    )
    return events, sum(end - start for start, end in bounds.values())


@dataclass(frozen=True, slots=True)
class Standing:
    """How far two versions are in one directory.

    `is_ahead`: the live one stopped there (parked, stalled) and the new one got further, so they
    cannot be compared; `parked`: the new one stopped for good, for this reason, where the live one
    goes on.
    """

    directory_id: DirectoryId
    is_level: bool
    is_ahead: bool
    parked: str | None
    is_compared: bool


def difference(
    directory: DirectoryId, table: str, live: tuple[int, int], new: tuple[int, int]
) -> str | None:
    """Return in words what differs between checksums (rows, hash), None where nothing does."""
    if live == new:
        return None
    rows = f"{live[0]:,} rows in the live version, {new[0]:,} in this one"
    return f"directory {directory}, table {table}: {rows}, not the same"
