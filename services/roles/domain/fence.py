"""The fence: losses that look like a provider's mistake wait until somebody has looked (ADR 0027).

    a directory loses more than its share within a window ──▶ whatever it loses from then on waits
    a privileged role would lose its last holder          ──▶ that loss waits

Inputs are applied meanwhile, and who is given something has it at once. What waits ends when the
provider gives it back, or when an administrator approves. Pure, and by the time of events alone, so
that the same log raises it at the same place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from shared.contracts.ids import RoleKey, UserId

Why = Literal["share", "last_holder"]
_FULL = 100


@dataclass(frozen=True, slots=True)
class Rules:
    """How much a directory may lose: more than `percent` and more than `least` within a window."""

    is_on: bool = True
    percent: int = 20
    least: int = 10
    window_s: int = 3600

    def allowed(self, assigned: int) -> int:
        """Return how many of so many assignments may go within a window."""
        return max(self.least, assigned * self.percent // _FULL)


@dataclass(frozen=True, slots=True)
class Window:
    """Since when losses are counted, how much was assigned then, and how much was lost since."""

    began: datetime
    assigned: int
    lost: int = 0


@dataclass(slots=True)
class Fence:
    """The fence of one directory, as its events go by.

    `assigned` counts all assignments, `waiting` those whose loss waits, `holders` the others of
    each privileged role. `raised_at`: since when all losses wait. `lasts`: who lost a privileged
    role as its last holder. `judged` is the cause whose announced losses were found to be few.
    """

    rules: Rules
    assigned: int = 0
    waiting: int = 0
    holders: dict[RoleKey, int] = field(default_factory=dict)
    window: Window | None = None
    raised_at: datetime | None = None
    lasts: dict[RoleKey, UserId] = field(default_factory=dict)
    judged: str | None = None
    announced: tuple[str, int] | None = None
    stored: object = field(default=None, compare=False)

    def announce(self, cause: str, count: int) -> None:
        """Take in that so many losses may follow from one cause: all of them wait, or none."""
        self.announced = (cause, count)

    def keeps(self, role: RoleKey, time: datetime, cause: str) -> Why | None:
        """Return why the loss of a role waits; None if it does not."""
        if not self.rules.is_on:
            return None
        if self.raised_at is None and self._is_too_much(time, cause):
            self.raised_at = time
        if self.raised_at is not None:
            return "share"
        return "last_holder" if self.holders.get(role) == 1 else None

    def still_keeps(self, role: RoleKey, why: Why) -> bool:
        """Tell whether a loss that waits goes on waiting."""
        if why == "share":
            return self.raised_at is not None
        return self.holders.get(role) == 0

    def _is_too_much(self, time: datetime, cause: str) -> bool:
        window = self._window(time)
        allowed = self.rules.allowed(window.assigned)
        if self.announced and self.announced[0] == cause != self.judged:
            if window.lost + self.announced[1] > allowed:
                return True
            self.judged = cause
        return window.lost + 1 > allowed

    def _window(self, time: datetime) -> Window:
        length = timedelta(seconds=self.rules.window_s)
        if self.window is None or not self.window.began <= time < self.window.began + length:
            # What waits already is not there to be lost.
            self.window = Window(time, self.assigned - self.waiting)
        return self.window

    def is_too_much_at_once(self, count: int) -> bool:
        """Tell whether a save that nobody previewed takes more away than may be lost."""
        return self.rules.is_on and count > self.rules.allowed(self.assigned)

    def gained(self, role: RoleKey) -> None:
        """Count that somebody was given a role."""
        self.assigned += 1
        self._hold(role, 1)

    def lost(self, role: RoleKey, *, waited: bool, counts: bool) -> None:
        """Count that a role is gone; `counts` if that was not an administrator's will."""
        self.assigned -= 1
        if waited:
            self._end_waiting(role)
        else:
            self._hold(role, -1)
        if counts and self.window:
            self.window = replace(self.window, lost=self.window.lost + 1)

    def began_to_wait(self, role: RoleKey, user: UserId, why: Why) -> None:
        """Count that a loss waits."""
        self.waiting += 1
        self._hold(role, -1)
        if why == "last_holder":
            self.lasts[role] = user

    def given_back(self, role: RoleKey) -> None:
        """Count that what was to be lost is granted again."""
        self._end_waiting(role)
        self._hold(role, 1)

    def _end_waiting(self, role: RoleKey) -> None:
        self.waiting -= 1
        self.lasts.pop(role, None)
        if self.waiting <= 0:
            self.raised_at = None

    def _hold(self, role: RoleKey, step: int) -> None:
        if role in self.holders:
            self.holders[role] = max(self.holders[role] + step, 0)

    def succeeded(self) -> Mapping[RoleKey, UserId]:
        """Return the last holders that somebody has followed: their losses wait no longer."""
        return {role: user for role, user in self.lasts.items() if self.holders.get(role, 0) > 0}

    def approve(self) -> None:
        """Let what waits go; from here on losses are counted anew."""
        self.raised_at, self.window, self.judged = None, None, None


def open_fence() -> Fence:
    """Return a fence that keeps nothing."""
    return Fence(Rules(is_on=False))
