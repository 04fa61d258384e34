"""What calls cost, and which promises they keep, as tables."""

from __future__ import annotations

from collections.abc import Mapping

from mmsim.brk import GENERATIONS
from mmsim.trace.census_cost import PROMISES, Price

from .findings import FindingTable

__all__ = ["price_table", "promise_table"]

_HEAD = ("", "calls", "VMAs made, freed", "stores", "by path", "nodes made, freed", "nodes laid aside", "walks, steps")


def price_table(prices: Mapping[str, Price], title: str | None = None, walks: bool = True) -> FindingTable:
    """The prices of the same calls by generation, as sums; without the last column if `walks` is false.

    Walks and steps have a dash where the model asks otherwise than the kernel does (see Cost).

    >>> from mmsim.trace.census import SHIPPED, read
    >>> from mmsim.trace.census_cost import CUT, prices
    >>> print(price_table({"v4": prices(read(SHIPPED / "tar-gzip.json"), "v4")[CUT]}, "Five shrinks"))
    Five shrinks
          calls  VMAs made, freed  stores  by path       nodes made, freed  nodes laid aside  walks, steps
      v4  5      0, 0              5       5 slot store  0, 0               0                 5, 0
    """
    rows = (_HEAD, *(_row(name, price) for name, price in prices.items()))
    head, *rest = (row if walks else row[:-1] for row in rows)
    return FindingTable(title or "What it costs", head, rest)


def _row(generation: str, price: Price) -> tuple[str, ...]:
    cost = price.cost
    paths = ", ".join(f"{count} {path}" for path, count in sorted(price.paths.items())) or "-"
    asked = f"{cost.walks}, {cost.steps}" if GENERATIONS[generation].HAS_LIST else "-"
    made = (f"{cost.vmas_made}, {cost.vmas_freed}", str(cost.stores), paths, f"{cost.nodes_made}, {cost.nodes_freed}")
    return generation, str(cost.calls), *made, str(cost.reserved), asked


def promise_table(prices: Mapping[str, Price], title: str | None = None) -> FindingTable:
    """How many of the calls keep each promise, by generation, and what that means for `v4`.

    The prices of all four generations are needed; a promise about walks is counted in the older two (see Cost).

    >>> from mmsim.trace.census import SHIPPED, read
    >>> from mmsim.trace.census_cost import CUT, prices
    >>> job = read(SHIPPED / "tar-gzip.json")
    >>> print(promise_table({name: prices(job, name)[CUT] for name in GENERATIONS}).text.splitlines()[2])
      1 no VMA made                 0       5   0       0      v4: 5 of 5, new in 5; given up in merged, today
    """
    head = ("promise", *GENERATIONS, "verdict")
    return FindingTable(title or "Calls that keep a promise", head, (_promise(name, prices) for name in PROMISES))


def _promise(promise: str, prices: Mapping[str, Price]) -> tuple[str, ...]:
    kept = {
        name: prices[name].kept[promise]
        for name in GENERATIONS
        if GENERATIONS[name].HAS_LIST or not promise.endswith("walk")
    }
    more = kept["v4"] - kept["before"]
    lost = [name for name in ("merged", "today") if name in kept and kept[name] < kept["v4"]]
    verdict = f"v4: {kept['v4']} of {prices['v4'].cost.calls}, "
    verdict += f"new in {more}" if more > 0 else "no more than before"
    verdict += f"; given up in {', '.join(lost)}" if lost else ""
    return promise, *(str(kept.get(name, "-")) for name in GENERATIONS), verdict
