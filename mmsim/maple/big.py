"""Data too large for one node, and where to cut it.

The kernel joins the contents of nodes in a `maple_big_node` and cuts it into one, two or
three new nodes. Two rules decide the cuts: halves (or thirds) by count, and no leaf but
the right-most one may end in NULL.
"""

from __future__ import annotations

from typing import Any

from .gaps import fresh_gap_slot, node_gap
from .node import Node, NodeType
from .pool import NodePool

__all__ = ["BigNode", "Part", "cut_points", "off_null"]


Part = tuple[Node, int]
"""A new node and the first index it covers."""


class BigNode:
    """Joined slots with their pivots, and their gaps if the nodes they come from track them."""

    __slots__ = ("gaps", "pivots", "slots", "type")

    def __init__(self, type: NodeType, pivots: list[int], slots: list[Any], gaps: list[int] | None) -> None:
        self.type = type
        self.pivots = pivots
        self.slots = slots
        self.gaps = gaps

    @classmethod
    def of(cls, node: Node) -> BigNode:
        """Copies of a node's lists."""
        return cls(node.type, node.pivots[:], node.slots[:], node.gaps and node.gaps[:])

    @classmethod
    def between(cls, left: Node, stop: int, right: Node, start: int) -> BigNode:
        """Slots [:stop] of one node and [start:] of another (or the same) of its level."""
        pivots = left.pivots[:stop] + right.pivots[start:]
        slots = left.slots[:stop] + right.slots[start:]
        if left.gaps is None or right.gaps is None:
            return cls(left.type, pivots, slots, None)
        return cls(left.type, pivots, slots, left.gaps[:stop] + right.gaps[start:])

    def __add__(self, right: BigNode) -> BigNode:
        gaps = None if self.gaps is None or right.gaps is None else self.gaps + right.gaps
        return BigNode(self.type, self.pivots + right.pivots, self.slots + right.slots, gaps)

    def replace(self, start: int, stop: int, parts: list[Part]) -> None:
        """Put new child nodes in the place of the slots [start:stop]."""
        self.pivots[start:stop] = [node.pivots[-1] for node, _ in parts]
        self.slots[start:stop] = [node for node, _ in parts]
        if self.gaps is not None:
            self.gaps[start:stop] = [node_gap(node, low) for node, low in parts]

    def node(self, pool: NodePool) -> Node:
        """A new node of all the slots, which it takes over (mab_mas_cp(), 6.1)."""
        gaps = self.gaps
        if gaps is None:
            return pool.new(self.type, self.pivots, self.slots)
        return pool.new(self.type, self.pivots, self.slots, gaps, fresh_gap_slot(gaps))

    def parts(self, pool: NodePool, low: int, cuts: tuple[int, ...]) -> list[Part]:
        """New nodes, one more than there are cuts; `low` is the first index of the first."""
        if not cuts:
            return [(self.node(pool), low)]
        made, start = [], 0
        type, pivots, slots, gaps = self.type, self.pivots, self.slots, self.gaps
        for last in (*cuts, len(slots) - 1):
            stop = last + 1
            if gaps is None:
                node = pool.new(type, pivots[start:stop], slots[start:stop])
            else:
                some = gaps[start:stop]
                node = pool.new(type, pivots[start:stop], slots[start:stop], some, fresh_gap_slot(some))
            made.append((node, low))
            low, start = pivots[last] + 1, stop
        return made


def off_null(big: BigNode, split: int, end: int) -> int:
    """Move a cut off a NULL (mab_no_null_split(), 6.1): a node must not end in one."""
    if big.slots[split] is not None:
        return split
    if split < big.type.slots - 1 and end - split > big.type.min_end:
        return split + 1
    return split - 1


def cut_points(big: BigNode) -> tuple[int, ...]:
    """The slots after which joined data is cut, none if one node holds it (mab_calc_split(), 6.1).

    >>> from .node import LEAF_64
    >>> cut_points(BigNode(LEAF_64, list(range(17)), ["x"] * 17, None))
    (8,)
    """
    end, room = len(big.slots) - 1, big.type.slots
    if end < room:
        return ()
    half = end // 2
    if end >= 2 * room or (end >= 2 * room - 1 and big.slots[half] is None):
        third = end // 3
        return off_null(big, third, end), off_null(big, third * 2, end)
    return (off_null(big, half, end),)
