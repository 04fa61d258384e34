"""E2: the patch has its own copy of the rules for merging: which are in it, and who follows a new one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from mmsim.brk import Process
from mmsim.mm import VM, AnonVma, File, Ops, UffdContext, Vma
from mmsim.mm.merge import painted
from mmsim.mm.units import PAGE
from mmsim.mm.vma import FILE_OPS

from .build import HEAP, HEAP_FLAGS, started
from .table import Experiment, Results, named, where

__all__ = ["ADJACENCY", "CRITERIA", "EXPERIMENT", "NEW", "TOP", "below", "grow", "outcome"]

PAGES = 4
TOP = HEAP + PAGES * PAGE
"""The break before the growth."""
ADJACENCY = "adjacency"
"""A page missing between the VMA below and the growth."""
NEW = "a criterion added to the shared test"


def _file(vma: Vma) -> None:
    vma.file, vma.ops = File("data"), FILE_OPS


def _close(vma: Vma) -> None:
    vma.ops = Ops("driver", close=True)


def _flags(vma: Vma) -> None:
    vma.flags |= VM.DONTDUMP


def _uffd(vma: Vma) -> None:
    vma.flags |= VM.UFFD_MISSING
    vma.uffd = UffdContext("monitor")


def _pgoff(vma: Vma) -> None:
    vma.pgoff += 1


def _policy(vma: Vma) -> None:
    vma.policy = "interleave"


def _chain(vma: Vma) -> None:
    root = AnonVma(1)
    vma.chain = [root, AnonVma(2, root)]
    vma.anon_vma = vma.chain[1]


def _special(vma: Vma) -> None:
    vma.flags |= VM.PFNMAP


def _like(vma: Vma) -> None:
    """Nothing is in the way."""


CRITERIA: dict[str, Callable[[Vma], None]] = {
    "none": _like,
    "flags": _flags,
    "file": _file,
    "close hook": _close,
    "userfaultfd": _uffd,
    "page offset": _pgoff,
    "memory policy": _policy,
    "inherited chain": _chain,
    "special mapping": _special,
}
"""What is made different about the VMA below the growth; ADJACENCY and NEW are two more."""


def below(generation: str, wrong: Collection[str] = ()) -> tuple[Process, Vma]:
    """A process whose break is TOP, and the VMA below it, which is not as a growth wants it in all that `wrong` names.

    NEW is no property of the VMA: `grow()` sees to it.
    """
    process = started(generation)
    pages = PAGES - 1 if ADJACENCY in wrong else PAGES
    vma = process.place(HEAP, HEAP + pages * PAGE, HEAP_FLAGS)
    # Its page numbers end where those of the growth begin, also across a missing page.
    vma.pgoff = TOP // PAGE - pages
    process.mm.brk = TOP
    for name, spoil in CRITERIA.items():
        if name in wrong:
            spoil(vma)
    if vma.file is not None:
        vma.file.i_mmap[vma] = vma.key
    for anon in vma.chain:
        anon.tree[vma] = vma.key
    return process, vma


def grow(process: Process, vma: Vma, wrong: Collection[str] = ()) -> str:
    """Grow the heap above `vma` by as much again: "extended", "new VMA" or "refused"."""
    top = TOP + PAGES * PAGE
    with painted({vma} if NEW in wrong else ()):
        if process.brk(top) != top:
            return "refused"
    return "extended" if vma.end == top else "new VMA"


def outcome(generation: str, wrong: Collection[str] = ()) -> str:
    """What a growth comes to above a VMA that fails these criteria.

    >>> outcome("v4", {"file"}), outcome("merged", {"file"})
    ('extended', 'new VMA')
    """
    return grow(*below(generation, wrong), wrong)


def measure(generation: str) -> dict[str, Any]:
    """Grow the heap above a VMA that fails one criterion."""
    return {name: outcome(generation, {name}) for name in (*CRITERIA, ADJACENCY, NEW)}


def verdict(results: Results) -> str:
    """Which criteria the patch lacks, and who follows the new one."""
    before, patch = results["before"], results["v4"]
    lacks = [name for name in before if name != NEW and before[name] != patch[name]]
    deaf = where(results, lambda result: result[NEW] == "extended")
    return f"v4 does not look at: {', '.join(lacks)}; a new criterion does not reach {named(deaf)}"


EXPERIMENT = Experiment("E2", "C2", "does the copy of the merge rules stay true to them?", measure, verdict)
