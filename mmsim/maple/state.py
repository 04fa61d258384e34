"""The cursor: a place in a tree that walks, stores and searches (the mas_* calls of 6.1).

It answers as the kernel does, with 0 or a negative error number where those calls have one, and
with their odd answers where they have odd ones. Simpler on purpose: leaving a leaf walks
again from the root, O(height), where the kernel climbs; and a write through another door moves
nothing under the cursor, which looks its place up again, where the kernel would find a dead node.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from mmsim import errno

from . import search
from .errors import BadArgument, MapleError
from .node import LEAF_64, ULONG_MAX, Node
from .path import low_of, path_to
from .tree import MapleTree, index_arg

__all__ = ["MapleState"]

START, ACTIVE, NONE, ROOT, PAUSE = "start", "active", "none", "root", "pause"


class MapleState:
    """A state over `tree` at index..last (MA_STATE()).

    `status` is "start" (not placed yet), "active" (at slot `offset` of the leaf `node`, which
    covers min..max), "root" (the tree has an entry in its root pointer and no node), "none" (off the
    end, or an empty tree) or "pause".

    >>> tree = MapleTree()
    >>> tree.store_range(10, 19, "a")
    >>> tree.store_range(30, 39, "b")
    >>> mas = MapleState(tree, 0)
    >>> mas.find(ULONG_MAX), mas.index, mas.last
    ('a', 10, 19)
    >>> mas.next(ULONG_MAX), mas.prev(0)
    ('b', 'a')
    """

    __slots__ = ("index", "last", "max", "min", "node", "offset", "reserve", "status", "tree", "version")

    def __init__(self, tree: MapleTree, index: int = 0, last: int | None = None) -> None:
        self.tree = tree
        self.reserve = 0
        self.node: Node | None = None
        self.set_range(index, index if last is None else last)

    # -- placing

    def set(self, index: int) -> None:
        """Aim at one index, not placed yet (mas_set())."""
        self.set_range(index, index)

    def set_range(self, index: int, last: int) -> None:
        """Aim at index..last, not placed yet (mas_set_range())."""
        self.index, self.last = index_arg("index", index), index_arg("last", last)
        if index > last:
            raise BadArgument(f"index is {index} and last is {last}: expected index <= last")
        self.reset()

    def reset(self) -> None:
        """Forget the place, keep index and last (mas_reset())."""
        self.status = START
        self.node, self.offset, self.min, self.max = None, 0, 0, ULONG_MAX

    def pause(self) -> None:
        """Let find() and find_rev() go on beside the current range, freshly placed (mas_pause())."""
        self.reset()
        self.status = PAUSE

    def walk(self) -> Any:
        """Go to the range that holds `index`; index and last become its bounds (mas_walk()). O(height)."""
        tree = self.tree
        self.version = tree.version
        if not tree.height:
            return self._walk_root()
        self._enter_leaf(self.index)
        self.status = ACTIVE
        return self._stand_on(bisect_left(self.node.pivots, self.index))  # type: ignore[union-attr]

    def _walk_root(self) -> Any:
        """Place on a tree without nodes."""
        self.node = None
        entry = self.tree.root
        if entry is None:
            self.status, self.index, self.last = NONE, 0, ULONG_MAX
            return None
        self.status = ROOT
        if self.index == 0:
            self.last = 0
            return entry
        self.index, self.last = 1, ULONG_MAX
        return None

    def _stand_on(self, offset: int) -> Any:
        """Take over the bounds of a slot of the current leaf; its entry."""
        node = self.node
        assert node is not None
        self.offset = offset
        self.index = node.pivots[offset - 1] + 1 if offset else self.min
        self.last = node.pivots[offset]
        return node.slots[offset]

    def _go_to(self, index: int) -> Any:
        """Walk to another index."""
        self.index = index
        return self.walk()

    # -- reading

    def find(self, max: int = ULONG_MAX) -> Any:
        """First call: the entry at or after index; then the entry after the last one (mas_find()).

        None when there is none that starts at or below `max`.
        """
        if self.status == PAUSE:
            if self.last == ULONG_MAX:
                self.status = NONE
                return None
            self.last += 1
            self.index, self.status = self.last, START
        if self.status in (NONE, START):
            if self.index > max:
                self.status = START
                return None
            entry = self.walk()
            if entry is not None:
                return entry
        return self._next_entry(max) if self.status == ACTIVE else None

    def find_rev(self, min: int = 0) -> Any:
        """First call: the entry at or before index; then the entry before the last one (mas_find_rev()).

        None when there is none that ends at or above `min`. Started above 0 on a tree with only a root
        entry 6.1 does not find it, and neither does this.
        """
        if self.status == PAUSE:
            if self.last == ULONG_MAX:
                self.status = NONE
                return None
            self.index -= 1
            self.last, self.status = self.index, START
        if self.status == START:
            if self.index < min:
                return None
            entry = self.walk()
            if entry is not None:
                return entry
        if self.status != ACTIVE or self.index < min:
            return None
        return self._prev_entry(min)

    def next(self, max: int = ULONG_MAX) -> Any:
        """The entry after the range at index that starts at or below `max`, or None (mas_next())."""
        if self.status not in (ACTIVE, ROOT):
            self.walk()
        if self.status == ROOT:
            if self.index == 0:
                self.index, self.last = 1, ULONG_MAX
            return None
        if self.status == NONE or self.last == ULONG_MAX:
            return None
        return self._next_entry(max)

    def prev(self, min: int = 0) -> Any:
        """The entry before the range at index that ends at or above `min`, or None (mas_prev()).

        From a tree with only a root entry 6.1 ignores `min`, and so does this.
        """
        if self.index == 0:
            self.last, self.status = 0, NONE
            return None
        if self.status == ROOT:
            return None
        if self.status != ACTIVE:
            self.walk()
            if self.index == 0:
                return None
        if self.status == ROOT:
            self.index = self.last = 0
            return self.tree.root
        return self._prev_entry(min) if self.status == ACTIVE else None

    def _next_entry(self, limit: int) -> Any:
        """Step right, NULLs left out, as far as `limit` (mas_next_entry()).

        Without a result index and last become the limit, and the place stays where the search
        came to: prev() goes on from there.
        """
        if self.index > limit:
            self.index = self.last = limit
            self.pause()
            return None
        if self.version != self.tree.version:
            self._go_to(self.last)
        node, offset = self.node, self.offset
        self.offset += 1
        while True:
            entry = self._next_in_leaf(limit)
            if entry is not None:
                return entry
            if self.index > limit:
                break
            node, offset = self.node, min(self.offset, LEAF_64.slots - 1)
            if self.max >= limit:
                break
            self._enter_leaf(self.max + 1)
            self.offset = 0
        self.node, self.offset = node, offset
        self.index = self.last = limit
        return None

    def _next_in_leaf(self, limit: int) -> Any:
        """The first entry from `offset` on in this leaf (mas_next_nentry()); moves only onto one it finds."""
        node = self.node
        assert node is not None
        if self.offset >= LEAF_64.slots:
            return None
        if self.last == self.max:
            self.index = self.max
            return None
        end = len(node.slots) - 1
        self.index = node.pivots[min(self.offset, end + 1) - 1] + 1 if self.offset else self.min
        while self.index <= limit and self.offset <= end:
            if node.slots[self.offset] is not None:
                self.last = node.pivots[self.offset]
                return node.slots[self.offset]
            if self.offset == end or node.pivots[self.offset] >= limit:
                return None
            self.index = node.pivots[self.offset] + 1
            self.offset += 1
        return None

    def _prev_entry(self, limit: int) -> Any:
        """Step left, NULLs left out, as far as `limit` (mas_prev_entry())."""
        if self.index < limit:
            self.index = self.last = limit
            self.status = NONE
            return None
        if self.version != self.tree.version:
            self._go_to(self.index)
        while True:
            entry = self._prev_in_leaf(limit)
            if self.last < limit:
                break
            if entry is not None:
                return entry
            if self.min == 0 or self.min - 1 < limit:
                self.status = NONE
                break
            self._enter_leaf(self.min - 1)
            self.offset = len(self.node.slots)  # type: ignore[union-attr]
        self.index = self.last = limit
        return None

    def _prev_in_leaf(self, limit: int) -> Any:
        """The last entry before `offset` in this leaf (mas_prev_nentry()); stays put without one."""
        node = self.node
        assert node is not None
        offset = min(self.offset, len(node.slots)) - 1
        if offset < 0:
            return None
        while offset and node.slots[offset] is None and node.pivots[offset] >= limit:
            offset -= 1
        if node.slots[offset] is None:
            return None
        return self._stand_on(offset)

    def _enter_leaf(self, index: int) -> None:
        """Change to the leaf that holds `index`; index, last and offset stay."""
        path, self.node = path_to(self.tree, index)
        self.min, self.max = low_of(path), self.node.pivots[-1]

    # -- writing

    def store(self, entry: Any) -> Any:
        """Store `entry` over index..last; returns what was at index (mas_store()).

        Raises NoNodes when the allocator fails. The state then stands on the range written, which
        is larger than index..last for a NULL beside NULLs.
        """
        old = self.tree.range_at(self.index)[2]
        self._write(entry)
        return old

    def store_gfp(self, entry: Any) -> int:
        """The same, answered as mas_store_gfp(): 0 or -ENOMEM."""
        try:
            self._write(entry)
        except MapleError as error:
            return -error.errno
        return 0

    def store_prealloc(self, entry: Any) -> None:
        """Store with the nodes of preallocate(), and give the rest back (mas_store_prealloc())."""
        self._write(entry)

    def preallocate(self) -> int:
        """Reserve nodes for the worst a store could need; 0 or -ENOMEM (mas_preallocate()).

        1 + 3 * height nodes, whatever the store will be: 6.1 does not look.
        """
        pool = self.tree.pool
        pool.reserve = self.reserve
        try:
            pool.need(1 + 3 * self.tree.height)
        except MapleError as error:
            self.destroy()
            self.reset()
            return -error.errno
        self.reserve, pool.reserve = pool.reserve, 0
        return 0

    def destroy(self) -> None:
        """Give unused nodes back (mas_destroy())."""
        pool = self.tree.pool
        pool.reserve, self.reserve = self.reserve, 0
        pool.settle()

    def erase(self) -> Any:
        """Erase the whole range at index; returns its entry or None (mas_erase()).

        Raises NoNodes when the allocator fails.
        """
        entry = self._go_to(self.index)
        if entry is not None:
            self._write(None)
        return entry

    def _write(self, entry: Any) -> None:
        """Store over index..last with the reserve of this state, then stand there."""
        pool = self.tree.pool
        pool.reserve, self.reserve = self.reserve, 0
        try:
            self.tree.store_range(self.index, self.last, entry)
        finally:
            pool.settle()
        self.walk()

    # -- searching for room

    def empty_area(self, min: int, max: int, size: int) -> int:
        """Aim at the lowest free range of `size` in min..max (mas_empty_area()).

        0 with index and last set, -EBUSY when there is none, -EINVAL when min >= max. On a tree without
        nodes 6.1 hardly compares `size` with the window: the range may leave it. Simpler on
        purpose: each call searches from the start, as on a fresh state.
        """
        return self._empty_area(min, max, size, forward=True)

    def empty_area_rev(self, min: int, max: int, size: int) -> int:
        """The same with the highest free range (mas_empty_area_rev())."""
        return self._empty_area(min, max, size, forward=False)

    def _empty_area(self, min: int, max: int, size: int, forward: bool) -> int:
        index_arg("min", min), index_arg("max", max), index_arg("size", size)
        if min >= max:
            return -errno.EINVAL
        if not self.tree.height:
            return self._sparse_area(min, max, size, forward)
        start = (search.lowest_gap if forward else search.highest_gap)(self.tree, min, max, size)
        if start is None:
            return -errno.EBUSY
        self.reset()
        self.index, self.last = start, (start + size - 1) & ULONG_MAX
        return 0

    def _sparse_area(self, min: int, max: int, size: int, forward: bool) -> int:
        """The same on a tree without nodes (mas_sparse_area())."""
        if self.tree.root is not None and min == 0:
            min = 1
            if max - min + 1 < size:
                return -errno.EBUSY
        self.reset()
        start = min if forward else max - size + 1
        self.index, self.last = start & ULONG_MAX, (start + size - 1) & ULONG_MAX
        return 0

    def __repr__(self) -> str:
        return f"<MapleState {self.status} {self.index}..{self.last}>"
