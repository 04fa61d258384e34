"""The structures that are compared, each with the same few methods.

Ranges are first..last, both included, as in the tree; storing None erases. The tree's own methods
are called without anything between. Everything else is a recipe: the short class a competent user
writes on top of the library to get a range map.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Protocol

from mmsim.maple import MapleState, MapleTree

__all__ = ["Maple", "NoGapSearch", "Peer", "PlainMaple", "Range", "Scan", "ThreeLists"]

Range = tuple[int, int, Any]


class NoGapSearch(Exception):
    """The structure has no search for free ranges, and no recipe could add one."""


class Peer(Protocol):
    """What a workload calls. `find` is find_vma(): the first entry that ends at or above an index."""

    def load(self, index: int) -> Any: ...
    def find(self, index: int) -> Any: ...
    def next(self, index: int) -> Any: ...
    def prev(self, index: int) -> Any: ...
    def store_range(self, first: int, last: int, entry: Any) -> Any: ...
    def erase(self, index: int) -> Any: ...
    def lowest(self, low: int, high: int, size: int) -> int | None: ...
    def highest(self, low: int, high: int, size: int) -> int | None: ...
    def copy(self) -> Peer: ...
    def __iter__(self) -> Iterator[Range]: ...


class Maple:
    """The tree in alloc_range mode. Its methods are the tree's own: no call in between."""

    alloc_range = True

    def __init__(self, tree: MapleTree | None = None) -> None:
        self.tree = tree = MapleTree(alloc_range=self.alloc_range) if tree is None else tree
        self.load, self.next, self.prev = tree.load, tree.next, tree.prev
        self.store_range, self.erase = tree.store_range, tree.erase
        self.find = tree.find  # answers (entry, index to go on from)

    def lowest(self, low: int, high: int, size: int) -> int | None:
        """As mmap would: a fresh state for each search."""
        mas = MapleState(self.tree)
        return mas.index if mas.empty_area(low, high, size) == 0 else None

    def highest(self, low: int, high: int, size: int) -> int | None:
        """The same from the top."""
        mas = MapleState(self.tree)
        return mas.index if mas.empty_area_rev(low, high, size) == 0 else None

    def copy(self) -> Maple:
        """An independent tree."""
        return type(self)(self.tree.copy())

    def __iter__(self) -> Iterator[Range]:
        return iter(self.tree)


class PlainMaple(Maple):
    """The tree in plain mode: no gaps are tracked, so there is no search for one."""

    alloc_range = False

    def lowest(self, low: int, high: int, size: int) -> int | None:
        """Plain trees cannot."""
        raise NoGapSearch

    highest = lowest


class Scan:
    """Gap search for structures that know no gaps: look at every range from one end."""

    def lowest(self, low: int, high: int, size: int) -> int | None:
        """Lowest free range of `size` in low..high. O(n)."""
        free = low
        for first, last, _ in self:
            if first - free >= size:
                break
            if last >= free:
                free = last + 1
        return free if free + size - 1 <= high else None

    def highest(self, low: int, high: int, size: int) -> int | None:
        """Highest free range of `size` in low..high. O(n)."""
        free = high
        for first, last, _ in self.backwards():
            if free - last >= size:
                break
            if first <= free:
                free = first - 1
        return free - size + 1 if free - size + 1 >= low else None

    def __iter__(self) -> Iterator[Range]:
        raise NotImplementedError

    def backwards(self) -> Iterator[Range]:
        """All ranges from the last to the first."""
        raise NotImplementedError


class ThreeLists(Scan):
    """First indices, last indices, entries: three sorted lists and bisect. Writing is O(n), with a memmove."""

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.lasts: list[int] = []
        self.entries: list[Any] = []

    def load(self, index: int) -> Any:
        at = bisect_left(self.lasts, index)
        return self.entries[at] if at < len(self.lasts) and self.firsts[at] <= index else None

    def find(self, index: int) -> Any:
        at = bisect_left(self.lasts, index)
        return self.entries[at] if at < len(self.lasts) else None

    def next(self, index: int) -> Any:
        at = bisect_left(self.firsts, index + 1)
        return self.entries[at] if at < len(self.firsts) else None

    def prev(self, index: int) -> Any:
        at = bisect_left(self.lasts, index)
        return self.entries[at - 1] if at else None

    def store_range(self, first: int, last: int, entry: Any) -> None:
        start = bisect_left(self.lasts, first)
        stop = bisect_left(self.firsts, last + 1, start)
        firsts, lasts, entries = ([], [], []) if entry is None else ([first], [last], [entry])
        if start < stop:
            if self.firsts[start] < first:
                firsts.insert(0, self.firsts[start])
                lasts.insert(0, first - 1)
                entries.insert(0, self.entries[start])
            if self.lasts[stop - 1] > last:
                firsts.append(last + 1)
                lasts.append(self.lasts[stop - 1])
                entries.append(self.entries[stop - 1])
        self.firsts[start:stop] = firsts
        self.lasts[start:stop] = lasts
        self.entries[start:stop] = entries

    def erase(self, index: int) -> Any:
        at = bisect_left(self.lasts, index)
        if at == len(self.lasts) or self.firsts[at] > index:
            return None
        del self.firsts[at], self.lasts[at]
        return self.entries.pop(at)

    def copy(self) -> ThreeLists:
        new = ThreeLists()
        new.firsts, new.lasts, new.entries = self.firsts[:], self.lasts[:], self.entries[:]
        return new

    def __iter__(self) -> Iterator[Range]:
        return zip(self.firsts, self.lasts, self.entries, strict=True)

    def backwards(self) -> Iterator[Range]:
        return zip(reversed(self.firsts), reversed(self.lasts), reversed(self.entries), strict=True)
