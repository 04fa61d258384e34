"""What changed between two states of a tree, node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .node import Node
from .walker import walk

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["TreeDiff", "diff"]


class TreeDiff(NamedTuple):
    """Node ids, each tuple in walk order: gone, new, changed in place, as before."""

    removed: tuple[int, ...]
    added: tuple[int, ...]
    changed: tuple[int, ...]
    kept: tuple[int, ...]

    def __str__(self) -> str:
        words = ("removed", self.removed), ("new", self.added), ("changed", self.changed)
        parts = [f"{word} {' '.join(f'#{id}' for id in ids)}" for word, ids in words if ids]
        return "; ".join([*parts, f"{len(self.kept)} as before"])


def diff(before: MapleTree, after: MapleTree) -> TreeDiff:
    """Compare a tree with a later state of it (a copy() taken before). Two walks.

    >>> from .tree import MapleTree
    >>> tree = MapleTree()
    >>> tree.store_range(10, 19, "vma")
    >>> old = tree.copy()
    >>> tree.store_range(30, 39, "vma2")
    >>> print(diff(old, tree))
    changed #1; 0 as before
    """
    was = {place.node.id: _content(place.node) for place in walk(before)}
    now = {place.node.id: _content(place.node) for place in walk(after)}
    both = [id for id in now if id in was]
    return TreeDiff(
        removed=tuple(id for id in was if id not in now),
        added=tuple(id for id in now if id not in was),
        changed=tuple(id for id in both if was[id] != now[id]),
        kept=tuple(id for id in both if was[id] == now[id]),
    )


def _content(node: Node) -> tuple[Any, ...]:
    """All that a node holds, children by id: a change below a child is the child's."""
    slots = [slot.id if isinstance(slot, Node) else slot for slot in node.slots]
    return node.type.name, node.pivots, slots, node.gaps, node.gap_slot
