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
from .path import low_of, path_to
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

    # Find the place. The write spans when it goes past the child, or ends in a NULL with it.
    node, parent, at = tree.root, None, 0
    for _ in range(tree.height - 1):
        pivots = node.pivots
        slot = bisect_left(pivots, index)
        pivot = pivots[slot]
        if last >= pivot and (last > pivot or (entry is None and last != ULONG_MAX)):
            _store_over_border(tree, index, last, entry)
            return
        parent, at = node, slot
        node = node.slots[slot]
    pivots = node.pivots
    if last == pivots[-1] and entry is None and last != ULONG_MAX:
        _store_over_border(tree, index, last, entry)
        return
    _store_in_leaf(tree, node, parent, at, index, last, entry)


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


def _store_in_leaf(
    tree: MapleTree, leaf: Node, parent: Node | None, at: int, index: int, last: int, entry: Any
) -> None:
    """The range lies inside one leaf (mas_wr_modify() and the paths below it, 6.1).

    Its slots first..end are replaced by up to three: what is left of the first, the entry,
    what is left of the last.
    """
    pivots, slots = leaf.pivots, leaf.slots
    first = bisect_left(pivots, index)
    if first:
        low = pivots[first - 1] + 1
    elif parent is None:
        low = 0
    else:
        low = parent.pivots[at - 1] + 1 if at else low_of(path_to(tree, index)[0])
    end = first if last <= pivots[first] else bisect_left(pivots, last, first + 1)
    if entry is None:
        first, end, low, index, last = _grow_null(tree, leaf, first, end, low, index, last)
    if index == 0 and last == ULONG_MAX:
        _new_root(tree, entry)
        return
    content = slots[first]
    high = pivots[end]
    before, after = low < index, high > last

    if first == end and not before and not after:
        if tree.trail:
            tree.trail.path = "exact"
        slots[first] = entry
        if parent is not None and parent.gaps is not None and (content is None) is not (entry is None):
            size = last - index + 1
            _update_gap(tree, leaf, parent, at, index, *((size, 0) if entry is None else (0, size)))
        return

    # Does it fit?
    new_end = len(slots) - 1 + before + after - (end - first)
    if new_end >= 16 or (new_end < 6 and parent is not None):
        big = BigNode.of(leaf)
        _edit(big.pivots, big.slots, first, end, index, last, entry, before, after)
        path, _ = path_to(tree, index)
        if tree.trail:
            tree.trail.path = "split" if new_end >= 16 else "rebalance"
        (split if new_end >= 16 else rebalance)(tree, path, leaf, big)
        return

    # Shift.
    if tree.trail or tree.use_rcu:
        path_name = _leaf_path(tree, leaf, first, end, before, after, new_end, entry)
        if tree.trail:
            tree.trail.path = path_name
        if tree.use_rcu and path_name in ("node store", "big node"):
            leaf = _replace_leaf(tree, leaf, parent, at)
            pivots, slots = leaf.pivots, leaf.slots
    if parent is None or parent.gaps is None:
        _edit(pivots, slots, first, end, index, last, entry, before, after)
        return

    # Update gaps: compare what went with what came, the rest of the leaf is as it was.
    if first == end:
        gone = high - low + 1 if content is None else 0
    else:
        gone = _gap_between(pivots, slots, first, end, low)
    came = last - index + 1 if entry is None else 0
    if before and content is None:
        came = index - low
    if after and slots[end] is None and high - last > came:
        came = high - last
    _edit(pivots, slots, first, end, index, last, entry, before, after)
    if gone or came:
        _update_gap(tree, leaf, parent, at, index, came, gone)


def _grow_null(
    tree: MapleTree, leaf: Node, first: int, end: int, low: int, index: int, last: int
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
        low = index = pivots[first - 1] + 1 if first else low_of(path_to(tree, index)[0])
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
    """Put the entry into the two lists of a leaf; `before` and `after`: parts of old ranges stay."""
    if before:
        if after:
            pivots[first:end] = (index - 1, last)
            slots[first : end + 1] = (slots[first], entry, slots[end])
        elif end == first + 1:
            pivots[first] = index - 1
            slots[end] = entry
        else:
            pivots[first:end] = (index - 1,)
            slots[first + 1 : end + 1] = (entry,)
    elif after:
        if end == first + 1:
            pivots[first] = last
            slots[first] = entry
        else:
            pivots[first:end] = (last,)
            slots[first:end] = (entry,)
    else:
        pivots[first : end + 1] = (last,)
        slots[first : end + 1] = (entry,)


def _gap_between(pivots: list[int], slots: list[Any], first: int, end: int, low: int) -> int:
    """Longest NULL range among the slots first..end of a leaf, `low` being where slot first starts."""
    best = 0
    for slot in range(first, end + 1):
        pivot = pivots[slot]
        if slots[slot] is None and pivot - low >= best:
            best = pivot - low + 1
        low = pivot + 1
    return best


def _update_gap(tree: MapleTree, leaf: Node, parent: Node, at: int, index: int, came: int, gone: int) -> None:
    """Tell the parent about the leaf's longest gap if it changed (mas_update_gap(), 6.1).

    `came` and `gone` are the longest NULL ranges the write made and took away: only if
    the longest one went does the leaf have to be looked at.
    """
    gaps = parent.gaps
    assert gaps is not None
    noted = gaps[at]
    if came > noted:
        gap = came
    elif came == noted or gone < noted:
        return
    else:
        low = parent.pivots[at - 1] + 1 if at else low_of(path_to(tree, index)[0])
        # A gap of more than half the leaf is the longest, without a look at the others.
        gap = came if 2 * came > leaf.pivots[-1] - low else leaf_gap(leaf, low)
        if gap == noted:
            return
    set_gap(path_to(tree, index)[0], gap)


def _leaf_path(
    tree: MapleTree, leaf: Node, first: int, end: int, before: bool, after: bool, new_end: int, entry: Any
) -> str:
    """Which of 6.1's one-leaf paths this write takes; the slots come out the same.

    It matters for the name, and with use_rcu for whether the leaf is replaced.
    """
    top = len(leaf.slots) - 1
    size = top - end + first + 2 + (leaf.pivots[-1] == ULONG_MAX)
    if size >= 16:
        return "big node"
    one_side = before != after
    if entry is not None and top < 15 and first == top and one_side and not tree.use_rcu:
        return "append"
    if end == first + 1 and one_side:
        return "slot store"
    fits = new_end < 16 and (tree.height == 1 or new_end > LEAF_64.min_end)
    return "node store" if fits else "big node"


def _replace_leaf(tree: MapleTree, leaf: Node, parent: Node | None, at: int) -> Node:
    """With use_rcu readers may still be in the old leaf: the write goes to a copy."""
    tree.pool.need(1)
    new = tree.pool.new(LEAF_64, leaf.pivots[:], leaf.slots[:])
    tree.pool.release(1)
    if parent is None:
        tree.root = new
    else:
        parent.slots[at] = new
    return new


def _store_over_border(tree: MapleTree, index: int, last: int, entry: Any) -> None:
    if tree.trail:
        tree.trail.path = "spanning"
    if not store_spanning(tree, index, last, entry):
        _new_root(tree, entry)


def _new_root(tree: MapleTree, entry: Any) -> None:
    """The write covers 0..ULONG_MAX (mas_new_root(), 6.1): NULL empties the tree."""
    if tree.trail:
        tree.trail.path = "new root"
    node = None
    if entry is not None:
        tree.pool.need(1)
        node = tree.pool.new(LEAF_64, [ULONG_MAX], [entry])
    tree.pool.release(tree.pool.used - tree.pool.released - (node is not None))
    tree.root, tree.height = node, 0 if node is None else 1


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
