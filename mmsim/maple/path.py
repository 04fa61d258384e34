"""The way from the root to a node: (node, slot taken) pairs, root first.

The kernel's nodes point to their parents. Here a write keeps its path instead: simpler on
purpose, and a copied tree needs no pointers mended.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from .node import Node

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["Path", "beside", "low_of", "path_to"]

Path = list[tuple[Node, int]]


def path_to(tree: MapleTree, index: int) -> tuple[Path, Node]:
    """The path to the leaf that holds `index`, and the leaf. Needs a tree with nodes; O(height)."""
    path: Path = []
    node = tree.root
    for _ in range(tree.height - 1):
        slot = bisect_left(node.pivots, index)
        path.append((node, slot))
        node = node.slots[slot]
    return path, node


def low_of(path: Path) -> int:
    """First index of the node below the path."""
    for node, slot in reversed(path):
        if slot:
            return node.pivots[slot - 1] + 1
    return 0


def beside(path: Path, side: int) -> Path | None:
    """The path to the next (1) or previous (-1) node of the same level, whoever its parent is."""
    up = len(path) - 1
    while up >= 0 and not 0 <= path[up][1] + side < len(path[up][0].slots):
        up -= 1
    if up < 0:
        return None
    node, slot = path[up]
    new = [*path[:up], (node, slot + side)]
    while len(new) < len(path):
        node = new[-1][0].slots[new[-1][1]]
        new.append((node, 0 if side > 0 else len(node.slots) - 1))
    return new
