"""mremap() since 6.17: every test comes before anything goes, and a plain move may cover several mappings."""

from __future__ import annotations

from .flags import VM
from .move import MREMAP, Lists, at, expand, make_way, move_vma, room
from .munmap import munmap
from .space import MM
from .units import EAGAIN, EFAULT, EINVAL, ENOMEM, PAGE, SHIFT, TASK_SIZE, page_align, wrap
from .vma import Vma

__all__ = ["check_params", "remap_today"]

_ELSEWHERE = MREMAP.FIXED | MREMAP.DONTUNMAP
"""With any of these the mapping moves."""


def check_params(mm: MM, address: int, old: int, new: int, flags: int, target: int) -> int:
    """The tests before any mapping is looked up: 0 or a negative error (check_mremap_params(), 6.18)."""
    old, new = page_align(old), page_align(new)
    if flags & ~7 or address % PAGE or not 0 < new <= TASK_SIZE:
        return -EINVAL
    if not flags & _ELSEWHERE:
        return 0
    if not flags & MREMAP.MAYMOVE or target > TASK_SIZE - new or target % PAGE:
        return -EINVAL
    if flags & MREMAP.DONTUNMAP and old != new:
        return -EINVAL
    if wrap(address + old) > target and target + new > address:
        return -EINVAL
    return -ENOMEM if mm.map_count + 2 >= mm.machine.max_map_count - 3 else 0


def remap_today(mm: MM, address: int, old: int, new: int, flags: int, target: int, lists: Lists) -> int:
    """Resize or move under the lock (do_mremap(), 6.18); the address, or a negative error."""
    if flags & MREMAP.FIXED and old == new:
        return _move_all(mm, address, old, flags, target, lists)
    vma = at(mm, address)
    error = _check_vma(mm, vma, address, old, new, flags)
    if error or vma is None:
        return error
    if flags & _ELSEWHERE:
        return _to(mm, address, old, new, flags, target, lists)
    if old > new:
        error = munmap(mm, address + new, old - new, lists[1], may_downgrade=True)
        return min(error, 0) or address
    return expand(mm, vma, address, old, new, flags, lists) if new > old else address


def _check_vma(mm: MM, vma: Vma | None, address: int, old: int, new: int, flags: int) -> int:
    """Whether flags and limits allow it (check_prep_vma(), 6.18): 0 or a negative error.

    What a shrink gives up may reach over the end of the VMA; what stays and moves may not.
    """
    if vma is None:
        return -EFAULT
    if new <= old and not flags & _ELSEWHERE:
        return 0
    if not old and not vma.flags & (VM.SHARED | VM.MAYSHARE):
        return -EINVAL
    if flags & MREMAP.DONTUNMAP and vma.flags & (VM.DONTEXPAND | VM.PFNMAP):
        return -EINVAL
    if min(old, new) > vma.end - address:
        return -EFAULT
    if new <= old:
        return 0
    if vma.flags & (VM.DONTEXPAND | VM.PFNMAP):
        return -EFAULT
    if not mm.may_lock(vma.flags, new - old):
        return -EAGAIN
    return 0 if mm.may_expand(vma.flags, (new - old) >> SHIFT) else -ENOMEM


def _to(mm: MM, address: int, old: int, new: int, flags: int, target: int, lists: Lists) -> int:
    """To a place that was asked for, which is emptied first (mremap_to(), 6.18).

    Simpler on purpose: the kernel charges what a shrink gave up once more with the move, and never gives
    that back.
    """
    error = make_way(mm, address, old, new, flags, target, lists)
    if error:
        return error
    old = min(old, new)
    found = at(mm, address)
    if found is None:
        return -EFAULT
    if flags & MREMAP.DONTUNMAP and not mm.may_expand(found.flags, old >> SHIFT):
        return -ENOMEM
    place = (mm.fixed_area(target, new) or target) if flags & MREMAP.FIXED else room(mm, new, target)
    return place if place < 0 else move_vma(mm, found, address, old, new, place, flags, lists[1])


def _move_all(mm: MM, address: int, length: int, flags: int, target: int, lists: Lists) -> int:
    """Move every VMA of a range, the holes between them kept (remap_move(), 6.18).

    The range must begin in a VMA; its end may lie in a hole. What was moved before an error stays there. A VMA
    with a userfaultfd moves alone or not at all.
    """
    end = wrap(address + length)
    answer, place, last = -EFAULT, target, address
    vma = mm.find_in(address, end)
    while vma is not None:
        if vma.start > address and answer < 0:
            return -EFAULT
        start, stop = max(vma.start, address), min(vma.end, end)
        place += max(vma.start - last, 0)
        last = vma.end
        if vma.uffd is not None and (answer >= 0 or vma.end < end):
            return -EFAULT
        error = _check_vma(mm, vma, start, stop - start, stop - start, flags)
        moved = error or _to(mm, start, stop - start, stop - start, flags, place, lists)
        if moved < 0:
            return moved
        answer = moved if answer < 0 else answer
        place = moved + stop - start
        vma = mm.find_in(last, end) if last < end else None
    return answer
