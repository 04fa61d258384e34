"""What the calls of a census cost, by what they come to: the patch's promises in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from mmsim.brk import Process
from mmsim.brk.cost import Cost, CostLog, measured
from mmsim.mm.units import page_align

from .census import BESIDE, EXTENDED, NEW, Job, Player

__all__ = ["CUT", "GROWN", "MADE", "REMOVED", "SORTS", "Price", "prices", "total"]

GROWN = "growth, extends a VMA"
MADE = "growth, makes a VMA"
CUT = "shrink, cuts a VMA"
REMOVED = "shrink, removes whole VMAs"
SORTS = (GROWN, MADE, CUT, REMOVED)
"""What a call that maps or unmaps anything comes to; where a shrink ends, inside a VMA or at a border, is its sort."""


class Price(NamedTuple):
    """The costs of some calls, and how many stores took which path."""

    cost: Cost
    paths: Counter[str]

    def __add__(self, other: object) -> Price:
        assert isinstance(other, Price)
        return Price(self.cost + other.cost, self.paths + other.paths)


def _nothing() -> dict[str, Price]:
    return {sort: Price(Cost(), Counter()) for sort in SORTS}


class _Priced(Player):
    """A player that measures each call of brk()."""

    def __init__(self, job: Job, generation: str, touch: str, rcu: bool) -> None:
        super().__init__(job, generation, touch)
        self.rcu = rcu
        self.prices = _nothing()
        self._log = CostLog()
        self._cuts = False

    def brk(self, process: Process, want: int) -> int:
        """Make the call and measure it."""
        process.mm.tree.use_rcu = self.rcu
        top = page_align(want)
        at = process.mm.tree.load(top)
        self._cuts = at is not None and at.start < top
        with measured(process) as self._log:
            return process.brk(want)

    def came_to(self, kind: str) -> None:
        """Book the costs of the call just made."""
        sort = {EXTENDED: GROWN, NEW: MADE, BESIDE: MADE, "shrink": CUT if self._cuts else REMOVED}.get(kind)
        if sort is not None:
            self.prices[sort] += Price(self._log.cost, self._log.paths)


def prices(job: Job, generation: str, touch: str = "growth", rcu: bool = False) -> dict[str, Price]:
    """Replay a job in a generation and add up the costs of its calls by sort. Cost: some 200 us a call.

    With `rcu` readers may be in the tree, as in a process of several threads: a leaf whose slots move is made anew.

    >>> from mmsim.trace.census import SHIPPED, read
    >>> found = prices(read(SHIPPED / "tar-gzip.json"), "v4")
    >>> found[CUT].cost.calls, found[CUT].cost.vmas_made, found[CUT].paths
    (5, 0, Counter({'slot store': 5}))
    """
    player = _Priced(job, generation, touch, rcu)
    player.run()
    return player.prices


def total(found: Iterable[dict[str, Price]]) -> dict[str, Price]:
    """The prices of several jobs together."""
    every = _nothing()
    for each in found:
        for sort, price in each.items():
            every[sort] += price
    return every
