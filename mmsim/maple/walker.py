"""The one walk over a tree. Check, dump, statistics, diff and pictures are its visitors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from .node import ULONG_MAX, Node

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["Place", "entries", "leaves", "ranges", "walk"]


class Place(NamedTuple):
    """A node and where it hangs: depth 0 is the root; `offset` is its slot in `parent`."""

    node: Node
    depth: int
    offset: int
    parent: Node | None
    min: int
    max: int

    def ranges(self) -> Iterator[tuple[int, int, Any]]:
        """(first, last, entry or child) of each slot."""
        first = self.min
        for last, slot in zip(self.node.pivots, self.node.slots, strict=False):
            yield first, last, slot
            first = last + 1


def walk(tree: MapleTree) -> Iterator[Place]:
    """Every node, parents before children, left to right. Nothing for a tree without nodes.

    Trusts only `root`, so that it can walk a broken tree for the check.
    """
    if not isinstance(tree.root, Node):
        return
    stack = [Place(tree.root, 0, 0, None, 0, ULONG_MAX)]
    while stack:
        place = stack.pop()
        yield place
        node = place.node
        if not node.type.is_leaf:
            below = [
                Place(child, place.depth + 1, offset, node, first, last)
                for offset, (first, last, child) in enumerate(place.ranges())
                if isinstance(child, Node)
            ]
            stack.extend(reversed(below))


def leaves(tree: MapleTree) -> Iterator[Node]:
    """Every leaf, left to right: for counting and iterating, without the places of `walk`."""
    level: Iterable[Node] = (tree.root,) if tree.height else ()
    for _ in range(tree.height - 1):
        level = chain.from_iterable(map(attrgetter("slots"), level))
    return iter(level)


def ranges(tree: MapleTree) -> Iterator[tuple[int, int, Any]]:
    """Every range, entries and NULLs, as (first, last, entry or None), in order."""
    if not tree.height:
        if tree.root is not None:
            yield 0, 0, tree.root
        yield 0 if tree.root is None else 1, ULONG_MAX, None
    first = 0
    for leaf in leaves(tree):
        for last, entry in zip(leaf.pivots, leaf.slots):  # noqa: B905 - the keyword costs a tenth
            yield first, last, entry
            first = last + 1


def entries(tree: MapleTree) -> Iterator[tuple[int, int, Any]]:
    """Every entry as (first, last, entry), in order."""
    if not tree.height and tree.root is not None:
        yield 0, 0, tree.root
    before = -1
    for leaf in leaves(tree):
        for last, entry in zip(leaf.pivots, leaf.slots):  # noqa: B905 - the keyword costs a tenth
            if entry is not None:
                yield before + 1, last, entry
            before = last
