"""Range maps on top of the libraries a user would find: one recipe each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import portion
from BTrees.QOBTree import QOBTree, QOBTreePy
from intervaltree import Interval, IntervalTree
from sortedcontainers import SortedDict

from .peers import Maple, Peer, PlainMaple, Range, Scan, ThreeLists

__all__ = ["ANCHOR", "PEERS", "BTree", "Intervals", "Portion", "SortedRanges"]


class SortedRanges(Scan):
    """SortedDict keyed by the first index; a value is (last, entry). Bisect finds the floor."""

    def __init__(self, ranges: SortedDict | None = None) -> None:
        self.ranges = SortedDict() if ranges is None else ranges

    def load(self, index: int) -> Any:
        at = self.ranges.bisect_right(index)
        if at:
            last, entry = self.ranges.peekitem(at - 1)[1]
            if index <= last:
                return entry
        return None

    def find(self, index: int) -> Any:
        ranges = self.ranges
        at = ranges.bisect_right(index)
        if at:
            last, entry = ranges.peekitem(at - 1)[1]
            if index <= last:
                return entry
        return ranges.peekitem(at)[1][1] if at < len(ranges) else None

    def next(self, index: int) -> Any:
        at = self.ranges.bisect_right(index)
        return self.ranges.peekitem(at)[1][1] if at < len(self.ranges) else None

    def prev(self, index: int) -> Any:
        ranges = self.ranges
        at = ranges.bisect_right(index)
        if at:
            last, entry = ranges.peekitem(at - 1)[1]
            if last < index:
                return entry
        return ranges.peekitem(at - 2)[1][1] if at > 1 else None

    def store_range(self, first: int, last: int, entry: Any) -> None:
        ranges = self.ranges
        at = ranges.bisect_left(first)
        if at:
            start, (stop, old) = ranges.peekitem(at - 1)
            if stop >= first:
                ranges[start] = first - 1, old
                if stop > last:
                    ranges[last + 1] = stop, old
        for start in list(ranges.irange(first, last)):
            stop, old = ranges.pop(start)
            if stop > last:
                ranges[last + 1] = stop, old
        if entry is not None:
            ranges[first] = last, entry

    def erase(self, index: int) -> Any:
        at = self.ranges.bisect_right(index)
        if at:
            start, (last, entry) = self.ranges.peekitem(at - 1)
            if index <= last:
                del self.ranges[start]
                return entry
        return None

    def copy(self) -> SortedRanges:
        return SortedRanges(self.ranges.copy())

    def __iter__(self) -> Iterator[Range]:
        for first, (last, entry) in self.ranges.items():
            yield first, last, entry

    def backwards(self) -> Iterator[Range]:
        for first, (last, entry) in reversed(self.ranges.items()):
            yield first, last, entry


class BTree(Scan):
    """BTrees' unsigned 64-bit keys to objects, keyed by the first index; a value is (last, entry)."""

    make: Callable[..., Any] = QOBTree

    def __init__(self, ranges: Any = None) -> None:
        self.ranges = self.make() if ranges is None else ranges

    def load(self, index: int) -> Any:
        try:
            last, entry = self.ranges[self.ranges.maxKey(index)]
        except ValueError:  # nothing starts at or below index
            return None
        return entry if index <= last else None

    def find(self, index: int) -> Any:
        entry = self.load(index)
        return self.next(index) if entry is None else entry

    def next(self, index: int) -> Any:
        try:
            return self.ranges[self.ranges.minKey(index + 1)][1]
        except ValueError:
            return None

    def prev(self, index: int) -> Any:
        ranges = self.ranges
        try:
            start = ranges.maxKey(index)
            last, entry = ranges[start]
            return entry if last < index else ranges[ranges.maxKey(start - 1)][1]
        except (ValueError, TypeError):  # TypeError: no key is below 0
            return None

    def store_range(self, first: int, last: int, entry: Any) -> None:
        ranges = self.ranges
        try:
            start = ranges.maxKey(first)
        except ValueError:
            start = first
        if start < first:
            stop, old = ranges[start]
            if stop >= first:
                ranges[start] = first - 1, old
                if stop > last:
                    ranges[last + 1] = stop, old
        for start in list(ranges.keys(first, last)):
            stop, old = ranges.pop(start)
            if stop > last:
                ranges[last + 1] = stop, old
        if entry is not None:
            ranges[first] = last, entry

    def erase(self, index: int) -> Any:
        try:
            start = self.ranges.maxKey(index)
        except ValueError:
            return None
        last, entry = self.ranges[start]
        if index > last:
            return None
        del self.ranges[start]
        return entry

    def copy(self) -> BTree:
        return type(self)(self.make(self.ranges))

    def __iter__(self) -> Iterator[Range]:
        for first, (last, entry) in self.ranges.items():
            yield first, last, entry

    def backwards(self) -> Iterator[Range]:
        """BTrees walk forwards only; a copy of the keys is the quickest way back."""
        for first in reversed(list(self.ranges)):
            last, entry = self.ranges[first]
            yield first, last, entry


class BTreePy(BTree):
    """The same class of BTrees in Python. Its minKey() misses a key that lies in the next bucket."""

    make = QOBTreePy

    def next(self, index: int) -> Any:
        for _, entry in self.ranges.values(index + 1):
            return entry
        return None


class Intervals(Scan):
    """intervaltree: half-open intervals, kept from overlapping by hand."""

    def __init__(self, tree: IntervalTree | None = None) -> None:
        self.tree = IntervalTree() if tree is None else tree

    def load(self, index: int) -> Any:
        for interval in self.tree.at(index):
            return interval.data
        return None

    def _after(self, index: int) -> Any:
        """The entry that begins at the first bound from `index` on where one begins."""
        for bound in self.tree.boundary_table.irange(index):
            entry = self.load(bound)
            if entry is not None:
                return entry
        return None

    def find(self, index: int) -> Any:
        entry = self.load(index)
        return self._after(index) if entry is None else entry

    def next(self, index: int) -> Any:
        for interval in self.tree.at(index):
            return self._after(interval.end)
        return self._after(index)

    def prev(self, index: int) -> Any:
        for interval in self.tree.at(index):
            index = interval.begin
        for bound in self.tree.boundary_table.irange(None, index, reverse=True):
            entry = self.load(bound - 1)
            if entry is not None:
                return entry
        return None

    def store_range(self, first: int, last: int, entry: Any) -> None:
        tree, end = self.tree, last + 1
        for old in tree.overlap(first, end):
            tree.remove(old)
            if old.begin < first:
                tree.add(Interval(old.begin, first, old.data))
            if old.end > end:
                tree.add(Interval(end, old.end, old.data))
        if entry is not None:
            tree.add(Interval(first, end, entry))

    def erase(self, index: int) -> Any:
        for interval in self.tree.at(index):
            self.tree.remove(interval)
            return interval.data
        return None

    def copy(self) -> Intervals:
        return Intervals(self.tree.copy())

    def __iter__(self) -> Iterator[Range]:
        return ((begin, end - 1, data) for begin, end, data in sorted(self.tree))

    def backwards(self) -> Iterator[Range]:
        return ((begin, end - 1, data) for begin, end, data in sorted(self.tree, reverse=True))


class Portion(Scan):
    """portion's IntervalDict: it does the overlaps itself, by a pass over all its keys."""

    def __init__(self, ranges: portion.IntervalDict | None = None) -> None:
        self.ranges = portion.IntervalDict() if ranges is None else ranges

    def load(self, index: int) -> Any:
        return self.ranges.get(index)

    def find(self, index: int) -> Any:
        return next((entry for _, last, entry in self if last >= index), None)

    def next(self, index: int) -> Any:
        return next((entry for first, _, entry in self if first > index), None)

    def prev(self, index: int) -> Any:
        return next((entry for _, last, entry in self.backwards() if last < index), None)

    def store_range(self, first: int, last: int, entry: Any) -> None:
        interval = portion.closedopen(first, last + 1)
        if entry is None:
            del self.ranges[interval]
        else:
            self.ranges[interval] = entry

    def erase(self, index: int) -> Any:
        for interval, entry in self.ranges.items():
            for piece in interval:
                if index in piece:
                    del self.ranges[piece]
                    return entry
        return None

    def copy(self) -> Portion:
        return Portion(self.ranges.copy())

    def __iter__(self) -> Iterator[Range]:
        pieces = ((piece, entry) for interval, entry in self.ranges.items() for piece in interval)
        return iter(sorted(((piece.lower, piece.upper - 1, entry) for piece, entry in pieces)))

    def backwards(self) -> Iterator[Range]:
        return reversed(list(self))


ANCHOR = "SortedDict"
"""The structure that all ratios refer to."""

PEERS: dict[str, Callable[[], Peer]] = {
    "mmsim": Maple,
    "mmsim plain": PlainMaple,
    ANCHOR: SortedRanges,
    "BTrees C": BTree,
    "BTrees Py": BTreePy,
    "3 lists": ThreeLists,
    "intervaltree": Intervals,
    "portion": Portion,
}
"""How to make an empty one of each, by the name in the table."""
