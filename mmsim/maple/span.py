"""Writes that reach past one leaf, and leaves left too short: join, cut, and climb to the root.

Both end in the same climb (mas_spanning_rebalance(), 6.1): the joined data of a level becomes
one, two or three nodes, these replace everything between the left and the right path one level
up, and so on. Nothing of the old tree is changed in place; the new root takes over at the end.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from .big import BigNode, Part, cut_points
from .gaps import node_gap
from .node import ARANGE_64, RANGE_64, ULONG_MAX, Node
from .path import Path, beside, low_of, path_to

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["rebalance", "store_spanning"]


def store_spanning(tree: MapleTree, path: Path, left: Node, index: int, last: int, entry: Any) -> bool:
    """Store over the border of the leaf `left`, which holds index (mas_wr_spanning_store(), 6.1).

    A NULL up to the last index of a leaf counts, too: the leaf must not end in NULL. Returns
    False, with nothing done, when the write (a NULL with the NULLs beside it) covers every index.
    Allocates at most 1 + 3 * height nodes; raises NoNodes before anything changed.
    """
    if index == 0 and last == ULONG_MAX:
        return False
    tree.pool.need(1 + 3 * tree.height)
    after = last + 1 if last < ULONG_MAX else last
    right_path, right = _leaf_after(tree, path, after)
    slot = bisect_left(left.pivots, index)
    resume = bisect_left(right.pivots, after)
    low = left.pivots[slot - 1] + 1 if slot else low_of(path)

    if entry is None:
        if left.slots[slot] is None:
            index = low
        elif index == low and slot and left.slots[slot - 1] is None:
            slot -= 1
            low = index = left.pivots[slot - 1] + 1 if slot else low_of(path)
        if right.slots[resume] is None:
            last = right.pivots[resume]
            resume += 1
        if index == 0 and last == ULONG_MAX:
            return False

    if right.pivots[-1] == last:
        resume = len(right.slots)
    big = BigNode.between(left, slot, right, resume)
    big.pivots.insert(slot, last)
    big.slots.insert(slot, entry)
    if low < index:
        big.pivots.insert(slot, index - 1)
        big.slots.insert(slot, left.slots[slot])
    _climb(tree, path, right_path, big, "join")
    return True


def _leaf_after(tree: MapleTree, path: Path, index: int) -> tuple[Path, Node]:
    """The path to the leaf that holds `index`, and the leaf; mostly the next one of the same parent."""
    parent, slot = path[-1]
    pivots = parent.pivots
    if slot + 1 < len(pivots) and pivots[slot] < index <= pivots[slot + 1]:
        return [*path[:-1], (parent, slot + 1)], parent.slots[slot + 1]
    return path_to(tree, index)


def rebalance(tree: MapleTree, path: Path, big: BigNode) -> None:
    """The leaf below `path`, left with too few slots, joins the next leaf of its parent, else the previous one.

    Follows mas_rebalance(), 6.1. Allocates at most 1 + 3 * height nodes; raises NoNodes before
    anything changed.
    """
    tree.pool.need(1 + 3 * tree.height)
    parent, slot = path[-1]
    if slot + 1 < len(parent.slots):
        right = parent.slots[slot + 1]
        right_path = [*path[:-1], (parent, slot + 1)]
        _climb(tree, path, right_path, big + BigNode.of(right), "rebalance")
    else:
        left = parent.slots[slot - 1]
        left_path = [*path[:-1], (parent, slot - 1)]
        _climb(tree, left_path, path, BigNode.of(left) + big, "rebalance")


def _climb(tree: MapleTree, left_path: Path, right_path: Path, big: BigNode, action: str) -> None:
    """Cut `big`, the data of all nodes from the left path to the right one, and carry the result to the root.

    There is no early stop: every level up to the root gets new nodes, except that a single
    node that covers every index becomes the root at once. That is how a tree loses height.
    """
    level = 0
    left_path, right_path = left_path[:], right_path[:]
    while True:
        pulled = ""
        if len(big.slots) <= big.type.min_end:
            left_path, right_path, big, pulled = _pull(left_path, right_path, big)
        took = _nodes_between(tree, left_path, right_path)
        tree.pool.release(len(took))
        cuts = cut_points(big) if len(big.slots) > big.type.slots else ()
        parts = big.parts(tree.pool, low_of(left_path), cuts)
        if tree.trail:
            tree.trail.add(level, pulled or action, took, big, cuts, [node for node, _ in parts])
        level += 1
        if len(parts) == 1 and parts[0][1] == 0 and parts[0][0].pivots[-1] == ULONG_MAX:
            break
        if not left_path:
            parts = [_root_over(tree, parts, level)]
            level += 1
            break
        if len(parts) == 1 and left_path == right_path:
            tree.root = _replace_up(tree, left_path, parts[0], level)
            return
        parent, left_slot = left_path.pop()
        right_parent, right_slot = right_path.pop()
        if parent is right_parent:
            big = BigNode.of(parent)
            big.replace(left_slot, right_slot + 1, parts)
        else:
            big = BigNode.between(parent, left_slot, right_parent, right_slot + 1)
            big.replace(left_slot, left_slot, parts)
    while left_path:
        left_path.pop()
        right_path.pop()
        tree.pool.release(len(_nodes_between(tree, left_path, right_path)))
    tree.root = parts[0][0]
    tree.height = level


def _replace_up(tree: MapleTree, path: Path, part: Part, level: int) -> Node:
    """One node takes the place of one: up to the root every node is copied with its new child.

    The general step would do the same, only slower. Returns the new root.
    """
    node, gap = part[0], node_gap(*part) if tree.is_alloc else 0
    for level, (parent, slot) in enumerate(reversed(path), level):  # noqa: B020 - counts on
        big = BigNode.of(parent)
        big.slots[slot] = node
        if big.gaps is not None:
            big.gaps[slot] = gap
        node = big.node(tree.pool)
        if tree.is_alloc:
            gap = node_gap(node, 0)
        if tree.trail:
            tree.trail.add(level, "replace", [parent], big, (), [node])
    tree.pool.release(len(path))
    return node


def _pull(left_path: Path, right_path: Path, big: BigNode) -> tuple[Path, Path, BigNode, str]:
    """Too little for one node: add the nearest neighbour (mast_spanning_rebalance(), 6.1).

    Both paths climb together and the right side is asked first at each level, so a right
    cousin two levels up loses to a left sibling one level up. Nothing to add: unchanged.
    """
    to_right, to_left = beside(right_path, 1), beside(left_path, -1)
    if to_right and (not to_left or _shared(to_right, right_path) >= _shared(to_left, left_path)):
        return left_path, to_right, big + BigNode.of(_node_at(to_right)), "pull right"
    if to_left:
        return to_left, right_path, BigNode.of(_node_at(to_left)) + big, "pull left"
    return left_path, right_path, big, ""


def _shared(one: Path, other: Path) -> int:
    """How many steps from the root two paths have in common."""
    count = 0
    while one[count] == other[count]:
        count += 1
    return count


def _node_at(path: Path) -> Node:
    node, slot = path[-1]
    return node.slots[slot]


def _nodes_between(tree: MapleTree, left_path: Path, right_path: Path) -> list[Node]:
    """The old nodes of one level from the left path to the right one: they leave the tree."""
    if not left_path:
        return [tree.root]
    parent, slot = left_path[-1]
    if right_path[-1][0] is parent:
        return parent.slots[slot : right_path[-1][1] + 1]
    path: Path | None = left_path
    nodes = [_node_at(left_path)]
    while path != right_path:
        path = beside(path, 1)
        assert path is not None, "the right path lies left of the left one"
        nodes.append(_node_at(path))
    return nodes


def _root_over(tree: MapleTree, parts: list[Part], level: int) -> Part:
    """A new root over the nodes the old root was cut into."""
    big = BigNode(ARANGE_64 if tree.is_alloc else RANGE_64, [], [], [] if tree.is_alloc else None)
    big.replace(0, 0, parts)
    root = big.node(tree.pool)
    if tree.trail:
        tree.trail.add(level, "new root", [], big, (), [root])
    return root, 0
