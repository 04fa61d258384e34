"""What a call of brk() costs: VMAs, stores and their paths, tree nodes, walks. The code of a generation stays as it is.

The words of the patch's own message are counted with this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

from mmsim.maple import MapleState, Write

from .process import Process

__all__ = ["ONE_INDEX", "SPLITS", "Cost", "CostLog", "measured"]

ONE_INDEX = frozenset({"exact", "slot store"})
"""Paths of a store that change an entry or a border in a leaf and move nothing."""
SPLITS = frozenset({"split", "rebalance", "spanning"})
"""Paths of a store that cut nodes or join them: a split, a coalescing, or both at once."""


class Cost(NamedTuple):
    """Sums over `calls`.

    `vmas_made`, `vmas_freed`: VMA objects. `stores`: writes to the tree, of them `one_index` with a path of ONE_INDEX
    and `splits` with one of SPLITS. `nodes_made`, `nodes_freed`: nodes that came into the tree and left it; `reserved`:
    nodes laid aside beforehand. `walks`: searches that begin at the root, those of the stores not counted; `steps`:
    moves from a place found before. What the kernels of `merged` and `today` ask one cursor the model asks by walks of
    its own, so walks and steps are right for `before` and `v4` only.
    """

    calls: int = 0
    vmas_made: int = 0
    vmas_freed: int = 0
    stores: int = 0
    one_index: int = 0
    splits: int = 0
    nodes_made: int = 0
    nodes_freed: int = 0
    reserved: int = 0
    walks: int = 0
    steps: int = 0

    def __add__(self, other: object) -> Cost:
        assert isinstance(other, Cost)
        return Cost(*(one + two for one, two in zip(self, other, strict=True)))


class CostLog:
    """Fills while measured() lasts; `cost` and `paths` are there afterwards. `writes` are the watched stores."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.cost = Cost()

    @property
    def paths(self) -> Counter[str]:
        """How many stores took which path."""
        return Counter(write.path for write in self.writes)


@contextmanager
def measured(process: Process) -> Iterator[CostLog]:
    """Count what the block makes a process do, as one call; its event log starts anew.

    Cost: two copies of the tree for each store.

    >>> process = Process("before", start_brk=0x10000000)
    >>> _ = process.brk(0x10004000)
    >>> with measured(process) as log:
    ...     _ = process.brk(0x10001000)
    >>> log.cost.vmas_made, log.cost.vmas_freed, log.cost.stores, log.cost.walks
    (1, 1, 2, 2)
    """
    log, mm = CostLog(), process.mm
    mm.events.clear()
    with _searches(process) as asked, mm.tree.watch() as writes:
        log.writes = writes
        yield log
    events = Counter(event[0] for event in mm.events)
    nodes = [write.nodes for write in writes]
    log.cost = Cost(
        calls=1,
        vmas_made=events["vma_alloc"],
        vmas_freed=events["vma_free"],
        stores=events["maple_store"],
        one_index=sum(write.path in ONE_INDEX for write in writes),
        splits=sum(write.path in SPLITS for write in writes),
        nodes_made=sum(each.used for each in nodes),
        nodes_freed=sum(each.released for each in nodes),
        reserved=_reserved(process),
        walks=asked.walks,
        steps=asked.steps,
    )


def _reserved(process: Process) -> int:
    """Nodes laid aside: the worst case in 6.1. Since 6.6 a reserve is what the store uses, and is counted there."""
    if process.generation == "today":
        return 0
    return sum(event[1] for event in process.mm.events if event[0] == "maple_prealloc")


@contextmanager
def _searches(process: Process) -> Iterator[SimpleNamespace]:
    """Count the walks and steps of the two older generations.

    find_vma() walks (mt_find(), series v4). The VMA below is one step back from a place just found there (mas_prev() in
    range_has_overlap() and do_brk_flags(), series v4). The patch's cursor walks once and steps from there.
    """
    asked = SimpleNamespace(walks=0, steps=0)
    mm, code = process.mm, process.code
    find, before, cursor = mm.find_vma, mm.before, getattr(code, "MapleState", None)

    class Counted(MapleState):
        def walk(self) -> Any:
            asked.walks += 1
            return super().walk()

        def next(self, *limit: int) -> Any:
            asked.steps += 1
            return super().next(*limit)

        def prev(self, *limit: int) -> Any:
            asked.steps += 1
            return super().prev(*limit)

    def find_vma(address: int) -> Any:
        asked.walks += 1
        return find(address)

    def one_below(address: int) -> Any:
        asked.steps += 1
        return before(address)

    mm.find_vma, mm.before = find_vma, one_below  # type: ignore[method-assign]
    if cursor is not None:
        code.MapleState = Counted  # type: ignore[attr-defined]
    try:
        yield asked
    finally:
        del mm.find_vma, mm.before
        if cursor is not None:
            code.MapleState = cursor  # type: ignore[attr-defined]
