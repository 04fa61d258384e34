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


class Part:
    """A new node with the range of indices it covers."""

    __slots__ = ("high", "low", "node")

    def __init__(self, node: Node, low: int, high: int) -> None:
        self.node = node
        self.low = low
        self.high = high


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

    @property
    def end(self) -> int:
        """Index of the last slot."""
        return len(self.slots) - 1

    def __add__(self, right: BigNode) -> BigNode:
        gaps = None if self.gaps is None or right.gaps is None else self.gaps + right.gaps
        return BigNode(self.type, self.pivots + right.pivots, self.slots + right.slots, gaps)

    def replace(self, start: int, stop: int, parts: list[Part]) -> None:
        """Put new child nodes in the place of the slots [start:stop]."""
        self.pivots[start:stop] = [part.high for part in parts]
        self.slots[start:stop] = [part.node for part in parts]
        if self.gaps is not None:
            self.gaps[start:stop] = [node_gap(part.node, part.low) for part in parts]

    def node(self, pool: NodePool) -> Node:
        """A new node of all the slots, which it takes over (mab_mas_cp(), 6.1)."""
        gaps = self.gaps
        if gaps is None:
            return pool.new(self.type, self.pivots, self.slots)
        return pool.new(self.type, self.pivots, self.slots, gaps, fresh_gap_slot(gaps))

    def parts(self, pool: NodePool, low: int, cuts: tuple[int, ...]) -> list[Part]:
        """New nodes, one more than there are cuts; `low` is the first index of the first."""
        if not cuts:
            return [Part(self.node(pool), low, self.pivots[-1])]
        made, start = [], 0
        for last in (*cuts, self.end):
            gaps = None if self.gaps is None else self.gaps[start : last + 1]
            piece = BigNode(self.type, self.pivots[start : last + 1], self.slots[start : last + 1], gaps)
            made.append(Part(piece.node(pool), low, self.pivots[last]))
            low, start = self.pivots[last] + 1, last + 1
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
    end, room = big.end, big.type.slots
    if end < room:
        return ()
    half = end // 2
    if end >= 2 * room or (end >= 2 * room - 1 and big.slots[half] is None):
        third = end // 3
        return off_null(big, third, end), off_null(big, third * 2, end)
    return (off_null(big, half, end),)
