"""E3: how often a growth extends the heap, what decides it, and what it costs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mmsim.brk import Process
from mmsim.mm import AnonVma
from mmsim.mm.units import PAGE, page_align

from .build import started
from .table import Experiment, Results, named, where
from .workloads import WORKLOADS

__all__ = ["EXPERIMENT"]

_AS_NEEDED = {"today"}
"""Where a reserve is what the store will use: since 6.6. The model reserves the worst case wherever it reserves."""


class _Held(list[AnonVma]):
    """The anon_vma locks a process holds, and how often it took one."""

    taken = 0

    def append(self, anon: AnonVma) -> None:
        self.taken += 1
        super().append(anon)


def _unforked(process: Process) -> bool:
    """Whether the VMA that ends where the growth begins has a chain of its own."""
    mm = process.mm
    top = page_align(mm.brk)
    vma = mm.before(top)
    return vma is not None and vma.start >= mm.start_brk and vma.end == top and len(vma.chain) <= 1


class _Counts(Counter[str]):
    """What growths came to."""

    def grow(self, process: Process, by: int) -> None:
        """Move the break and count, if it is a growth."""
        mm = process.mm
        mm.events.clear()
        mm.held = held = _Held()
        unforked = by > 0 and _unforked(process)
        used = mm.tree.pool.count.used
        process.brk(mm.brk + by)
        if by < 0:
            return
        events = Counter(event[0] if event[0] != "look_up" else f"look_up {event[1]}" for event in mm.events)
        extended = not events["vma_alloc"]
        self["growths"] += 1
        self["extended"] += extended
        self["unforked"] += unforked
        self["next"] += events["look_up next"]
        self["behind"] += events["look_up next of next"]
        self["stores"] += events["maple_store"]
        self["reserved"] += sum(event[1] for event in mm.events if event[0] == "maple_prealloc")
        self["used"] += extended * (mm.tree.pool.count.used - used)
        self["locks"] += held.taken


def measure(generation: str) -> dict[str, Any]:
    """Run each workload; costs are those of all growths together."""
    found: dict[str, Any] = {}
    every = _Counts()
    for name, play in WORKLOADS.items():
        counts = _Counts()
        play(started(generation), counts.grow)
        found[f"{name}: growths"] = counts["growths"]
        found[f"{name}: extended the heap"] = counts["extended"]
        found[f"{name}: heap below was not forked"] = counts["unforked"]
        every.update(counts)
    return {
        **found,
        "first growth after a fork": _after_fork(generation, forked=True),
        "the same without a fork": _after_fork(generation, forked=False),
        "looks at the next VMA": every["next"],
        "looks behind it": every["behind"],
        "stores to the tree": every["stores"],
        "nodes reserved ahead": every["used" if generation in _AS_NEEDED else "reserved"],
        "anon_vma locks taken": every["locks"],
    }


def _after_fork(generation: str, forked: bool) -> str:
    process = started(generation)
    process.brk(process.mm.brk + PAGE)
    process.touch(process.mm.start_brk)
    if forked:
        child = process.fork()
        assert isinstance(child, Process), "nothing is planned to fail"
        process = child
    counts = _Counts()
    counts.grow(process, PAGE)
    return "extended" if counts["extended"] else "new VMA"


def verdict(results: Results) -> str:
    """What decides whether a growth extends."""
    exact = where(
        results,
        lambda result: all(
            result[f"{name}: extended the heap"] == result[f"{name}: heap below was not forked"] for name in WORKLOADS
        ),
    )
    result = results["v4"]
    shares = [
        f"{name} {100 * result[f'{name}: extended the heap'] / result[f'{name}: growths']:.0f} %" for name in WORKLOADS
    ]
    looks = where(results, lambda result: result["looks at the next VMA"])
    behind = where(results, lambda result: result["looks behind it"])
    reserves = where(results, lambda result: result["nodes reserved ahead"])
    return (
        f"v4 extends {', '.join(shares)}: exactly the growths above a heap that was not forked, in {named(exact)}; "
        f"looks at the next VMA: {named(looks)}, behind it: {named(behind)}; reserves nodes: {named(reserves)}"
    )


EXPERIMENT = Experiment("E3", "C3", "is extending frequent enough to be worth a test?", measure, verdict)
