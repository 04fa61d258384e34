"""The invariants I0 to I24: what must be true of an address space after every call.

The checker reports, it does not repair; the code of a generation has no guard of ours, so what it
breaks is seen here. Each report names the VMA, list entry or counter, and by how much it is off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from mmsim.maple import ranges

from .flags import UFFD_ANY, VM
from .space import MM, data_class, exec_class, stack_class
from .units import HUGE
from .vma import Vma

__all__ = ["INVARIANTS", "Broken", "broken"]


class Broken(NamedTuple):
    """One broken invariant: its id and what exactly is wrong."""

    id: str
    what: str

    def __str__(self) -> str:
        return f"{self.id} {self.what}"


Check = Callable[..., Iterator[str]]
INVARIANTS: dict[str, tuple[str, Check | None]] = {}
"""Id -> (meaning in one line, check). A check sees one address space; I8 is the machine's.

Those without a check compare two moments or two processes: mmsim.mm.transition has them.
"""


def _invariant(id: str, meaning: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        INVARIANTS[id] = (meaning, check)
        return check

    return register


def broken(*mms: MM) -> list[Broken]:
    """Every broken invariant of the living address spaces of one machine. Cost: a walk over each.

    The commit charge (I8) is the machine's: give all its address spaces to check it.
    """
    checks = [(id, check) for id, (_, check) in INVARIANTS.items() if check is not None and id != "I8"]
    found = [Broken(id, what) for mm in mms for id, check in checks for what in check(mm)]
    found += [Broken("I8", what) for what in _committed(*mms)]
    return sorted(found, key=lambda each: int(each.id[1:]))


def _name(vma: Vma) -> str:
    return f"vma {vma.serial} {vma.start:#x}-{vma.end:#x}"


def _all_vmas(mm: MM) -> list[Vma]:
    """Every VMA that tree or list know, each once."""
    known = {id(vma): vma for vma in (*mm.vmas(), *(mm.listed() if mm.has_list else ()))}
    return list(known.values())


@_invariant("I0", "the tree is not damaged: its ranges are sorted and apart")
def _tree(mm: MM) -> Iterator[str]:
    if mm.corrupt:
        yield mm.corrupt


@_invariant("I1", "every range in the tree is exactly one VMA's, start to end - 1")
def _ranges(mm: MM) -> Iterator[str]:
    seen: set[int] = set()
    for first, last, vma in ranges(mm.tree):
        if vma is None:
            continue
        if (first, last + 1) != (vma.start, vma.end):
            yield f"the tree holds {first:#x}-{last + 1:#x} for {_name(vma)}"
        if id(vma) in seen:
            yield f"{_name(vma)} has two ranges in the tree"
        seen.add(id(vma))


@_invariant("I2", "list and tree hold the same VMAs in the same order (generations with a list)")
def _list(mm: MM) -> Iterator[str]:
    if not mm.has_list:
        return
    listed, treed = list(mm.listed()), list(mm.vmas())
    if [id(vma) for vma in listed] != [id(vma) for vma in treed]:
        only_list = [_name(vma) for vma in listed if vma not in treed]
        only_tree = [_name(vma) for vma in treed if vma not in listed]
        where = f"only in the list: {only_list}; only in the tree: {only_tree}"
        yield where if only_list or only_tree else "list and tree have another order"
    for vma, following in pairwise(listed):
        if following.prev is not vma:
            yield f"the list entry after {_name(vma)} does not point back to it"


@_invariant("I3", "no two VMAs overlap")
def _overlaps(mm: MM) -> Iterator[str]:
    vmas = sorted(_all_vmas(mm), key=lambda vma: (vma.start, vma.end))
    for vma, following in pairwise(vmas):
        if vma.end > following.start:
            yield f"{_name(vma)} and {_name(following)} overlap by {vma.end - following.start:#x} bytes"


def _counter(name: str, kept: int, real: int) -> Iterator[str]:
    if kept != real:
        yield f"{name} is {kept}, counted {real} ({kept - real:+})"


@_invariant("I4", "map_count is the number of VMAs")
def _map_count(mm: MM) -> Iterator[str]:
    yield from _counter("map_count, by the tree,", mm.map_count, sum(1 for _ in mm.vmas()))
    if mm.has_list:
        yield from _counter("map_count, by the list,", mm.map_count, sum(1 for _ in mm.listed()))


@_invariant("I5", "total_vm is the sum of all VMAs' pages")
def _total(mm: MM) -> Iterator[str]:
    yield from _counter("total_vm", mm.total_vm, sum(vma.pages for vma in mm.vmas()))


@_invariant("I6", "data_vm, stack_vm and exec_vm count the pages of their classes")
def _classes(mm: MM) -> Iterator[str]:
    vmas = list(mm.vmas())
    classed = sum(v.pages for v in vmas if data_class(v.flags) and not exec_class(v.flags))
    yield from _counter("data_vm", mm.data_vm, classed)
    yield from _counter("stack_vm", mm.stack_vm, sum(v.pages for v in vmas if stack_class(v.flags)))
    yield from _counter("exec_vm", mm.exec_vm, sum(v.pages for v in vmas if exec_class(v.flags)))


@_invariant("I7", "locked_vm is the sum of the locked VMAs' pages")
def _locked(mm: MM) -> Iterator[str]:
    yield from _counter("locked_vm", mm.locked_vm, sum(vma.pages for vma in mm.vmas() if vma.flags & VM.LOCKED))


@_invariant("I8", "what the machine promised is what the ACCOUNT VMAs of all its processes cover")
def _committed(*mms: MM) -> Iterator[str]:
    covered = sum(vma.pages for mm in mms for vma in mm.vmas() if vma.flags & VM.ACCOUNT)
    for mm in mms[:1]:
        yield from _counter("committed", mm.machine.committed, covered)


@_invariant("I9", "no lock is held")
def _locks(mm: MM) -> Iterator[str]:
    if mm.lock != "none":
        yield f"the mmap lock is held for {mm.lock}"
    for root in mm.held:
        yield f"{root} is write-locked"
    for file in {vma.file for vma in mm.vmas() if vma.file is not None and vma.file.locked}:
        yield f"the i_mmap of {file} is locked"


@_invariant("I10", "no blocking allocation was made under an anon_vma's write lock")
def _lockdep(mm: MM) -> Iterator[str]:
    yield from dict.fromkeys(mm.violations)


@_invariant("I11", "every link of a chain files the VMA under its bounds")
def _anon_keys(mm: MM) -> Iterator[str]:
    for vma in _all_vmas(mm):
        for anon in vma.chain:
            if anon.tree.get(vma) != vma.key:
                yield f"{anon} has {_name(vma)} as (page, pages) {anon.tree.get(vma)}, it is {vma.key}"


@_invariant("I12", "a file's interval tree files each mapping under its bounds")
def _file_keys(mm: MM) -> Iterator[str]:
    for vma in _all_vmas(mm):
        if vma.file is not None and vma.file.i_mmap.get(vma) != vma.key:
            yield f"{vma.file} has {_name(vma)} as (page, pages) {vma.file.i_mmap.get(vma)}, it is {vma.key}"


@_invariant("I13", "every present page lies in the VMA that the tree finds for it")
def _present(mm: MM) -> Iterator[str]:
    for page in sorted(mm.pages):
        vma = mm.tree.load(page)
        if vma is None or not vma.start <= page < vma.end:
            yield f"page {page:#x} is present outside every VMA"


@_invariant("I14", "highest_vm_end is the end of the last VMA (generations with a list)")
def _highest(mm: MM) -> Iterator[str]:
    if mm.has_list:
        last = max((vma.end for vma in mm.listed()), default=0)
        if mm.highest_vm_end != last:
            yield f"highest_vm_end is {mm.highest_vm_end:#x}, the last VMA ends at {last:#x}"


@_invariant("I15", "every queued unmap event was delivered")
def _queued(mm: MM) -> Iterator[str]:
    for entry in mm.uf:
        yield f"{entry.context} was never told of {entry.start:#x}-{entry.end:#x}"
    contexts = {entry.context for entry in mm.uf} | {vma.uffd for vma in _all_vmas(mm) if vma.uffd is not None}
    for context in contexts:
        if context.mmap_changing:
            yield f"{context} has mmap_changing {context.mmap_changing}: its monitor gets -EAGAIN"


INVARIANTS["I16"] = ("a range that was registered and went was told to its monitor", None)


@_invariant("I17", "a VMA has a userfaultfd context exactly when its flags say so")
def _uffd_flags(mm: MM) -> Iterator[str]:
    for vma in _all_vmas(mm):
        if (vma.uffd is not None) != bool(vma.flags & UFFD_ANY):
            yield f"{_name(vma)}: context {vma.uffd}, flags {vma.flags & UFFD_ANY:#x}"


@_invariant("I18", "nothing points to a freed VMA")
def _freed(mm: MM) -> Iterator[str]:
    for vma in _all_vmas(mm):
        if vma.freed:
            yield f"{_name(vma)} is freed and still in the {'tree' if vma in mm.vmas() else 'list'}"
        for anon in vma.chain:
            for other in anon.tree:
                if other.freed:
                    yield f"{anon} still files the freed {_name(other)}"


@_invariant("I19", "the remembered peak is no lower than any total before")
def _peak(mm: MM) -> Iterator[str]:
    shown = max(mm.hiwater_vm, mm.total_vm)
    if shown < mm.peak_vm:
        yield f"VmPeak is {shown} pages, there were {mm.peak_vm}"


@_invariant("I20", "the break is not below where the heap may start, and a refused call leaves it")
def _break(mm: MM) -> Iterator[str]:
    lowest = mm.end_data if mm.compat_brk and not mm.brk_randomized else mm.start_brk
    if mm.brk < lowest:
        yield f"brk is {mm.brk:#x}, the heap starts at {lowest:#x}"


INVARIANTS["I21"] = ("a call that failed left every page and counter as it was", None)
INVARIANTS["I22"] = ("a brk() that succeeded mapped or unmapped exactly the range between the breaks", None)
INVARIANTS["I23"] = ("all generations answer alike and map the same pages in the same way", None)


@_invariant("I24", "no page table went while it held a page")
def _tables(mm: MM) -> Iterator[str]:
    for page in sorted(mm.lost_pages):
        yield f"page {page:#x} was lost with its page table ({page // HUGE * HUGE:#x})"
