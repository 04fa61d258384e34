"""Trees for the tests of pictures, players and labs."""

import pytest

from mmsim.maple import MapleTree, Write
from mmsim.view.render import RENDERERS, problem


def usable_renderers(*but: str) -> list[object]:
    """A test's parameters: every renderer, those that do not work here skipped."""
    marks = {name: [pytest.mark.skip(reason)] if (reason := problem(name)) else [] for name in RENDERERS}
    return [pytest.param(name, marks=marks[name]) for name in RENDERERS if name not in but]


def small() -> MapleTree:
    """One leaf, three slots."""
    tree = MapleTree()
    tree.store_range(10, 19, "a")
    return tree


def two_leaves(alloc: bool = True) -> MapleTree:
    """A root over two leaves of 15 slots, with gaps of two indices."""
    tree = MapleTree(alloc_range=alloc)
    for at in range(15):
        tree.store_range(at * 10, at * 10 + 7, "abcdefghijklmno"[at])
    return tree


def split() -> Write:
    """A write that splits a leaf of two_leaves()."""
    return _watched(two_leaves(), 65, 66, "X")


def spanning() -> Write:
    """A NULL across both leaves of two_leaves()."""
    return _watched(two_leaves(), 12, 113, None)


def _watched(tree: MapleTree, index: int, last: int, entry: str | None) -> Write:
    with tree.watch() as log:
        tree.store_range(index, last, entry)
    return log[0]
