"""mprotect()."""

from __future__ import annotations

from mmsim.errno import EACCES

from .flags import VM
from .pages import populate
from .space import MM
from .units import EINVAL, ENOMEM, PAGE, SHIFT, page_align, wrap
from .vma import Vma
from .walk import locked, over, set_flags

__all__ = ["mprotect"]

_ACCESS = VM.READ | VM.WRITE | VM.EXEC


def mprotect(mm: MM, address: int, length: int, prot: int) -> int:
    """Change protections (do_mprotect_pkey(), 6.1); 0 or a negative error, pieces before it stay changed."""
    if address % PAGE:
        return -EINVAL
    if not length:
        return 0
    length = page_align(length)
    if wrap(address + length) <= address:
        return -ENOMEM
    if prot & ~_ACCESS:
        return -EINVAL

    def change(vma: Vma, prev: Vma | None, start: int, end: int) -> tuple[int, Vma]:
        new = vma.flags & ~_ACCESS | prot
        if new & ~(new >> 4) & _ACCESS:
            return -EACCES, vma
        return _protect(mm, vma, prev, start, end, new)

    return locked(mm, lambda: over(mm, address, address + length, change))


def _protect(mm: MM, vma: Vma, prev: Vma | None, start: int, end: int, new: int) -> tuple[int, Vma]:
    """One piece (mprotect_fixup(), 6.18): memory that becomes writable is promised, and counted as data.

    The promise is taken back when memory that was never touched becomes unwritable; 5.16 and 6.1 keep it.
    """
    old, pages = vma.flags, (end - start) >> SHIFT
    if new == old:
        return 0, vma
    charged = 0
    if new & VM.WRITE:
        if not mm.may_expand(new, pages) and mm.may_expand(old, pages):
            return -ENOMEM, vma
        if not old & (VM.ACCOUNT | VM.WRITE | VM.SHARED | VM.NORESERVE):
            charged = pages
            if mm.machine.charge(mm, charged):
                return -ENOMEM, vma
            new |= VM.ACCOUNT
    elif old & VM.ACCOUNT and vma.is_anonymous and vma.anon_vma is None:
        new &= ~VM.ACCOUNT
    error, vma = set_flags(mm, vma, prev, start, end, new)
    if error:
        mm.machine.uncharge(charged)
        return error, vma
    if old & VM.ACCOUNT and not new & VM.ACCOUNT:
        mm.machine.uncharge(pages)
    if old & (VM.WRITE | VM.SHARED | VM.LOCKED) == VM.LOCKED and new & VM.WRITE:
        populate(mm, start, end - start)
    mm.stat_account(old, -pages)
    mm.stat_account(new, pages)
    mm.log("perf_event_mmap", vma.start, vma.end)
    return 0, vma
