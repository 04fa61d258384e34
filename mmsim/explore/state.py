"""When two processes are the same: in all that can be seen of them, or in all that can matter later."""

from __future__ import annotations

from typing import Any

from mmsim.mm import MM
from mmsim.mm.vma import AnonVma
from mmsim.trace.syscall_trace import Session

from .pair import heard, mms

__all__ = ["alike", "state_key"]


def alike(one: Session, two: Session) -> bool:
    """Whether the two are the same in all that programs and the checker look at: then so is what they break.

    A side with a list must have it in order. False is no more than a reason to look.
    """
    every = [*mms(one), *mms(two)]
    return heard(one) == heard(two) and _whole(one) == _whole(two) and all(_listed_well(mm) for mm in every)


def _whole(session: Session) -> tuple[Any, ...]:
    uffd = [context.mmap_changing for context in session.contexts]
    return uffd, session.process.machine.committed, [_checked(mm) for mm in mms(session)]


def _checked(mm: MM) -> tuple[Any, ...]:
    """All of a process that the invariants speak of."""
    links: dict[int, int] = {}
    vmas = [
        (
            *(first, last, vma.start, vma.end, vma.flags, vma.pgoff, vma.policy, vma.ops, vma.freed),
            vma.file and (vma.file.name, vma.file.i_mmap.get(vma), vma.file.locked),
            vma.uffd and vma.uffd.name,
            [(links.setdefault(anon.serial, len(links)), anon.tree.get(vma), _dead(anon)) for anon in vma.chain],
        )
        for first, last, vma in mm.tree
    ]
    counters = mm.total_vm, mm.data_vm, mm.stack_vm, mm.exec_vm, mm.locked_vm, mm.map_count, mm.hiwater_vm, mm.peak_vm
    locks = mm.lock, len(mm.held), len(mm.violations), len(mm.uf)
    marks = mm.brk, mm.start_brk, mm.end_data, mm.def_flags, mm.corrupt
    return vmas, counters, locks, marks, mm.pages, mm.huge, mm.lost_pages


def _dead(anon: AnonVma) -> bool:
    return any(vma.freed for vma in anon.tree)


def _listed_well(mm: MM) -> bool:
    """Whether the list is the tree's, and ends where it should (generations with a list)."""
    if not mm.has_list:
        return True
    prev, vma = None, mm.head
    for treed in mm.vmas():
        if treed is not vma or vma.prev is not prev:
            return False
        prev, vma = vma, vma.next
    return vma is None and mm.highest_vm_end == (prev.end if prev is not None else 0)


def state_key(session: Session) -> tuple[Any, ...]:
    """All of a process that can make a difference later; two with the same key need not both be tried."""
    return tuple(_mm_key(mm) for mm in mms(session))


def _mm_key(mm: MM) -> tuple[Any, ...]:
    serials: dict[int, int] = {}
    vmas = [
        (
            *(vma.start, vma.end, vma.flags, vma.pgoff, vma.policy),
            vma.file.name if vma.file is not None else "",
            vma.uffd.name if vma.uffd is not None else "",
            tuple(serials.setdefault(each.serial, len(serials)) for each in vma.chain),
            (vma.ops.close, vma.ops.may_split) if vma.ops is not None else (),
        )
        for vma in mm.vmas()
    ]
    limits = [(limit.soft, limit.hard) for limit in mm.limits.values()]
    return vmas, sorted(mm.pages.items()), mm.brk, mm.start_brk, mm.end_data, mm.def_flags, limits, sorted(mm.huge)
