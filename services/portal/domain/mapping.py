"""The forms in which an administrator edits the mapping, and switches it off and on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from services.portal.domain.errors import RefusedError
from shared.contracts.management import (
    DefaultRole,
    Held,
    Mapping,
    MappingEdit,
    MappingPreview,
    MappingRow,
)
from shared.contracts.role_events import RoleRef, Strategy

ACTOR = "portal"
Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """What both forms have in common.

    `effect` is what a preview called the changes that it showed. `asks` are the privileged roles
    that nobody would hold any more, `losses` the keys of those for which that was confirmed.
    """

    version: int
    losses: Sequence[str] = ()
    effect: str | None = None
    problem: str | None = None
    asks: Sequence[RoleRef] = ()
    preview: MappingPreview | None = None
    is_saved: bool = False

    def refused(self, words: str) -> Self:
        """Return the form as it was typed, with what is wrong; nothing is lost."""
        return replace(self, problem=words)

    def previewed(self, shown: MappingPreview) -> Self:
        """Return the form with what saving it would change."""
        return replace(self, preview=shown, effect=shown.effect, asks=shown.losses)


@dataclass(frozen=True, slots=True)
class MappingForm(Form):
    """The mapping as it is being edited: what was typed, and what is wrong with it.

    A row is a group and a role, empty where none is chosen yet. `differences` say what a mapping
    that was saved meanwhile, as version `newer`, has otherwise.
    """

    rows: Sequence[Row] = ()
    strategy: Strategy = "union"
    default_role: str = ""
    confirmed_name: str = ""
    differences: Sequence[str] = ()
    newer: int | None = None

    @property
    def edit(self) -> MappingEdit:
        """What is asked of the roles service."""
        return MappingEdit(
            version=self.version,
            rows=[MappingRow(group_id=group, role=role) for group, role in self.rows],
            strategy=self.strategy,
            default=DefaultRole(
                role=self.default_role or None, confirmed_name=self.confirmed_name or None
            ),
            losses=[*self.losses],
            actor=ACTOR,
            effect=self.effect,
        )

    def moved(self, place: int, by: int) -> "MappingForm":
        """Return the form with the row at a place one up (-1) or down (1), if it can go there."""
        rows, other = [*self.rows], place + by
        if 0 <= place < len(rows) and 0 <= other < len(rows):
            rows[place], rows[other] = rows[other], rows[place]
        return replace(self, rows=rows, effect=None)


@dataclass(frozen=True, slots=True)
class SwitchForm(Form):
    """Switching the mapping off or on: what becomes of the roles that are held."""

    is_on: bool = True
    held: Held | None = None

    def edit(self, stored: Mapping) -> MappingEdit:
        """Return what is asked of the roles service: the stored mapping, switched."""
        return MappingEdit(
            version=self.version,
            rows=[MappingRow(group_id=row.group_id, role=row.role) for row in stored.rows],
            enabled=self.is_on,
            held=self.held,
            losses=[*self.losses],
            actor=ACTOR,
            effect=self.effect,
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a service said when it refused a mapping, beside the sentence for people."""

    differences: Sequence[str] = ()
    newer: int | None = None
    losses: Sequence[RoleRef] = field(default_factory=list)


def form_of(stored: Mapping, *, is_saved: bool = False) -> MappingForm:
    """Return the form in which a stored mapping is edited."""
    return MappingForm(
        stored.version,
        rows=[(row.group_id, row.role) for row in stored.rows],
        strategy=stored.strategy,
        default_role=stored.default_role.key if stored.default_role else "",
        is_saved=is_saved,
    )


def refusal_of(error: RefusedError) -> Refusal:
    """Return what a refusal says to programs."""
    told = error.extensions
    stored = told.get("stored")
    return Refusal(
        [str(one) for one in told.get("differences", ())],
        int(stored["version"]) if stored else None,
        [RoleRef.model_validate(one) for one in told.get("losses", ())],
    )


def unfinished(rows: Iterable[Row]) -> str | None:
    """Say which row lacks its group or its role; None when each has both.

    Leaving such a row out would take its role away from everybody, and call that saved.
    """
    for number, (group, role) in enumerate(rows, start=1):
        if not role:
            return f"Row {number} has no role: choose one, or remove the row. Nothing was saved."
        if not group:
            return f"Row {number} has no group: choose one. Nothing was saved."
    return None
