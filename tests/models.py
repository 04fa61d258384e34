"""Plain models to compare the tree with: slow, and too simple to be wrong."""

from __future__ import annotations

import itertools
from typing import Any

from mmsim.maple import ULONG_MAX, MapleTree, ranges


class IntervalModel:
    """A sorted list of (first, last, entry), NULLs left out."""

    def __init__(self) -> None:
        self.items: list[tuple[int, int, Any]] = []

    def store(self, index: int, last: int, entry: Any) -> None:
        """Cut what overlaps, keep the parts left and right of it."""
        kept = []
        for first, end, old in self.items:
            if end < index or first > last:
                kept.append((first, end, old))
                continue
            if first < index:
                kept.append((first, index - 1, old))
            if end > last:
                kept.append((last + 1, end, old))
        if entry is not None:
            kept.append((index, last, entry))
        self.items = sorted(kept, key=lambda item: item[0])

    def range_at(self, index: int) -> tuple[int, int, Any]:
        """The range or gap that holds an index."""
        low = 0
        for first, last, entry in self.items:
            if index < first:
                return low, first - 1, None
            if index <= last:
                return first, last, entry
            low = last + 1
        return low, ULONG_MAX, None

    def gaps(self) -> list[tuple[int, int]]:
        """Every gap as (first, last)."""
        found, low = [], 0
        for first, last, _ in self.items:
            if first > low:
                found.append((low, first - 1))
            low = last + 1
        if low <= ULONG_MAX:
            found.append((low, ULONG_MAX))
        return found


def agrees(tree: MapleTree, model: IntervalModel) -> None:
    """The tree is valid and holds what the model holds."""
    tree.check()
    assert list(tree) == model.items
    borders = [(first, last) for first, last, _ in ranges(tree)]
    assert borders[0][0] == 0
    assert borders[-1][1] == ULONG_MAX
    assert all(last + 1 == first for (_, last), (first, _) in itertools.pairwise(borders))


def filled(count: int, gap: int = 1, alloc_range: bool = False, use_rcu: bool = False) -> MapleTree:
    """Ranges of 4 with `gap` free indices between them: [0, 3], [4 + gap, 7 + gap] ..., entries 1, 2 ..."""
    tree = MapleTree(alloc_range=alloc_range, use_rcu=use_rcu)
    for number in range(count):
        start = number * (4 + gap)
        tree.store_range(start, start + 3, number + 1)
    return tree
