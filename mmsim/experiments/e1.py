"""E1: the address-space limit, tested without clearing old mappings first."""

from __future__ import annotations

from typing import Any

from mmsim.mm.units import PAGE

from .build import HEAP, SEGMENT, answer, segment, started
from .table import Experiment, Results, named, where

__all__ = ["EXPERIMENT"]

PAGES = 4


def _load(generation: str, overlap: int, slack: int) -> int:
    """Map PAGES of bss, `overlap` of them over a file segment, with room for `slack` pages more."""
    process = started(generation)
    segment(process, overlap - PAGES, PAGES)
    process.setrlimit("AS", (process.mm.total_vm + slack) * PAGE)
    return process.vm_brk_flags(SEGMENT, PAGES * PAGE)


def _grow(generation: str, slack: int) -> bool:
    process = started(generation)
    segment(process, 0, PAGES)
    process.setrlimit("AS", (process.mm.total_vm + slack) * PAGE)
    return process.brk(HEAP + PAGES * PAGE) == HEAP + PAGES * PAGE


def measure(generation: str) -> dict[str, Any]:
    """Every overlap of 0 to 4 pages with every slack of 0 to 4 pages."""
    sweep = [(overlap, slack) for overlap in range(PAGES + 1) for slack in range(PAGES + 1)]
    refused = [(overlap, slack) for overlap, slack in sweep if _load(generation, overlap, slack)]
    return {
        "vm_brk_flags(): refused, of 25": len(refused),
        "of these, the result would have fitted": sum(PAGES - overlap <= slack for overlap, slack in refused),
        "4 pages exactly over 4, at the limit": answer(_load(generation, PAGES, 0)),
        "brk(): refused, of 5": sum(not _grow(generation, slack) for slack in range(PAGES + 1)),
    }


def verdict(results: Results) -> str:
    """Who refuses without need."""
    needless = where(results, lambda result: result["of these, the result would have fitted"])
    brk = {result["brk(): refused, of 5"] for result in results.values()}
    same = "brk() answers alike in all" if len(brk) == 1 else "brk() differs, too"
    return f"needless -ENOMEM from vm_brk_flags() in {named(needless)}; {same}"


EXPERIMENT = Experiment("E1", "C1", "does the limit count pages that are mapped already?", measure, verdict)
