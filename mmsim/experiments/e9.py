"""E9: which of the eight cases of merging a call of do_brk_flags() would be."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mmsim.brk import Process
from mmsim.mm import MM, Vma
from mmsim.mm.merge import Want, can_merge_after, can_merge_before
from mmsim.mm.units import SHIFT

from .build import HEAP_FLAGS, started
from .corpus import born, scripts
from .table import Experiment, Results, named, where
from .watch import Entry, watched
from .workloads import WORKLOADS

__all__ = ["EXPERIMENT", "case"]


def case(mm: MM, start: int, end: int, want: Want) -> int:
    """The case of vma_merge() that fits a request (its comment in mm/mmap.c of 5.16), 0 for none. Changes nothing."""
    prev = mm.before(start)
    area = mm.find_vma(prev.end if prev is not None else 0)
    following = mm.find_vma(area.end) if area is not None and area.end == end else area
    left = prev is not None and prev.end == start and prev.policy == want.policy and can_merge_after(prev, want)
    right = _takes(following, end, want, (end - start) >> SHIFT)
    if left and right and following is not None and prev is not None:
        right = prev.anon_vma is None or following.anon_vma is None or prev.anon_vma is following.anon_vma
    inside = area is not None and area.start < end
    if left and right:
        return 6 if inside else 1
    if left:
        return 2 if not inside or area is None else 7 if area.end == end else 5
    if right:
        return 4 if prev is not None and start < prev.end else 8 if inside else 3
    return 0


def _takes(following: Vma | None, end: int, want: Want, pages: int) -> bool:
    fits = following is not None and following.start == end and following.policy == want.policy
    return following is not None and fits and can_merge_before(following, want, pages)


class _Cases(Counter[tuple[str, int]]):
    """How often each caller met each case."""

    caller = "brk"
    now = 0

    def enter(self, entry: Entry) -> None:
        """Note the case, before anything is changed."""
        want = Want(HEAP_FLAGS | entry.mm.def_flags, entry.address >> SHIFT)
        self.now = case(entry.mm, entry.address, entry.address + entry.length, want)

    def leave(self, entry: Entry, ret: int) -> None:
        """Count it, if the call was not refused."""
        self[self.caller, self.now] += not ret

    def told(self, caller: str) -> dict[str, Any]:
        """The cases of a caller; those but 1 to 3 together."""
        found = {number: self[caller, number] for number in range(9)}
        other = sum(found[number] for number in range(4, 9))
        return {"case 2": found[2], "case 1": found[1], "case 3": found[3], "cases 4 to 8": other, "none": found[0]}


def measure(generation: str) -> dict[str, Any]:
    """The workloads of E3, and the random scripts of E8 until they are damaged."""
    traces, layouts = _Cases(), _Cases()
    for play in WORKLOADS.values():
        process = started(generation)
        with watched(process, traces.enter, traces.leave):
            play(process, lambda process, by: process.brk(process.mm.brk + by))
    for number, ops in scripts():
        process = born(generation, number)
        _play(process, ops, layouts)
    found: dict[str, Any] = {}
    for name, counts, callers in (("traces", traces, ["brk"]), ("random", layouts, ["brk", "vm_brk_flags"])):
        for caller in callers:
            found |= {f"{name}, {caller}(): {which}": count for which, count in counts.told(caller).items()}
    return found


def _play(process: Process, ops: list[Any], counts: _Cases) -> None:
    with watched(process, counts.enter, counts.leave):
        for name, do in ops:
            counts.caller = name
            do(process)
            if any(each.id in ("I0", "I1", "I2", "I3") for each in process.check()):
                return


def verdict(results: Results) -> str:
    """Whether case 2 is all there is."""
    beyond = ("case 1", "case 3", "cases 4 to 8")
    names = [f"{name}, brk(): {which}" for name in ("traces", "random") for which in beyond]
    brk = where(results, lambda result: any(result[name] for name in names))
    loader = where(results, lambda result: any(result[f"random, vm_brk_flags(): {c}"] for c in beyond[:2]))
    more = where(results, lambda result: result["random, vm_brk_flags(): cases 4 to 8"])
    return (
        f"beyond case 2 brk() meets any in {named(brk)}; vm_brk_flags() meets 1 or 3 in {named(loader)}, "
        f"what is left mapped (4 to 8) in {named(more)}"
    )


EXPERIMENT = Experiment("E9", "C9", "which of the eight cases of merging can occur?", measure, verdict)
