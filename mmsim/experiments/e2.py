"""E2: the patch has its own copy of the rules for merging: which are in it, and who follows a new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmsim.mm import VM, AnonVma, File, Ops, UffdContext, Vma
from mmsim.mm.merge import painted
from mmsim.mm.units import PAGE
from mmsim.mm.vma import FILE_OPS

from .build import HEAP, HEAP_FLAGS, started
from .table import Experiment, Results, named, where

__all__ = ["CRITERIA", "EXPERIMENT"]

PAGES = 4
_NEW = "a criterion added to the shared test"


def _file(vma: Vma) -> None:
    vma.file, vma.ops = File("data"), FILE_OPS
    vma.file.i_mmap[vma] = vma.key


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
    for anon in vma.chain:
        anon.tree[vma] = vma.key


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
"""What is made different about the VMA below the growth; a page missing between the two is one more."""


def _below(generation: str, pages: int, spoil: Callable[[Vma], None]) -> tuple[Any, Vma]:
    process = started(generation)
    vma = process.place(HEAP, HEAP + pages * PAGE, HEAP_FLAGS, None, HEAP // PAGE)
    process.mm.brk = HEAP + PAGES * PAGE
    spoil(vma)
    return process, vma


def _grown(process: Any, vma: Vma) -> str:
    top = HEAP + 2 * PAGES * PAGE
    if process.brk(top) != top:
        return "refused"
    return "extended" if vma.end == top else "new VMA"


def measure(generation: str) -> dict[str, Any]:
    """Grow the heap above a VMA that fails one criterion."""
    found = {name: _grown(*_below(generation, PAGES, spoil)) for name, spoil in CRITERIA.items()}
    found["adjacency"] = _grown(*_below(generation, PAGES - 1, _like))
    process, vma = _below(generation, PAGES, _like)
    with painted({vma}):
        found[_NEW] = _grown(process, vma)
    return found


def verdict(results: Results) -> str:
    """Which criteria the patch lacks, and who follows the new one."""
    before, patch = results["before"], results["v4"]
    lacks = [name for name in before if name != _NEW and before[name] != patch[name]]
    deaf = where(results, lambda result: result[_NEW] == "extended")
    return f"v4 does not look at: {', '.join(lacks)}; a new criterion does not reach {named(deaf)}"


EXPERIMENT = Experiment("E2", "C2", "does the copy of the merge rules stay true to them?", measure, verdict)
