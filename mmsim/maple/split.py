"""A node overflows: push to a neighbour, or split and go on above (mas_split(), 6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .big import BigNode, Part, cut_points, off_null
from .gaps import node_gap, set_gap
from .node import ARANGE_64, RANGE_64, ULONG_MAX, Node
from .path import Path, low_of

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["split"]


def split(tree: MapleTree, path: Path, leaf: Node, big: BigNode) -> None:
    """Store `big`, too large for `leaf`, in its place.

    At each level: push left, else push right, else split in two, which gives the parent one
    slot more. Ends at the first level that has room. Allocates at most 1 + 2 * height nodes;
    raises NoNodes before anything changed.
    """
    pool = tree.pool
    pool.need(1 + 2 * tree.height)
    node, level = leaf, 0
    while len(big.slots) > big.type.slots:
        pushed = path and (_push(tree, path, node, big, level, -1) or _push(tree, path, node, big, level, 1))
        if pushed:
            start, parts = pushed
        else:
            cuts = cut_points(big)
            parts = big.parts(pool, low_of(path), cuts)
            if tree.trail:
                tree.trail.add(level, "split", [node], big, cuts, [node for node, _ in parts])
            pool.release(1)
            if not path:
                _new_root(tree, parts, level + 1)
                return
            start = path[-1][1]
        node, _ = path.pop()
        level += 1
        big = BigNode.of(node)
        big.replace(start, start + (2 if pushed else 1), parts)
    _place(tree, path, node, big, level)


def _push(
    tree: MapleTree, path: Path, node: Node, big: BigNode, level: int, side: int
) -> tuple[int, list[Part]] | None:
    """Share the overflow with the sibling to the left (-1) or right (1) (mas_push_data(), 6.1).

    Returns the first of the parent's two slots that change, and the new nodes for them; None if
    there is no such sibling, or no room in it. The node pushed into is filled up to one slot below its
    capacity, so that the next overflow does not follow at once.
    """
    parent, slot = path[-1]
    beside = slot + side
    if not 0 <= beside < len(parent.slots):
        return None
    sibling = parent.slots[beside]
    end = len(sibling.slots) + len(big.slots) - 2
    kind = big.type
    if end >= 2 * kind.slots - 2 - kind.is_leaf - (big.pivots[-1] == ULONG_MAX):
        return None

    first = min(slot, beside)
    other = BigNode.of(sibling)
    joined = other + big if side < 0 else big + other
    keep = kind.slots - 2
    # The kernel counts one slot more when it pushes right.
    cut = off_null(joined, keep, end + 1) if side < 0 else off_null(joined, end - keep, end + 2)
    low = low_of([*path[:-1], (parent, first)])
    parts = joined.parts(tree.pool, low, (cut,))
    if tree.trail:
        action = "push left" if side < 0 else "push right"
        took = [sibling, node] if side < 0 else [node, sibling]
        tree.trail.add(level, action, took, joined, (cut,), [node for node, _ in parts])
    tree.pool.release(2)
    return first, parts


def _place(tree: MapleTree, path: Path, old: Node, big: BigNode, level: int) -> None:
    """Put one new node with the data of `big` where `old` was (mas_split_final_node(), 6.1)."""
    low = low_of(path)
    node = big.node(tree.pool)
    tree.pool.release(1)
    if tree.trail:
        tree.trail.add(level, "replace", [old], big, (), [node])
    if not path:
        tree.root = node
        return
    parent, slot = path[-1]
    parent.slots[slot] = node
    if parent.gaps is not None:
        gap = node_gap(node, low)
        if gap != parent.gaps[slot]:
            set_gap(path, gap)


def _new_root(tree: MapleTree, parts: list[Part], level: int) -> None:
    """The root itself was split: a node above it, and the tree is one level higher."""
    kind = ARANGE_64 if tree.is_alloc else RANGE_64
    big = BigNode(kind, [], [], [] if tree.is_alloc else None)
    big.replace(0, 0, parts)
    tree.root = root = big.node(tree.pool)
    tree.height += 1
    if tree.trail:
        tree.trail.add(level, "new root", [], big, (), [root])
