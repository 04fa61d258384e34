"""What the calls of a census cost, by what they come to: the patch's promises in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from mmsim.brk import Process
from mmsim.brk.cost import Cost, CostLog, measured
from mmsim.mm.units import page_align

from .census import BESIDE, EXTENDED, NEW, Job, Player

__all__ = ["CUT", "GROWN", "MADE", "PROMISES", "REMOVED", "SORTS", "Price", "prices", "total"]

GROWN = "growth, extends a VMA"
MADE = "growth, makes a VMA"
CUT = "shrink, cuts a VMA"
REMOVED = "shrink, removes whole VMAs"
SORTS = (GROWN, MADE, CUT, REMOVED)
"""What a call that maps or unmaps anything comes to; where a shrink ends, inside a VMA or at a border, is its sort."""
PROMISES: dict[str, Callable[[Cost], bool]] = {
    "1 no VMA made": lambda cost: not cost.vmas_made,
    "2 one store, of one index": lambda cost: cost.stores == cost.one_index == 1,
    "2 no node split or coalesced": lambda cost: not cost.splits,
    "3 no node made or laid aside": lambda cost: not cost.nodes_made and not cost.reserved,
    "4 one walk": lambda cost: cost.walks <= 1,
}
"""What the message of the patch promises of a call that can change a VMA, in our words, as tests of a cost."""


class Price(NamedTuple):
    """The costs of some calls, how many stores took which path, and how many of the calls keep which promise."""

    cost: Cost
    paths: Counter[str]
    kept: Counter[str]

    @classmethod
    def of(cls, log: CostLog) -> Price:
        """The price of a call that was measured."""
        return cls(log.cost, log.paths, Counter(name for name, keeps in PROMISES.items() if keeps(log.cost)))

    def __add__(self, other: object) -> Price:
        assert isinstance(other, Price)
        return Price(self.cost + other.cost, self.paths + other.paths, self.kept + other.kept)


def _nothing() -> dict[str, Price]:
    return {sort: Price(Cost(), Counter(), Counter()) for sort in SORTS}


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
            self.prices[sort] += Price.of(self._log)


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
