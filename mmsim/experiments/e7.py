"""E7: the patch takes for granted that vm_brk_flags() never meets a mapping."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from mmsim.brk import Process
from mmsim.mm import VM
from mmsim.mm.units import PAGE

from .build import SEGMENT, ids, mapped, segment, started
from .table import Experiment, Results, named, where

__all__ = ["EXPERIMENT", "LAYOUTS"]

_TEXT = VM.READ | VM.EXEC | VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC


def _tail(process: Process) -> None:
    """Four pages of segment, the last two of them wanted for bss."""
    segment(process, -2, 4)


def _interpreter(process: Process) -> None:
    """The interpreter's code lies in the middle of the bss."""
    segment(process, 1, 2, "interpreter", _TEXT)


def _exactly(process: Process) -> None:
    """Another segment lies exactly there."""
    segment(process, 0, 4)


LAYOUTS = {"over a segment's tail": _tail, "over the interpreter": _interpreter, "exactly over a segment": _exactly}


def _overlaps(process: Process) -> int:
    vmas = mapped(process)
    return sum(one.end > two.start for one, two in pairwise(vmas))


def measure(generation: str) -> dict[str, Any]:
    """Map four pages of bss over each layout and let the checker look."""
    found: dict[str, Any] = {}
    for name, load in LAYOUTS.items():
        process = started(generation)
        load(process)
        process.vm_brk_flags(SEGMENT, 4 * PAGE)
        found[f"{name}: broken"] = ids(process.check())
        found[f"{name}: overlapping VMAs"] = _overlaps(process)
        found[f"{name}: pages counted twice"] = process.mm.total_vm - len(_covered(process))
    return found


def _covered(process: Process) -> set[int]:
    """The pages that some VMA maps."""
    return {page for vma in mapped(process) for page in range(vma.start, vma.end, PAGE)}


def verdict(results: Results) -> str:
    """Who breaks what."""
    wrong = where(results, lambda result: any(result[f"{name}: broken"] != "-" for name in LAYOUTS))
    twice = where(results, lambda result: all(result[f"{name}: overlapping VMAs"] for name in LAYOUTS))
    return f"invariants break in {named(wrong)}; each time two VMAs for one page in {named(twice)}"


EXPERIMENT = Experiment("E7", "C7", "what if bss is mapped over something?", measure, verdict)
