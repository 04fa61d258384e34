"""mremap(): a mapping grows, shrinks, or moves with its pages."""

from __future__ import annotations

from .flags import VM
from .move import MREMAP, Lists, at, expand, make_way, move_vma, room
from .munmap import munmap
from .pages import populate
from .remap_today import check_params, remap_today
from .space import MM
from .uffd import unmap_complete
from .units import EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, PAGE, SHIFT, TASK_SIZE, page_align, wrap
from .vma import Vma

__all__ = ["MREMAP", "mremap"]


def mremap(mm: MM, address: int, old: int, new: int, flags: int = 0, target: int = 0) -> int:
    """Resize or move (mremap(), 6.1 and, in the recent generation, 6.18); the address, or a negative error.

    What lay at `target` goes first, and is gone also when the rest fails.
    """
    check, action = (check_params, remap_today) if mm.recent else (_check, _remap)
    error = check(mm, address, old, new, flags, target)
    if error:
        return error
    old, new = page_align(old), page_align(new)
    if mm.write_lock_killable():
        return -EINTR
    lists: Lists = ([], [])
    answer = action(mm, address, old, new, flags, target, lists)
    mm.unlock()
    vma = mm.find_vma(answer) if answer >= 0 else None
    if vma is not None and vma.flags & VM.LOCKED and new > old:
        populate(mm, answer + old, new - old)
    for uf in lists:
        unmap_complete(mm, uf)
    return answer


def _check(mm: MM, address: int, old: int, new: int, flags: int, target: int) -> int:
    """The tests of the arguments alone: 0 or a negative error (mremap(), 6.1)."""
    if flags & ~7 or (flags & MREMAP.FIXED and not flags & MREMAP.MAYMOVE):
        return -EINVAL
    if flags & MREMAP.DONTUNMAP and (not flags & MREMAP.MAYMOVE or old != new):
        return -EINVAL
    return -EINVAL if address % PAGE or not page_align(new) else 0


def _remap(mm: MM, address: int, old: int, new: int, flags: int, target: int, lists: Lists) -> int:
    if at(mm, address) is None:
        return -EFAULT
    if flags & (MREMAP.FIXED | MREMAP.DONTUNMAP):
        return _to(mm, address, old, new, flags, target, lists)
    if old >= new:
        error = munmap(mm, address + new, old - new, lists[1], may_downgrade=True)
        return error if error < 0 and old != new else address
    error, vma = _resizable(mm, address, old, new, flags)
    if error or vma is None:
        return error
    return expand(mm, vma, address, old, new, flags, lists)


def _resizable(mm: MM, address: int, old: int, new: int, flags: int) -> tuple[int, Vma | None]:
    """The VMA, if limits and flags allow the new length (vma_to_resize(), 6.1)."""
    vma = at(mm, address)
    if vma is None:
        return -EFAULT, None
    if not old and not vma.flags & (VM.SHARED | VM.MAYSHARE):
        return -EINVAL, None
    if flags & MREMAP.DONTUNMAP and vma.flags & (VM.DONTEXPAND | VM.PFNMAP):
        return -EINVAL, None
    if old > vma.end - address:
        return -EFAULT, None
    if new == old:
        return 0, vma
    if vma.flags & (VM.DONTEXPAND | VM.PFNMAP):
        return -EFAULT, None
    if not mm.may_lock(vma.flags, wrap(new - old)):
        return -EAGAIN, None
    if not mm.may_expand(vma.flags, wrap(new - old) >> SHIFT):
        return -ENOMEM, None
    return 0, vma


def _to(mm: MM, address: int, old: int, new: int, flags: int, target: int, lists: Lists) -> int:
    """To a place that was asked for (mremap_to(), 6.1)."""
    if target % PAGE or new > TASK_SIZE or target > TASK_SIZE - new:
        return -EINVAL
    if address + old > target and target + new > address:
        return -EINVAL
    if mm.map_count + 2 >= mm.machine.max_map_count - 3:
        return -ENOMEM
    error = make_way(mm, address, old, new, flags, target, lists)
    if error:
        return error
    old = min(old, new)
    error, vma = _resizable(mm, address, old, new, flags)
    if error or vma is None:
        return error
    if flags & MREMAP.DONTUNMAP and not mm.may_expand(vma.flags, old >> SHIFT):
        return -ENOMEM
    place = (mm.fixed_area(target, new) or target) if flags & MREMAP.FIXED else room(mm, new, target)
    return place if place < 0 else move_vma(mm, vma, address, old, new, place, flags, lists[1])
