"""What calls cost, as a table: a line a generation."""

from __future__ import annotations

from collections.abc import Mapping

from mmsim.brk import GENERATIONS
from mmsim.trace.census_cost import Price

from .findings import FindingTable

__all__ = ["price_table"]

_HEAD = ("", "calls", "VMAs made, freed", "stores", "by path", "nodes made, freed", "nodes laid aside", "walks, steps")


def price_table(prices: Mapping[str, Price], title: str | None = None) -> FindingTable:
    """The prices of the same calls by generation, as sums.

    Walks and steps have a dash where the model asks otherwise than the kernel does (see Cost).

    >>> from mmsim.trace.census import SHIPPED, read
    >>> from mmsim.trace.census_cost import CUT, prices
    >>> print(price_table({"v4": prices(read(SHIPPED / "tar-gzip.json"), "v4")[CUT]}, "Five shrinks"))
    Five shrinks
          calls  VMAs made, freed  stores  by path       nodes made, freed  nodes laid aside  walks, steps
      v4  5      0, 0              5       5 slot store  0, 0               0                 5, 0
    """
    return FindingTable(title or "What it costs", _HEAD, (_row(name, price) for name, price in prices.items()))


def _row(generation: str, price: Price) -> tuple[str, ...]:
    cost = price.cost
    paths = ", ".join(f"{count} {path}" for path, count in sorted(price.paths.items())) or "-"
    asked = f"{cost.walks}, {cost.steps}" if GENERATIONS[generation].HAS_LIST else "-"
    made = (f"{cost.vmas_made}, {cost.vmas_freed}", str(cost.stores), paths, f"{cost.nodes_made}, {cost.nodes_freed}")
    return generation, str(cost.calls), *made, str(cost.reserved), asked
