"""E1: the address-space limit, tested without clearing old mappings first."""

from __future__ import annotations

from typing import Any

from .build import answer
from .limits import brk_trial, loader_trial, sweep
from .table import Experiment, Results, named, where

__all__ = ["EXPERIMENT"]

PAGES = 4


def measure(generation: str) -> dict[str, Any]:
    """Every overlap of 0 to 4 pages with every slack of 0 to 4 pages."""
    slacks, trials = range(PAGES + 1), sweep(loader_trial, generation, PAGES)
    return {
        "vm_brk_flags(): refused, of 25": sum(trial.refused for trial in trials),
        "of these, the result would have fitted": sum(trial.needless for trial in trials),
        "4 pages exactly over 4, at the limit": answer(loader_trial(generation, PAGES).answer),
        "brk(): refused, of 5": sum(brk_trial(generation, PAGES, slack=slack).refused for slack in slacks),
    }


def verdict(results: Results) -> str:
    """Who refuses without need."""
    needless = where(results, lambda result: result["of these, the result would have fitted"])
    brk = {result["brk(): refused, of 5"] for result in results.values()}
    same = "brk() answers alike in all" if len(brk) == 1 else "brk() differs, too"
    return f"needless -ENOMEM from vm_brk_flags() in {named(needless)}; {same}"


EXPERIMENT = Experiment("E1", "C1", "does the limit count pages that are mapped already?", measure, verdict)
