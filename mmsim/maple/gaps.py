"""Gap tracking of arange_64 nodes: the longest run of NULL indices below each child.

`gap_slot` depends on history: on a tie it may stay where it was, so it cannot be computed
from `gaps` alone. The functions below follow the kernel step by step.
"""

from __future__ import annotations

from .node import NO_GAP, ULONG_MAX, Node

__all__ = ["fresh_gap_slot", "leaf_gap", "node_gap", "set_gap"]


def leaf_gap(node: Node, low: int, most: int = ULONG_MAX) -> int:
    """Longest NULL range of a leaf whose first index is `low` (mas_leaf_max_gap(), 6.1).

    None is longer than `most`, if the caller knows: the first as long as that ends the search.
    Cost: one pass over at most 16 slots.
    """
    best = 0
    slots = node.slots
    if None in slots:
        before = low - 1
        for pivot, entry in zip(node.pivots, slots):  # noqa: B905 - the keyword costs a fifth here
            if entry is None and pivot - before > best:
                best = pivot - before
                if best >= most:
                    break
            before = pivot
    return best


def node_gap(node: Node, low: int) -> int:
    """Largest gap below a node as its parent should know it (mas_max_gap(), 6.1)."""
    if node.gaps is None:
        return leaf_gap(node, low)
    return 0 if node.gap_slot == NO_GAP else node.gaps[node.gap_slot]


def fresh_gap_slot(gaps: list[int]) -> int:
    """gap_slot of a newly built node: the highest slot among the largest, NO_GAP if all are 0.

    >>> fresh_gap_slot([3, 7, 7, 1]), fresh_gap_slot([0, 0])
    (2, 15)
    """
    best = max(gaps)
    return last_slot_of(gaps, best) if best else NO_GAP


def last_slot_of(gaps: list[int], value: int) -> int:
    """Highest slot that holds `value`."""
    slot = len(gaps) - 1
    while gaps[slot] != value:
        slot -= 1
    return slot


def set_gap(path: list[tuple[Node, int]], gap: int) -> None:
    """Note that the gap below the last node of `path` is now `gap` (mas_parent_gap(), 6.1).

    `path` leads from the root: (node, slot taken) pairs. Climbs only as long as a node's
    largest gap changes.
    """
    for node, slot in reversed(path):
        gaps, noted = node.gaps, node.gap_slot
        largest = 0 if noted == NO_GAP else gaps[noted]
        gaps[slot] = gap
        if gap == largest:
            return
        if slot != noted:
            if gap < largest:
                return
            node.gap_slot = slot
        elif gap < largest:
            # What the other children cover bounds their gaps: usually no need to look at them.
            pivots = node.pivots
            if not slot or pivots[slot] != ULONG_MAX or gap <= pivots[slot - 1]:
                gap = _rescan(node, gaps)


def _rescan(node: Node, gaps: list[int]) -> int:
    """The largest gap after the one in gap_slot shrank (ma_max_gap(), 6.1); notes its slot.

    With every gap 0 the kernel leaves the last slot here, not NO_GAP.
    """
    largest = max(gaps)
    node.gap_slot = last_slot_of(gaps, largest)
    return largest
