"""The table of a replayed census, as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from .census import Result, totals

__all__ = ["as_json", "as_text"]

_COLUMNS = (
    "growths",
    "extended",
    "new",
    "shrinks",
    "refused",
    "bss",
    "ext %",
    "with bss",
    "stores",
    "VMAs",
    "nodes",
    "differ",
)
_LEGEND = """\
extended: growths that extended a VMA; new: that made one. bss: what the ELF loader maps, one call of the same function
each; with bss: extended of both together. stores: writes to the tree; VMAs, nodes: allocations, nodes given back unused
included. differ: calls whose answer, kind or number of heap VMAs is not the recorded one."""


def as_text(results: list[Result]) -> Iterator[str]:
    """One line a job and generation, the sums, and why calls differ."""
    every = [*results, *totals(results)]
    wide = max(len("job"), *(len(result.job) for result in every))
    yield f"{'job':<{wide}}  {'generation':<10}" + "".join(f"{name:>9}" for name in _COLUMNS)
    last = None
    for result in every:
        name = result.job if result.job != last else ""
        yield f"{name:<{wide}}  {result.generation:<10}" + "".join(f"{value:>9}" for value in _row(result))
        last = result.job
    yield from ("", _LEGEND)
    for result in totals(results):
        yield from _told(result, [one for one in results if one.generation == result.generation])


def _row(result: Result) -> list[str]:
    tally = result.tally
    counts = [tally.growths, tally.extended, tally.new, tally.shrinks, tally.refused, tally.bss]
    shares = ["-" if share is None else f"{share:.1f}" for share in (tally.share, tally.share_with_bss)]
    return [*map(str, counts), *shares, *map(str, (tally.stores, tally.vmas, tally.nodes, len(result.differs)))]


def _told(total: Result, results: list[Result]) -> Iterator[str]:
    """How many calls differ in a generation, the causes, and the first of each."""
    compared = total.tally.calls - total.tally.bss
    yield f"{total.generation}: {compared} calls compared with the recorded kernel, {len(total.differs)} differ"
    causes = Counter(each.cause or "unexplained" for each in total.differs)
    for cause, count in causes.most_common():
        found = ((one.job, each) for one in results for each in one.differs if (each.cause or "unexplained") == cause)
        job, first = next(found)
        yield f"  {count}: {cause}; the first is {job}, {first}"


def as_json(results: list[Result]) -> Iterator[str]:
    """One object a line, for each job and generation, then for all jobs together."""
    for result in [*results, *totals(results)]:
        tally = result.tally
        yield json.dumps(
            {
                "job": result.job,
                "generation": result.generation,
                **tally._asdict(),
                "share": tally.share,
                "share_with_bss": tally.share_with_bss,
                "differ": len(result.differs),
                "unexplained": len(result.unexplained),
                "causes": Counter(each.cause or "unexplained" for each in result.differs),
            }
        )
