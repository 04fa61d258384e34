"""E5: vm_brk_flags() of the patch never extends a VMA: what becomes of executables."""

from __future__ import annotations

from typing import Any

from mmsim.brk import Process
from mmsim.mm.units import PAGE

from .build import HEAP_FLAGS, SEGMENT, ids, mapped, segment, started
from .table import Experiment, Results, named, where

__all__ = ["EXPERIMENT"]

PAGES = 4


def _bss(process: Process, page: int) -> None:
    process.vm_brk_flags(SEGMENT + page * PAGE, PAGES * PAGE)


def _ordinary(process: Process) -> None:
    segment(process, 0, PAGES)
    _bss(process, PAGES)


def _side_by_side(process: Process) -> None:
    _bss(process, 0)
    _bss(process, PAGES)


def _between(process: Process) -> None:
    for page in (0, 2 * PAGES):
        start = SEGMENT + page * PAGE
        process.place(start, start + PAGES * PAGE, HEAP_FLAGS, None, start // PAGE)
    _bss(process, PAGES)


LAYOUTS = {
    "data, then bss": _ordinary,
    "two bss side by side": _side_by_side,
    "bss between anonymous areas": _between,
}


def measure(generation: str) -> dict[str, Any]:
    """VMAs after loading, and what the checker says."""
    found: dict[str, Any] = {}
    broken = []
    for name, load in LAYOUTS.items():
        process = started(generation)
        load(process)
        found[name] = len(mapped(process))
        broken += process.check()
    return {**found, "broken invariants": ids(broken)}


def verdict(results: Results) -> str:
    """Who makes more VMAs than before, and whether it harms."""
    first = results["before"]
    more = {
        generation: [name for name in LAYOUTS if result[name] > first[name]] for generation, result in results.items()
    }
    told = "; ".join(f"{generation}: {', '.join(names)}" for generation, names in more.items() if names)
    wrong = where(results, lambda result: result["broken invariants"] != "-")
    return f"more VMAs than before in {told or 'no generation'}; invariants break in {named(wrong)}"


EXPERIMENT = Experiment("E5", "C5", "what is lost when the loader's bss never extends a VMA?", measure, verdict)
