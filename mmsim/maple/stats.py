"""How big a tree is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .node import NODE_BYTES
from .walker import walk

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["TreeStats"]


class TreeStats(NamedTuple):
    """Counts of one walk. `kernel_bytes` is what the kernel's nodes would take, 256 each.

    >>> from .tree import MapleTree
    >>> tree = MapleTree()
    >>> tree.store_range(10, 19, "vma")
    >>> print(tree.stats())
    height 1, 1 node (1 leaf), 1 entry, 2 NULLs, leaves hold 3.00 slots of 16, 256 bytes in the kernel
    """

    height: int
    nodes: int
    leaves: int
    entries: int
    nulls: int
    leaf_slots: int

    @classmethod
    def of(cls, tree: MapleTree) -> TreeStats:
        """Walk a tree and count."""
        nodes = leaves = slots = nulls = 0
        for place in walk(tree):
            nodes += 1
            if place.node.type.is_leaf:
                leaves += 1
                slots += len(place.node.slots)
                nulls += place.node.slots.count(None)
        entries = slots - nulls if tree.height else int(tree.root is not None)
        return cls(tree.height, nodes, leaves, entries, nulls, slots)

    @property
    def kernel_bytes(self) -> int:
        """Bytes of the nodes in the kernel."""
        return self.nodes * NODE_BYTES

    @property
    def occupancy(self) -> float:
        """Slots in use a leaf, on average; 0.0 without a leaf."""
        return self.leaf_slots / self.leaves if self.leaves else 0.0

    def __str__(self) -> str:
        def counted(number: int, one: str, many: str) -> str:
            return f"{number} {one if number == 1 else many}"

        return (
            f"height {self.height}, {counted(self.nodes, 'node', 'nodes')} "
            f"({counted(self.leaves, 'leaf', 'leaves')}), {counted(self.entries, 'entry', 'entries')}, "
            f"{counted(self.nulls, 'NULL', 'NULLs')}, leaves hold {self.occupancy:.2f} slots of 16, "
            f"{self.kernel_bytes} bytes in the kernel"
        )
