"""E8: the assertions the reviewer asked for, and the two checks the series has for debugging, on random scripts.

Asked for: the range is free when do_brk_flags() begins, and a VMA that is extended ends where the growth begins. The
series: a new VMA overwrites no other, unless the two share a border; exactly one VMA lies where one is cut off.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from mmsim.maple import ranges
from mmsim.mm import MM, Vma

from .corpus import SCRIPTS, Op, born, scripts
from .table import Experiment, Results, named, where
from .watch import Entry, watched

__all__ = ["DAMAGE", "EXPERIMENT"]

DAMAGE = {"I0", "I1", "I2", "I3"}
"""The invariants of which one is broken once a VMA is damaged."""
FREE, ENDS = "range not free", "VMA ends elsewhere"


class _Script:
    """One script in one generation, up to the first damage to its VMAs."""

    def __init__(self, generation: str, number: int) -> None:
        self.process = born(generation, number)
        self.caller = ""
        self.hits: Counter[tuple[str, str]] = Counter()
        self.own = 0
        if generation == "v4":
            self._check_stores(self.process.mm)

    def run(self, ops: list[Op]) -> tuple[bool, bool, bool]:
        """Whether it was damaged, whether the assertions saw that op, whether the series' checks did."""
        with watched(self.process, self._enter, self._leave):
            for self.caller, do in ops:
                hits, own = self.hits.total(), self.own
                do(self.process)
                if any(each.id in DAMAGE for each in self.process.check()):
                    return True, self.hits.total() > hits, self.own > own
        return False, False, False

    def _enter(self, entry: Entry) -> None:
        self.hits[FREE, self.caller] += not entry.free

    def _leave(self, entry: Entry, ret: int) -> None:
        self.hits[ENDS, self.caller] += entry.extended(ret) and entry.end != entry.address

    def _check_stores(self, mm: MM) -> None:
        """The series' checks, in front of the stores of brk(); an extension is stored without one."""
        store = mm.store_gfp

        def store_gfp(start: int, end: int, vma: Vma | None) -> bool:
            inside = _between(mm, start, end)
            if vma is None:
                self.own += len(inside) != 1
            elif vma not in mm.vmas():
                self.own += any(other.start != start and other.end != end for other in inside)
            return store(start, end, vma)

        mm.store_gfp = store_gfp  # type: ignore[method-assign]


def _between(mm: MM, start: int, end: int) -> list[Vma]:
    """The VMAs the tree has in [start, end), whatever they say themselves; none where start is not below end."""
    return [vma for first, last, vma in ranges(mm.tree) if vma is not None and max(first, start) < min(last + 1, end)]


_CALLERS = ("brk", "vm_brk_flags")


def measure(generation: str) -> dict[str, Any]:
    """All scripts, and who noticed what."""
    hits: Counter[tuple[str, str]] = Counter()
    damaged: Counter[tuple[str, str]] = Counter()
    for number, ops in scripts():
        script = _Script(generation, number)
        broke, asked, own = script.run(ops)
        hits += script.hits
        if broke:
            seen = {"runs": True, "asked": asked, "own": own, "neither": not asked and not own}
            damaged.update((script.caller, who) for who, did in seen.items() if did)
    found: dict[str, Any] = {"random scripts": SCRIPTS}
    found |= {f"{what}, in {caller}()": hits[what, caller] for what in (FREE, ENDS) for caller in _CALLERS}
    for caller in _CALLERS:
        own = damaged[caller, "own"] if generation == "v4" else "-"
        found |= {
            f"VMAs damaged in {caller}()": damaged[caller, "runs"],
            f"  seen by the assertions asked for, {caller}()": damaged[caller, "asked"],
            f"  seen by the checks of the series, {caller}()": own,
            f"  seen by neither, {caller}()": damaged[caller, "neither"],
        }
    return found


def verdict(results: Results) -> str:
    """Who trips, and what the assertions would have been worth."""
    trips = where(results, lambda result: any(value for name, value in result.items() if name.startswith((FREE, ENDS))))
    patch = results["v4"]
    told = [
        f"of {patch[f'VMAs damaged in {caller}()']} runs damaged in {caller}() they see "
        f"{patch[f'  seen by the assertions asked for, {caller}()']}, the checks of the series "
        f"{patch[f'  seen by the checks of the series, {caller}()']}"
        for caller in _CALLERS
    ]
    return f"the assertions trip in {named(trips)}; {'; '.join(told)}"


EXPERIMENT = Experiment("E8", "C8", "what would assertions have caught?", measure, verdict)
