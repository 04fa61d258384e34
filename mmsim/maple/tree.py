"""The maple tree: ranges of unsigned 64-bit indices, each with an entry or NULL.

Node for node the tree of Linux 6.1 (lib/maple_tree.c, 6.1.192), in both its modes: plain, with
range_64 nodes above the leaves, and `alloc_range`, with arange_64 nodes that track gaps. This
module is the door: it checks arguments once and hands over to `write`, `find` and `search`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import check as _check
from . import dump as _dump
from . import search
from .errors import BadArgument, NoGap
from .node import ULONG_MAX, Node
from .path import path_to
from .pool import NodePool
from .stats import TreeStats
from .trail import Trail
from .walker import entries, leaves
from .write import insert, store

if TYPE_CHECKING:
    from .watch import Watch

__all__ = ["MapleTree"]


def index_arg(name: str, value: Any) -> int:
    """`value` as an index, or BadArgument that names it."""
    if type(value) is int and 0 <= value <= ULONG_MAX:
        return value
    raise BadArgument(f"{name} is {value!r}: expected an integer from 0 to 2**64-1")


class MapleTree:
    """Ranges index..last (both inclusive) that map to entries; None is NULL, "nothing here".

    `alloc_range` tracks gaps (the mode an mm uses), `use_rcu` replaces nodes instead of
    changing them where the kernel does; it changes no dump. `height` is 0 when there is no
    node: the tree is empty or its root pointer holds the entry of index 0 itself.

    >>> tree = MapleTree()
    >>> tree.store_range(10, 19, "vma")
    >>> tree.load(19), tree.load(20)
    ('vma', None)
    >>> list(tree)
    [(10, 19, 'vma')]
    """

    __slots__ = ("height", "is_alloc", "pool", "root", "trail", "use_rcu", "version", "watcher")

    def __init__(self, alloc_range: bool = False, use_rcu: bool = False) -> None:
        self.is_alloc = alloc_range
        self.use_rcu = use_rcu
        self.root: Any = None
        self.height = 0
        self.version = 0
        self.pool = NodePool()
        self.trail: Trail | None = None
        self.watcher: Watch | None = None

    # -- look-up

    def load(self, index: int) -> Any:
        """The entry at `index` or None (mtree_load(), 6.1). O(height)."""
        if type(index) is not int or index < 0:
            index_arg("index", index)
        node = self.root
        if type(node) is not Node:
            return node if index_arg("index", index) == 0 else None
        try:
            while True:
                node = node.slots[bisect_left(node.pivots, index)]
                if type(node) is not Node:
                    return node
        except IndexError:
            index_arg("index", index)

    def range_at(self, index: int) -> tuple[int, int, Any]:
        """(first, last, entry) of the range that holds `index`; a gap is a range, too. O(height).

        >>> tree = MapleTree()
        >>> tree.store_range(10, 19, "vma")
        >>> tree.range_at(5)
        (0, 9, None)
        """
        index_arg("index", index)
        if not self.height:
            if self.root is None:
                return 0, ULONG_MAX, None
            return (0, 0, self.root) if index == 0 else (1, ULONG_MAX, None)
        node = self.root
        low = 0
        for _ in range(self.height):
            pivots = node.pivots
            slot = bisect_left(pivots, index)
            if slot:
                low = pivots[slot - 1] + 1
            node = node.slots[slot]
        return low, pivots[slot], node

    def find(self, index: int, max: int = ULONG_MAX) -> tuple[Any, int]:
        """The first entry at or after `index` that starts at or below `max` (mt_find(), 6.1).

        Returns the entry and the index to go on from: the one after its range (0 after
        ULONG_MAX), or `index` itself with None when there is none. O(height): a NULL is
        always followed by an entry of the same leaf.

        >>> tree = MapleTree()
        >>> tree.store_range(10, 19, "vma")
        >>> tree.find(0), tree.find(20)
        (('vma', 20), (None, 20))
        """
        if type(index) is not int or index < 0 or type(max) is not int:
            index_arg("index", index), index_arg("max", max)
        if index > max:
            index_arg("index", index)
            return None, index
        entry = self.root
        if type(entry) is not Node:
            entry = None if index_arg("index", index) else entry
            return entry, index if entry is None else 1
        try:
            while type(entry) is Node:
                pivots, slots = entry.pivots, entry.slots
                slot = bisect_left(pivots, index)
                entry = slots[slot]
        except IndexError:
            index_arg("index", index)
        if entry is None:
            if pivots[slot] >= max or slot + 1 == len(pivots):
                return None, index
            slot += 1
            entry = slots[slot]
        last = pivots[slot]
        return entry, 0 if last == ULONG_MAX else last + 1

    def next(self, index: int, max: int = ULONG_MAX) -> Any:
        """The entry after the range (entry or gap) that holds `index`, or None (mt_next(), 6.1).

        It has to start at or below `max`. O(height).
        """
        index_arg("index", index), index_arg("max", max)
        if not self.height:
            return None
        leaf = self.root
        for _ in range(self.height - 1):
            leaf = leaf.slots[bisect_left(leaf.pivots, index)]
        pivots, slots = leaf.pivots, leaf.slots
        slot = bisect_left(pivots, index)
        while slot + 1 < len(slots) and pivots[slot] < max:
            slot += 1
            if slots[slot] is not None:
                return slots[slot]
        # The leaf ends before the answer is known: it lies in the next one, if there is one.
        last = pivots[slot]
        return None if last >= max else self.find(last + 1, max)[0]

    def prev(self, index: int, min: int = 0) -> Any:
        """The entry before the range (entry or gap) that holds `index`, or None (mt_prev(), 6.1).

        It has to end at or above `min`; 6.1 forgets that for the single entry of a tree
        without nodes, and so does this. O(height).
        """
        index_arg("index", index), index_arg("min", min)
        if not self.height:
            return self.root if index else None
        leaf, low = self.root, 0
        for _ in range(self.height - 1):
            slot = bisect_left(leaf.pivots, index)
            if slot:
                low = leaf.pivots[slot - 1] + 1
            leaf = leaf.slots[slot]
        pivots, slots = leaf.pivots, leaf.slots
        slot = bisect_left(pivots, index)
        while slot and pivots[slot - 1] >= min:
            slot -= 1
            if slots[slot] is not None:
                return slots[slot]
        # At the start of the leaf the one before it goes on, and no leaf but the last ends in NULL.
        return None if slot or low <= min else self.load(low - 1)

    def __contains__(self, index: object) -> bool:
        """Is there an entry at this index? O(height)."""
        return self.load(index) is not None  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[tuple[int, int, Any]]:
        """Every entry as (first, last, entry), in order; NULLs are left out."""
        return entries(self)

    def __len__(self) -> int:
        """How many ranges hold an entry. Cost: one pass over the leaves."""
        if not self.height:
            return int(self.root is not None)
        return sum(len(leaf.slots) - leaf.slots.count(None) for leaf in leaves(self))

    def __bool__(self) -> bool:
        """False for a tree without entries. O(1)."""
        return self.root is not None

    def __eq__(self, other: object) -> bool:
        """Same entries over the same ranges; the nodes may differ (compare those with diff())."""
        if not isinstance(other, MapleTree):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    # -- writing

    def store_range(self, index: int, last: int, entry: Any) -> None:
        """Store `entry` over index..last, whatever was there; None erases (mtree_store_range(), 6.1).

        Raises BadArgument or NoNodes; the tree is then unchanged. O(height).
        """
        if type(index) is not int or type(last) is not int or not 0 <= index <= last <= ULONG_MAX:
            _range_args(index, last)
        if entry.__class__ is Node:
            raise BadArgument("entry is a Node: expected anything but a node of a tree")
        if self.watcher is not None:
            self.watcher.write("store_range", store, index, last, entry)
        else:
            store(self, index, last, entry)

    def insert_range(self, index: int, last: int, entry: Any) -> None:
        """Store `entry` over index..last, where nothing is yet (mtree_insert_range(), 6.1).

        Raises Occupied, BadArgument or NoNodes; the tree is then unchanged. O(height).
        """
        _range_args(index, last)
        _entry_arg(entry)
        if self.watcher is not None:
            self.watcher.write("insert_range", insert, index, last, entry)
        else:
            insert(self, index, last, entry)

    def erase(self, index: int) -> Any:
        """Erase the whole range that holds `index`; returns its entry or None (mtree_erase(), 6.1).

        Raises NoNodes; the tree is then unchanged. O(height).
        """
        first, last, entry = self.range_at(index)
        if entry is not None:
            if self.watcher is not None:
                self.watcher.write("erase", store, first, last, None)
            else:
                store(self, first, last, None)
        return entry

    def alloc_range(self, entry: Any, size: int, min: int = 0, max: int = ULONG_MAX) -> int:
        """Store `entry` over the lowest free range of `size` indices; returns its start.

        Follows mtree_alloc_range(), 6.1: the range lies inside min..max-size, both included.
        On a tree of fewer than two levels the kernel's own answer is unsound; here it is the
        plain one. Raises NoGap, BadArgument (also without alloc_range) or NoNodes.
        """
        self._alloc_args(entry, size, min, max, min > max or max < size)
        start = search.lowest_gap(self, min, max - size, size)
        return self._alloc(start, entry, size, min, max)

    def alloc_rrange(self, entry: Any, size: int, min: int = 0, max: int = ULONG_MAX) -> int:
        """Store `entry` over the highest free range of `size` indices in min..max; returns its start.

        Follows mtree_alloc_rrange(), 6.1, its answer for max = ULONG_MAX included (see
        `search.highest_gap`); on fewer than two levels the plain answer, as in alloc_range().
        """
        self._alloc_args(entry, size, min, max, min >= max or max < size - 1)
        start = search.highest_gap(self, min, max, size)
        return self._alloc(start, entry, size, min, max)

    def _alloc(self, start: int | None, entry: Any, size: int, min: int, max: int) -> int:
        if start is None:
            raise NoGap(f"no free range of {size} indices inside {min}..{max}")
        self.store_range(start, start + size - 1, entry)
        return start

    def _alloc_args(self, entry: Any, size: int, min: int, max: int, empty: bool) -> None:
        if not self.is_alloc:
            raise BadArgument("this tree does not track gaps: expected MapleTree(alloc_range=True)")
        _entry_arg(entry)
        index_arg("size", size), index_arg("min", min), index_arg("max", max)
        if size == 0 or empty:
            raise BadArgument(f"size {size} in {min}..{max}: expected a size of 1 or more that fits the window")

    def clear(self) -> None:
        """Free every node and forget every entry (__mt_destroy(), 6.1); the mode stays."""
        self.pool.release(self.pool.used - self.pool.released)
        self.root, self.height = None, 0
        self.version += 1

    # -- looking at the tree as a structure

    def check(self) -> None:
        """Raise CheckError unless every rule of the tree holds. Cost: one walk over all slots."""
        _check.check(self)

    def dump(self, base: str = "dec") -> str:
        """The tree as indented text, in the spirit of mt_dump(); `base` is "dec" or "hex"."""
        return _dump.dump(self, base)

    def canonical(self) -> Any:
        """The tree as plain data, the form T of a maple-trace/1 recording."""
        return _dump.canonical(self)

    def stats(self) -> TreeStats:
        """Counts of nodes, slots and bytes. Cost: one walk."""
        return TreeStats.of(self)

    def copy(self) -> MapleTree:
        """An independent tree with the same nodes (same ids) and entries.

        Cost: a list copy a node, O(nodes); entries are shared. Not watched even if this one is.
        """
        new = MapleTree(self.is_alloc, self.use_rcu)
        new.root, new.height = self.root, self.height
        new.pool.next_id = self.pool.next_id
        if self.height:
            new.root, new.pool.used = _copy_nodes(self.root, self.height)
        return new

    def path_to(self, index: int) -> list[tuple[Node, int]]:
        """(node, slot) from the root to the leaf slot that holds `index`; [] without nodes."""
        index_arg("index", index)
        if not self.height:
            return []
        path, leaf = path_to(self, index)
        return [*path, (leaf, bisect_left(leaf.pivots, index))]

    def watch(self) -> Watch:
        """A context manager that collects every write of its block as a `Write`."""
        from .watch import Watch

        return Watch(self)

    def picture(self, **options: Any) -> Any:
        """The tree as a picture for a notebook; see `mmsim.view.picture`."""
        from mmsim.view import picture  # late: the tree needs no view, and drawing is slow to import

        return picture(self, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.picture()._repr_mimebundle_(include, exclude)

    def __repr__(self) -> str:
        flags = [name for name, on in (("alloc_range", self.is_alloc), ("use_rcu", self.use_rcu)) if on]
        return f"<MapleTree{' ' + ' '.join(flags) if flags else ''}: height {self.height}, {len(self)} entries>"


def _range_args(index: Any, last: Any) -> None:
    index_arg("index", index)
    index_arg("last", last)
    if index > last:
        raise BadArgument(f"index is {index} and last is {last}: expected index <= last")


def _entry_arg(entry: Any) -> None:
    if entry is None or isinstance(entry, Node):
        raise BadArgument(f"entry is {entry!r}: expected an object to store; None means NULL here")


def _copy_nodes(root: Node, height: int) -> tuple[Node, int]:
    """Copies of a node and all below it, and how many."""
    count = 0

    def copied(node: Node, depth: int) -> Node:
        nonlocal count
        count += 1
        slots = node.slots[:] if depth == 1 else [copied(child, depth - 1) for child in node.slots]
        gaps = None if node.gaps is None else node.gaps[:]
        return Node(node.type, node.id, node.pivots[:], slots, gaps, node.gap_slot)

    return copied(root, height), count
