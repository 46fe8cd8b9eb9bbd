"""How fast one directory may go: a token bucket, kept as the moment when it will be full again.

That one number says all: what is in the bucket now follows from it, and it never needs refilling.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """So many operations a second in the long run, and so many at once after a rest."""

    per_second: float
    burst: int

    @property
    def fills_within_s(self) -> float:
        """How long an empty bucket takes to fill."""
        return self.burst / self.per_second

    def waits_s(self, full_at: float, cost: int, now: float) -> float:
        """Return how long to wait until so many operations may begin; 0 or less means now.

        What costs more than half a bucket begins when it is half full: it would wait for ever
        for more, where others draw on the same bucket. What it takes too much delays the next.
        """
        needed = min(cost, max(self.burst // 2, 1))
        return max(full_at - now, 0.0) + needed / self.per_second - self.fills_within_s

    def full_after(self, full_at: float, cost: int, now: float) -> float:
        """Return when the bucket will be full after so many operations began."""
        return max(full_at, now) + cost / self.per_second
