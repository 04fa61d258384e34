"""Watching writes: which path, which nodes, level by level. Costs nothing while nobody watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .diff import TreeDiff, diff
from .pool import AllocCount
from .trail import Step, Trail

if TYPE_CHECKING:
    from .tree import MapleTree

__all__ = ["Watch", "Write"]


class Write(NamedTuple):
    """One watched write. `before` and `after` are copies of the tree: time can be walked both ways.

    `path` names the way it took: root entry, first leaf, exact, append, slot store, node store,
    big node, split, rebalance, spanning, new root. `steps` are the levels of the slow ones.
    """

    op: str
    index: int
    last: int
    entry: Any
    path: str
    steps: tuple[Step, ...]
    before: MapleTree
    after: MapleTree
    nodes: AllocCount

    @property
    def diff(self) -> TreeDiff:
        """Which nodes the write removed, made and changed."""
        return diff(self.before, self.after)

    def __repr__(self) -> str:
        entry = "NULL" if self.entry is None else self.entry
        lines = [f"{self.op} {self.index}..{self.last} {entry}: {self.path}; {self.diff}"]
        return "\n  ".join([*lines, *(step.text for step in self.steps)])


class Watch:
    """`with tree.watch() as log:` fills the list `log` with a Write for each write of the block.

    >>> from .tree import MapleTree
    >>> tree = MapleTree()
    >>> with tree.watch() as log:
    ...     tree.store_range(10, 19, "a")
    ...     tree.store_range(20, 29, "b")
    >>> [write.path for write in log]
    ['first leaf', 'append']
    """

    def __init__(self, tree: MapleTree) -> None:
        self.tree = tree
        self.log: list[Write] = []
        self._outer: Watch | None = None

    def __enter__(self) -> list[Write]:
        self._outer, self.tree.watcher = self.tree.watcher, self
        return self.log

    def __exit__(self, *_: object) -> None:
        self.tree.watcher = self._outer

    def write(
        self, op: str, action: Callable[[MapleTree, int, int, Any], None], index: int, last: int, entry: Any
    ) -> None:
        """Do the write and note it. A write that fails is not noted: it changed nothing."""
        tree = self.tree
        before, count = tree.copy(), tree.pool.count
        tree.trail = trail = Trail()
        try:
            action(tree, index, last, entry)
        finally:
            tree.trail = None
        nodes = tree.pool.count.since(count)
        self.log.append(Write(op, index, last, entry, trail.path, tuple(trail.steps), before, tree.copy(), nodes))
