"""Storing: find the leaf, decide which path the write takes, take it.

The five steps have the same names everywhere in the course: find the place - does it
fit? - split or shift - fix parents - update gaps.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from .big import BigNode
from .errors import Occupied
from .gaps import leaf_gap, set_gap
from .node import LEAF_64, ULONG_MAX, Node
from .path import Path, low_of, path_to
from .span import rebalance, store_spanning
from .split import split

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["insert", "store"]


def store(tree: MapleTree, index: int, last: int, entry: Any) -> None:
    """Store `entry` (None is NULL) over index..last (mas_wr_store_entry(), 6.1).

    Simpler on purpose: always walks from the root; 6.1 may start at the node the state rests
    on, with the same result. O(height); raises NoNodes before anything changed.
    """
    tree.version += 1
    if not tree.height:
        _store_without_nodes(tree, index, last, entry)
        return
    # path_to(), written out: the call would cost 3 % of a store. A write spans when it goes past the leaf, or ends
    # in a NULL with it.
    path: Path = []
    node = tree.root
    for _ in range(tree.height - 1):
        slot = bisect_left(node.pivots, index)
        path.append((node, slot))
        node = node.slots[slot]
    high = node.pivots[-1]
    if last >= high and (last > high or (entry is None and last != ULONG_MAX)):
        _store_over_border(tree, path, node, index, last, entry)
    else:
        _store_in_leaf(tree, path, node, index, last, entry)


def insert(tree: MapleTree, index: int, last: int, entry: Any) -> None:
    """Store where there is nothing yet (mas_insert(), 6.1); raises Occupied otherwise.

    Needs no look at every slot of the range: NULLs never touch, so a range that is
    free lies in one slot.
    """
    if not tree.height:
        occupied = tree.root is not None and index == 0
    else:
        _, leaf = path_to(tree, index)
        slot = bisect_left(leaf.pivots, index)
        occupied = leaf.slots[slot] is not None or last > leaf.pivots[slot]
    if occupied:
        raise Occupied(f"insert {index}..{last}: the range holds an entry already")
    store(tree, index, last, entry)


def _store_in_leaf(tree: MapleTree, path: Path, leaf: Node, index: int, last: int, entry: Any) -> None:
    """The range lies inside one leaf (mas_wr_modify() and the paths below it, 6.1).

    Its slots first..end are replaced by up to three: what is left of the first, the entry,
    what is left of the last.
    """
    pivots, slots = leaf.pivots, leaf.slots
    first = bisect_left(pivots, index)
    low = pivots[first - 1] + 1 if first else low_of(path)
    end = first if last <= pivots[first] else bisect_left(pivots, last, first + 1)
    if entry is None:
        first, end, low, index, last = _grow_null(path, leaf, first, end, low, index, last)
    if index == 0 and last == ULONG_MAX:
        _new_root(tree, entry)
        return
    content, high = slots[first], pivots[end]
    before, after = low < index, high > last
    if first == end and not before and not after and content is not None and entry is not None and not tree.trail:
        slots[first] = entry  # an entry for an entry: neither shape nor gaps change
        return

    # Does it fit?
    new_end = len(slots) - 1 + before + after - (end - first)
    if new_end > 15 or (new_end < 6 and path):
        big = BigNode.of(leaf)
        _edit(big.pivots, big.slots, first, end, index, last, entry, before, after)
        _leave_leaf(tree, path, leaf, big)
        return
    if tree.trail or tree.use_rcu:
        leaf = _take_path(tree, path, leaf, first, end, before, after, entry)
        pivots, slots = leaf.pivots, leaf.slots

    # Shift, and compare the NULLs that go with those that come.
    if not path or path[-1][0].gaps is None:
        _edit(pivots, slots, first, end, index, last, entry, before, after)
        return
    if first != end:
        gone = _gap_between(pivots, slots, first, end, low)
    else:
        gone = high - low + 1 if content is None else 0
    came = last - index + 1 if entry is None else 0
    if before and content is None:
        came = index - low
    if after and high - last > came and slots[end] is None:
        came = high - last
    _edit(pivots, slots, first, end, index, last, entry, before, after)
    if gone != came:
        _update_gap(path, leaf, came, gone)


def _grow_null(
    path: Path, leaf: Node, first: int, end: int, low: int, index: int, last: int
) -> tuple[int, int, int, int, int]:
    """A NULL takes over the NULLs it touches: no two stand side by side (mas_wr_extend_null(), 6.1).

    Returns first, end, low, index and last of the larger write.
    """
    pivots, slots = leaf.pivots, leaf.slots
    if slots[end] is None:
        last = pivots[end]
    elif last == pivots[end] and end + 1 < len(slots) and slots[end + 1] is None:
        end += 1
        last = pivots[end]
    if slots[first] is None:
        index = low
    elif index == low and first and slots[first - 1] is None:
        first -= 1
        low = index = pivots[first - 1] + 1 if first else low_of(path)
    return first, end, low, index, last


def _edit(
    pivots: list[int],
    slots: list[Any],
    first: int,
    end: int,
    index: int,
    last: int,
    entry: Any,
    before: bool,
    after: bool,
) -> None:
    """Put the entry into the two lists of a leaf; `before` and `after`: parts of old ranges stay.

    Single items and inserts where they do: a slice costs three times as much.
    """
    if first == end:
        if before:
            if after:
                slots.insert(first, slots[first])
                pivots.insert(first, last)
            slots.insert(first + 1, entry)
            pivots.insert(first, index - 1)
        elif after:
            slots.insert(first, entry)
            pivots.insert(first, last)
        else:
            slots[first] = entry
    elif before is not after and end == first + 1:
        if before:
            pivots[first] = index - 1
            slots[end] = entry
        else:
            pivots[first] = last
            slots[first] = entry
    else:
        pivots[first : end + (not after)] = (index - 1, last) if before else (last,)
        slots[first + before : end + (not after)] = (entry,)


def _gap_between(pivots: list[int], slots: list[Any], first: int, end: int, low: int) -> int:
    """Longest NULL range among the slots first..end of a leaf, `low` being where slot first starts."""
    best = 0
    for slot in range(first, end + 1):
        pivot = pivots[slot]
        if slots[slot] is None and pivot - low >= best:
            best = pivot - low + 1
        low = pivot + 1
    return best


def _update_gap(path: Path, leaf: Node, came: int, gone: int) -> None:
    """Tell the parent about the leaf's longest gap if it changed (mas_update_gap(), 6.1).

    `came` and `gone` are the longest NULL ranges the write made and took away: only if
    the longest one went does the leaf have to be looked at.
    """
    parent, at = path[-1]
    gaps = parent.gaps
    assert gaps is not None
    noted = gaps[at]
    if came > noted:
        set_gap(path, came)
    elif came < noted and gone == noted:
        low = parent.pivots[at - 1] + 1 if at else low_of(path)
        # A gap of more than half the leaf is the longest, without a look at the others.
        gap = came if 2 * came > leaf.pivots[-1] - low else leaf_gap(leaf, low, noted)
        if gap != noted:
            set_gap(path, gap)


def _take_path(
    tree: MapleTree, path: Path, leaf: Node, first: int, end: int, before: bool, after: bool, entry: Any
) -> Node:
    """Which of 6.1's one-leaf paths this is; returns the leaf to write to.

    The slots come out the same on all of them. It matters for the name, and with use_rcu for
    whether the write goes to a copy, because readers may still be in the old leaf.
    """
    name = _leaf_path(tree, leaf, first, end, before, after, entry)
    if tree.trail:
        tree.trail.path = name
    if not tree.use_rcu or name in ("exact", "slot store"):
        return leaf
    tree.pool.need(1)
    new = tree.pool.new(LEAF_64, leaf.pivots[:], leaf.slots[:])
    tree.pool.release(1)
    tree.pool.settle()
    if path:
        parent, at = path[-1]
        parent.slots[at] = new
    else:
        tree.root = new
    return new


def _leaf_path(tree: MapleTree, leaf: Node, first: int, end: int, before: bool, after: bool, entry: Any) -> str:
    """The name of the path through mas_wr_modify() of 6.1, whose order of tests this follows."""
    one_side = before is not after
    if first == end and not before and not after:
        return "exact"
    top = len(leaf.slots) - 1
    if top - end + first + 2 + (leaf.pivots[-1] == ULONG_MAX) >= 16:
        return "big node"
    if entry is not None and top < 15 and first == top and one_side and not tree.use_rcu:
        return "append"
    if end == first + 1 and one_side:
        return "slot store"
    new_end = top + before + after - (end - first)
    return "node store" if tree.height == 1 or new_end > LEAF_64.min_end else "big node"


def _leave_leaf(tree: MapleTree, path: Path, leaf: Node, big: BigNode) -> None:
    """`big` is too much or too little for a leaf: split or rebalance (mas_commit_b_node(), 6.1)."""
    too_full = len(big.slots) > LEAF_64.slots
    if tree.trail:
        tree.trail.path = "split" if too_full else "rebalance"
    if too_full:
        split(tree, path, leaf, big)
    else:
        rebalance(tree, path, big)
    tree.pool.settle()


def _store_over_border(tree: MapleTree, path: Path, leaf: Node, index: int, last: int, entry: Any) -> None:
    if tree.trail:
        tree.trail.path = "spanning"
    if not store_spanning(tree, path, leaf, index, last, entry):
        _new_root(tree, entry)
    tree.pool.settle()


def _new_root(tree: MapleTree, entry: Any) -> None:
    """The write covers 0..ULONG_MAX (mas_new_root(), 6.1): NULL empties the tree."""
    if tree.trail:
        tree.trail.path = "new root"
    pool = tree.pool
    old = pool.used - pool.released
    if entry is None:
        tree.root, tree.height = None, 0
    else:
        pool.need(1)
        tree.root, tree.height = pool.new(LEAF_64, [ULONG_MAX], [entry]), 1
    pool.release(old)
    pool.settle()


def _store_without_nodes(tree: MapleTree, index: int, last: int, entry: Any) -> None:
    """The tree is empty or holds one entry at index 0 in its root pointer (mas_store_root(), 6.1)."""
    if tree.trail:
        tree.trail.path = "root entry"
    if entry is None:
        if index == 0:
            tree.root = None
    elif last == 0:
        tree.root = entry
    else:
        _expand_root(tree, index, last, entry)


def _expand_root(tree: MapleTree, index: int, last: int, entry: Any) -> None:
    """A first leaf (mas_root_expand(), 6.1): the former root entry keeps index 0, if it is free."""
    if tree.trail:
        tree.trail.path = "first leaf"
    tree.pool.need(1)
    pivots, slots = [], []
    if index:
        if tree.root is not None:
            pivots, slots = [0], [tree.root]
        if index > 1 or tree.root is None:
            pivots.append(index - 1)
            slots.append(None)
    pivots.append(last)
    slots.append(entry)
    if last != ULONG_MAX:
        pivots.append(ULONG_MAX)
        slots.append(None)
    tree.root = tree.pool.new(LEAF_64, pivots, slots)
    tree.height = 1
    tree.pool.settle()
