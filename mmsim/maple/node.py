"""Node types and nodes of a maple tree.

A kernel node is 256 bytes; how many slots fit depends on what else it holds:

    leaf_64    16 slots, 15 pivots             entries or NULL
    range_64   16 slots, 15 pivots             children, no gap tracking
    arange_64  10 slots,  9 pivots, 10 gaps    children and the largest gap below each

The kernel leaves the pivot of the last slot out when the node is full (it is the
maximum of the node) and marks the end of shorter nodes. Here every slot has its
pivot, the last one included, so the two lists always have the same length.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["ARANGE_64", "LEAF_64", "NODE_BYTES", "NO_GAP", "RANGE_64", "ULONG_MAX", "Node", "NodeType"]

ULONG_MAX = 2**64 - 1
NODE_BYTES = 256
NO_GAP = 15
"""`gap_slot` of a fresh node without any gap (MAPLE_ARANGE64_META_MAX)."""


class NodeType(NamedTuple):
    """What a node can hold.

    `slots` is the capacity; `min_end` the lowest index its last slot may have when the
    node is not the root (mt_min_slots), so a leaf of a taller tree has at least 7 slots.
    """

    name: str
    slots: int
    min_end: int
    is_leaf: bool


LEAF_64 = NodeType("leaf_64", 16, 6, True)
RANGE_64 = NodeType("range_64", 16, 6, False)
ARANGE_64 = NodeType("arange_64", 10, 4, False)


class Node:
    """One node: slot i holds the indices after pivots[i-1] up to and including pivots[i].

    `slots` are entries (None is NULL) in a leaf and child nodes elsewhere. `gaps` and
    `gap_slot` exist in an arange_64 only: the longest run of NULL indices below each
    child, and the slot of the largest one as the kernel last noted it. `id` stands for
    the node's address: no two nodes of a tree share it, and a copied tree keeps it.

    >>> Node(LEAF_64, 1, [9, ULONG_MAX], ["vma", None])
    <leaf_64 #1: 2 slots up to 18446744073709551615>
    """

    __slots__ = ("gap_slot", "gaps", "id", "pivots", "slots", "type")

    def __init__(
        self,
        type: NodeType,
        id: int,
        pivots: list[int],
        slots: list[Any],
        gaps: list[int] | None = None,
        gap_slot: int = NO_GAP,
    ) -> None:
        self.type = type
        self.id = id
        self.pivots = pivots
        self.slots = slots
        self.gaps = gaps
        self.gap_slot = gap_slot

    def __repr__(self) -> str:
        return f"<{self.type.name} #{self.id}: {len(self.slots)} slots up to {self.pivots[-1]}>"
