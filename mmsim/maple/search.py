"""Finding free ranges with the help of the gaps (mas_empty_area() and mas_empty_area_rev(), 6.1)."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from .node import ULONG_MAX, Node

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["highest_gap", "lowest_gap"]


def lowest_gap(tree: MapleTree, min: int, max: int, size: int) -> int | None:
    """Start of the lowest free range of `size` indices inside min..max, or None.

    O(height) where the gaps lead straight to it; a subtree is entered in vain only when its
    longest gap lies outside the window.
    """
    if not tree.height:
        start = 1 if tree.root is not None and min == 0 else min
        return start if max - start + 1 >= size else None
    return _lowest(tree.root, tree.height, 0, min, max, size)


def _lowest(node: Node, height: int, low: int, min: int, max: int, size: int) -> int | None:
    """The same below one node whose first index is `low`."""
    pivots, slots, gaps = node.pivots, node.slots, node.gaps
    for slot in range(bisect_left(pivots, min), len(pivots)):
        if height > 1:
            if gaps is None or gaps[slot] < size:
                continue
        elif slots[slot] is not None:
            continue
        first = pivots[slot - 1] + 1 if slot else low
        if first > max:
            return None
        if height > 1:
            found = _lowest(slots[slot], height - 1, first, min, max, size)
            if found is not None:
                return found
            continue
        start = first if first > min else min
        stop = pivots[slot] if pivots[slot] < max else max
        if stop - start + 1 >= size:
            return start
    return None


def highest_gap(tree: MapleTree, min: int, max: int, size: int) -> int | None:
    """Start of the highest free range of `size` indices inside min..max, or None.

    One answer of 6.1 is not the plain one and is kept: with max = ULONG_MAX a fit below
    a slot that starts at index 0 is not found, because the room left, max - 0 + 1, wraps to 0.
    """
    if not tree.height:
        start = max - size + 1
        return start if start >= (1 if tree.root is not None and min == 0 else min) else None
    found = _highest(tree.root, tree.height, 0, min, max, size)
    return None if found is None or found < 0 else found


_STOP = -1
"""The search ends here without a result, whatever lies further left."""


def _highest(node: Node, height: int, low: int, min: int, max: int, size: int) -> int | None:
    """The same below one node (mas_rev_awalk(), 6.1): None is "look further left", _STOP "give up"."""
    pivots, slots, gaps = node.pivots, node.slots, node.gaps
    for slot in range(len(pivots) - 1 if max >= pivots[-1] else bisect_left(pivots, max), -1, -1):
        if height > 1:
            if gaps is None or gaps[slot] < size:
                continue
        elif slots[slot] is not None:
            continue
        last = pivots[slot]
        if last < min:
            return _STOP
        first = pivots[slot - 1] + 1 if slot else low
        if size > (max - first + 1) & ULONG_MAX or (height == 1 and size > last - first + 1):
            continue
        if size - 1 > last - min:
            return _STOP
        if height == 1:
            return (last if last < max else max) - size + 1
        found = _highest(slots[slot], height - 1, first, min, max, size)
        if found is not None:
            return found
    return None
