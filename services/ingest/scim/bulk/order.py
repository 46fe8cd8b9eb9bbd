"""In which order operations are executed: as sent, but what one refers to goes before it.

Only POSTs move ahead, since only they can be referred to; nothing that changes or deletes a
stored resource changes places with another such operation (RFC 7644 §3.7: the result must be the
same). Operations that refer to each other in a circle are one step (§3.7.1).
"""

import math
from collections.abc import Iterator, Sequence

from services.ingest.scim.bulk.operations import Operation


def steps(operations: Sequence[Operation]) -> list[tuple[Operation, ...]]:
    """Return the operations in the order of execution; a step of several is a circle."""
    makers = {
        each.bulk_id: place
        for place, each in enumerate(operations)
        if each.method == "POST" and each.fault is None
    }
    needs = [
        sorted(makers[name] for name in each.refers_to if name in makers) for each in operations
    ]
    return [tuple(operations[place] for place in found) for found in _Search(needs).run()]


class _Search:
    """Tarjan's strongly connected components, without recursion: a chain may be 1,000 long.

    Components come out after those that they need, and else in the order of the request.
    """

    def __init__(self, needs: Sequence[Sequence[int]]) -> None:
        self._needs = needs
        self._lowest: dict[int, float] = {}
        self._entered: dict[int, int] = {}
        self._open: list[int] = []

    def run(self) -> Iterator[list[int]]:
        for root in range(len(self._needs)):
            if root not in self._entered:
                yield from self._from(root)

    def _from(self, root: int) -> Iterator[list[int]]:
        walk = [self._enter(root)]
        while walk:
            place, rest = walk[-1]
            ahead = next((each for each in rest if each not in self._entered), None)
            if ahead is not None:
                walk.append(self._enter(ahead))
                continue
            walk.pop()
            lowest = min((self._lowest[each] for each in self._needs[place]), default=math.inf)
            self._lowest[place] = min(self._lowest[place], lowest)
            if self._lowest[place] == self._entered[place]:
                yield self._closed(place)

    def _enter(self, place: int) -> tuple[int, Iterator[int]]:
        self._lowest[place] = self._entered[place] = len(self._entered)
        self._open.append(place)
        return place, iter(self._needs[place])

    def _closed(self, place: int) -> list[int]:
        component: list[int] = []
        while place not in component[-1:]:
            component.append(self._open.pop())
            self._lowest[component[-1]] = math.inf
        return sorted(component)
