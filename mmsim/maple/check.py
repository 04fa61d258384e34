"""Is this a valid maple tree? All that mt_validate() of 6.1 asks, and more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import CheckError
from .gaps import leaf_gap
from .node import ARANGE_64, LEAF_64, NO_GAP, RANGE_64, ULONG_MAX, Node
from .walker import Place, walk

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["check", "problems"]


def check(tree: MapleTree) -> None:
    """Raise CheckError with every problem found; return nothing if there is none."""
    found = problems(tree)
    if found:
        raise CheckError(found)


def problems(tree: MapleTree) -> list[str]:
    """Every broken rule, one line each: which node, what, what was expected.

    Nodes keep no parent pointers here, so the parent check of the kernel becomes: every node
    hangs in exactly one slot.

    >>> from .tree import MapleTree
    >>> tree = MapleTree()
    >>> tree.store_range(10, 19, "vma")
    >>> tree.root.pivots[0] = 30
    >>> problems(tree)
    ['#1 slot 1: pivot 19 does not lie above 30']
    """
    if not tree.height:
        return ["height is 0 but the root is a node"] if isinstance(tree.root, Node) else []
    if not isinstance(tree.root, Node):
        return [f"height is {tree.height} but the root is no node"]
    found: list[str] = []
    seen: set[int] = set()
    for place in walk(tree):
        if place.node.id in seen:
            return [*found, f"#{place.node.id} hangs in more than one slot"]
        seen.add(place.node.id)
        found += _shape(tree, place)
        found += _limits(place)
        found += _occupancy(place)
        found += _gaps(tree, place)
    found += _nulls(tree)
    held = tree.pool.used - tree.pool.released
    if held != len(seen):
        found.append(f"the tree has {len(seen)} nodes, the allocator counts {held}")
    return found


def _shape(tree: MapleTree, place: Place) -> list[str]:
    """The right type for the level, lists of one length, children in inner nodes only."""
    node, found = place.node, []
    is_leaf = place.depth == tree.height - 1
    wanted = LEAF_64 if is_leaf else ARANGE_64 if tree.is_alloc else RANGE_64
    if node.type is not wanted:
        found.append(f"#{node.id}: is a {node.type.name} at depth {place.depth}, expected {wanted.name}")
    lists = [node.pivots, node.slots] + ([node.gaps] if node.gaps is not None else [])
    if len({len(each) for each in lists}) != 1:
        found.append(f"#{node.id}: lists of {[len(each) for each in lists]} items, expected one length")
    if (node.gaps is not None) != (node.type is ARANGE_64):
        found.append(f"#{node.id}: a {node.type.name} with gaps {node.gaps}")
    for offset, slot in enumerate(node.slots):
        if isinstance(slot, Node) is is_leaf:
            found.append(f"#{node.id} slot {offset}: {'a node' if is_leaf else 'no node'} in a {node.type.name}")
    return found


def _limits(place: Place) -> list[str]:
    """Pivots ascend from the node's first index and end at its last."""
    node, found = place.node, []
    before = place.min - 1
    for offset, pivot in enumerate(node.pivots):
        if pivot <= before:
            found.append(f"#{node.id} slot {offset}: pivot {pivot} does not lie above {before}")
        before = pivot
    if before != place.max:
        found.append(f"#{node.id}: ends at {before}, expected {place.max}")
    return found


def _occupancy(place: Place) -> list[str]:
    """At most the capacity; at least min_end + 1 slots, two for an inner root, one for a root leaf."""
    node, count = place.node, len(place.node.slots)
    least = node.type.min_end + 1 if place.depth else 1 if node.type.is_leaf else 2
    if least <= count <= node.type.slots:
        return []
    return [f"#{node.id}: {count} slots, expected {least} to {node.type.slots}"]


def _gaps(tree: MapleTree, place: Place) -> list[str]:
    """Each gap is the longest below its child, and gap_slot names one of the largest."""
    node, found = place.node, []
    if node.gaps is None:
        return []
    for offset, (first, _, child) in enumerate(place.ranges()):
        if not isinstance(child, Node):
            continue
        real = leaf_gap(child, first) if child.gaps is None else max(child.gaps)
        if offset < len(node.gaps) and node.gaps[offset] != real:
            found.append(f"#{node.id} slot {offset}: gap {node.gaps[offset]}, below it the longest is {real}")
    largest = max(node.gaps, default=0)
    noted = node.gap_slot
    if noted == NO_GAP:
        fine = largest == 0
    else:
        fine = 0 <= noted < len(node.gaps) and node.gaps[noted] == largest
    if not fine:
        found.append(f"#{node.id}: gap_slot {noted} does not name the largest gap {largest}")
    return found


def _nulls(tree: MapleTree) -> list[str]:
    """No two NULLs side by side, and only the last leaf of all ends in one."""
    found = []
    null_before = False
    for place in walk(tree):
        node = place.node
        if not node.type.is_leaf:
            continue
        for offset, slot in enumerate(node.slots):
            if slot is None and null_before:
                found.append(f"#{node.id} slot {offset}: a second NULL in a row")
            null_before = slot is None
        if null_before and place.max != ULONG_MAX:
            found.append(f"#{node.id}: ends in NULL and is not the last leaf")
    return found
