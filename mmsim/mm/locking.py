"""mlock(), munlock(), mlockall() and munlockall(): memory that stays resident."""

from __future__ import annotations

from .flags import SPECIAL, VM
from .pages import populate
from .space import MM
from .units import EINVAL, ENOMEM, EPERM, PAGE, SHIFT, TASK_SIZE, page_align, wrap
from .vma import Vma
from .walk import locked, over, overlapping, set_flags

__all__ = ["MCL", "mlock", "mlockall", "munlock", "munlockall"]

_LOCK_BITS = VM.LOCKED | VM.LOCKONFAULT


class MCL:
    """mlockall()'s flags."""

    CURRENT, FUTURE, ONFAULT = 1, 2, 4


def mlock(mm: MM, address: int, length: int, onfault: bool = False) -> int:
    """Lock pages into memory (do_mlock(), 6.1); 0 or a negative error.

    With `onfault` (mlock2()) pages are locked when they come. A page that cannot come is an error, but
    the memory around it stays locked.
    """
    if not _may_lock_at_all(mm):
        return -EPERM
    length = page_align(length + address % PAGE)
    address -= address % PAGE
    bits = VM.LOCKED | (VM.LOCKONFAULT if onfault else 0)

    def action() -> int:
        if not mm.cap_ipc_lock and _locked_after(mm, address, length) > mm.limits["MEMLOCK"].soft >> SHIFT:
            return -ENOMEM
        return _lock_range(mm, address, length, bits)

    error = locked(mm, action)
    if error or not length:
        return error
    return 0 if populate(mm, address, length, go_on=False) else -ENOMEM


def _may_lock_at_all(mm: MM) -> bool:
    """Any limit but 0 will do here (can_do_mlock(), 6.1)."""
    return mm.cap_ipc_lock or mm.limits["MEMLOCK"].soft != 0


def _locked_after(mm: MM, address: int, length: int) -> int:
    """Locked pages if the range were locked, what is locked in it not counted twice."""
    end = address + length
    inside = (vma for vma in overlapping(mm, address, end) if vma.flags & VM.LOCKED)
    twice = sum(min(vma.end, end) - max(vma.start, address) for vma in inside)
    return mm.locked_vm + ((length - twice) >> SHIFT)


def munlock(mm: MM, address: int, length: int) -> int:
    """Unlock pages (munlock(), 6.1); 0 or a negative error."""
    length = page_align(length + address % PAGE)
    return locked(mm, lambda: _lock_range(mm, address - address % PAGE, length, 0))


def _lock_range(mm: MM, address: int, length: int, bits: int) -> int:
    """Set the lock bits of a range (apply_vma_lock_flags(), 6.1)."""
    end = wrap(address + length)
    if end < address:
        return -EINVAL
    if end == address:
        return 0

    def change(vma: Vma, prev: Vma | None, start: int, stop: int) -> tuple[int, Vma]:
        return _lock_piece(mm, vma, prev, start, stop, vma.flags & ~_LOCK_BITS | bits)

    return over(mm, address, end, change)


def _lock_piece(mm: MM, vma: Vma, prev: Vma | None, start: int, end: int, new: int) -> tuple[int, Vma]:
    """One piece (mlock_fixup(), 6.1); special mappings are left alone and not counted."""
    old, pages = vma.flags, (end - start) >> SHIFT
    if new == old or old & SPECIAL:
        return 0, vma
    error, vma = set_flags(mm, vma, prev, start, end, new)
    if not error:
        if not new & VM.LOCKED:
            mm.locked_vm -= pages
        elif not old & VM.LOCKED:
            mm.locked_vm += pages
    return error, vma


def mlockall(mm: MM, flags: int) -> int:
    """Lock what is mapped, or what will be (mlockall(), 6.1); 0 or a negative error."""
    known = MCL.CURRENT | MCL.FUTURE | MCL.ONFAULT
    if not flags or flags & ~known or flags == MCL.ONFAULT:
        return -EINVAL
    if not _may_lock_at_all(mm):
        return -EPERM
    error = locked(mm, lambda: _apply(mm, flags))
    if not error and flags & MCL.CURRENT:
        populate(mm, 0, TASK_SIZE)
    return error


def _apply(mm: MM, flags: int) -> int:
    """Set what will be, and what is (apply_mlockall_flags(), 6.1)."""
    if flags & MCL.CURRENT and not mm.cap_ipc_lock and mm.total_vm > mm.limits["MEMLOCK"].soft >> SHIFT:
        return -ENOMEM
    bits = VM.LOCKED | (VM.LOCKONFAULT if flags & MCL.ONFAULT else 0)
    mm.def_flags = mm.def_flags & ~_LOCK_BITS | (bits if flags & MCL.FUTURE else 0)
    if flags & MCL.CURRENT:
        _lock_all(mm, bits)
    return 0


def munlockall(mm: MM) -> int:
    """Unlock everything, also what will be mapped (munlockall(), 6.1); 0 or -EINTR."""

    def action() -> int:
        mm.def_flags &= ~_LOCK_BITS
        _lock_all(mm, 0)
        return 0

    return locked(mm, action)


def _lock_all(mm: MM, bits: int) -> None:
    """Every VMA, errors ignored."""
    address = 0
    while (vma := mm.find_vma(address)) is not None:
        end = vma.end
        _, vma = _lock_piece(mm, vma, mm.prev_of(vma), vma.start, end, vma.flags & ~_LOCK_BITS | bits)
        address = max(end, vma.end)
