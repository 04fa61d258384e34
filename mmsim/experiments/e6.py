"""E6: the patch drops the userfaultfd events from vm_brk_flags()."""

from __future__ import annotations

from typing import Any

from mmsim.mm import UffdContext
from mmsim.mm.calls import MAP, PROT
from mmsim.mm.units import PAGE

from .build import SEGMENT, ids, mapped, started
from .table import Experiment, Results, named, where

__all__ = ["EXPERIMENT"]

PAGES = 4


def measure(generation: str) -> dict[str, Any]:
    """Map bss over a range whose monitor wants to hear of unmaps."""
    process, monitor = started(generation), UffdContext("monitor", event_unmap=True)
    process.mmap(SEGMENT, PAGES * PAGE, PROT.READ | PROT.WRITE, MAP.FIXED | MAP.PRIVATE | MAP.ANONYMOUS)
    process.uffd_register(SEGMENT, PAGES * PAGE, monitor)
    process.vm_brk_flags(SEGMENT, PAGES * PAGE)
    registered = [vma for vma in mapped(process) if vma.uffd is monitor]
    return {
        "events delivered": len(monitor.events),
        "mmap_changing afterwards": monitor.mmap_changing,
        "registered VMAs left over": len(registered),
        "broken invariants": ids(process.check()),
    }


def verdict(results: Results) -> str:
    """Who forgets to tell."""
    silent = where(results, lambda result: not result["events delivered"])
    left = where(results, lambda result: result["registered VMAs left over"])
    return f"no event in {named(silent)}; the old VMA stays in the list in {named(left)}"


EXPERIMENT = Experiment("E6", "C6", "does a monitor still hear that its range went?", measure, verdict)
