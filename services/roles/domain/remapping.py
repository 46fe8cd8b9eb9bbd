"""What a saved mapping does to one user, also when it is switched off or on."""

from dataclasses import dataclass
from typing import Literal

from services.roles.domain import give, settle, take_back
from services.roles.domain.rule import GroupMapping
from services.roles.domain.values import Moment, Told
from services.roles.domain.working import Working
from shared.contracts.directory_events import UserRef


@dataclass(frozen=True, slots=True)
class Change:
    """A mapping that takes the place of another.

    Switched off it may `keep` by hand what is held through it; switched on it may `take_back`
    what was kept that way.
    """

    after: GroupMapping
    switch: Literal["keep", "take_back"] | None = None


def remap(working: Working, user: UserRef, change: Change, moment: Moment) -> list[Told]:
    """Settle a user under another mapping; return the role events that follow."""
    shown = working.shown_of(user.id)
    given, told = working.given.get(user.id, {}), []
    match change.switch:
        case "keep":
            held = working.held.get(user.id, {})
            # What the fence keeps back is lost already: it must not become somebody's by hand.
            kept = [role for role, one in held.items() if not one.waits and role not in given]
            told = [give(working, user, role, moment) for role in sorted(kept)]
        case "take_back":
            kept = [role for role, one in given.items() if one.is_kept]
            told = take_back(working, user, kept, moment)
    working.mapping = change.after
    return [*told, *settle(working, user, shown, moment, lost="mapping")]
