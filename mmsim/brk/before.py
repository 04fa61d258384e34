"""brk() before the patch: Linux 5.16, on a maple tree with a list beside it (series v4, patches 1 to 20).

Where it comes from: mm/mmap.c of 5.16; the maple tree in place of the red-black tree as in the
series just before patch 21 of 66.
"""

from __future__ import annotations

from mmsim.mm.flags import DATA_DEFAULT, VM
from mmsim.mm.merge import Want, merge
from mmsim.mm.munmap import do_munmap
from mmsim.mm.pages import populate
from mmsim.mm.space import MM, start_gap
from mmsim.mm.uffd import Unmapped, unmap_complete
from mmsim.mm.units import EAGAIN, EINTR, EINVAL, ENOMEM, PAGE, SHIFT, page_align, wrap

from .common import accept, below_minimum, make_heap, over_data_limit, refuse

__all__ = ["HAS_LIST", "brk", "do_brk_flags", "vm_brk_flags"]

HAS_LIST = True


def brk(mm: MM, want: int) -> int:
    """Move the break to `want`; answers with the break, the old one when refused (brk(), 5.16)."""
    if mm.write_lock_killable():
        return -EINTR
    uf: list[Unmapped] = []
    saved = mm.brk
    if below_minimum(mm, want) or over_data_limit(mm, want):
        return refuse(mm, saved)
    new_top, old_top = page_align(want), page_align(mm.brk)
    if new_top == old_top:
        mm.brk = want
        return accept(mm, want, old_top, new_top, uf)

    # Shrinking is always allowed.
    if want <= mm.brk:
        mm.brk = want
        if do_munmap(mm, new_top, wrap(old_top - new_top), uf, may_downgrade=True) < 0:
            mm.brk = saved
            return refuse(mm, saved)
        return accept(mm, want, old_top, new_top, uf)

    # Growing: one page and the stack gap stay free below what comes next.
    following = mm.find_vma(old_top)
    if following is not None and wrap(new_top + PAGE) > start_gap(following):
        return refuse(mm, saved)
    if do_brk_flags(mm, old_top, wrap(new_top - old_top), 0, uf) < 0:
        return refuse(mm, saved)
    mm.brk = want
    return accept(mm, want, old_top, new_top, uf)


def do_brk_flags(mm: MM, address: int, length: int, flags: int, uf: list[Unmapped]) -> int:
    """Map anonymous memory over a range, whatever was there; 0 or a negative error (do_brk_flags(), 5.16)."""
    if flags & ~VM.EXEC:
        return -EINVAL
    flags |= DATA_DEFAULT | VM.ACCOUNT | mm.def_flags
    error = mm.fixed_area(address, length)
    if error:
        return error
    if not mm.may_lock(mm.def_flags, length):
        return -EAGAIN

    # Clear old maps; what they took is free again for the limits below.
    while mm.find_in(address, address + length) is not None:
        if do_munmap(mm, address, length, uf, may_downgrade=False):
            return -ENOMEM
    prev = mm.before(address)

    pages = length >> SHIFT
    if not mm.may_expand(flags, pages):
        return -ENOMEM
    if mm.map_count > mm.machine.max_map_count:
        return -ENOMEM
    if mm.machine.charge(mm, pages):
        return -ENOMEM

    # Can a neighbour just be expanded?
    vma = merge(mm, prev, address, address + length, Want(flags, address >> SHIFT))
    if vma is None:
        vma = mm.alloc_vma()
        if vma is None:
            mm.machine.uncharge(pages)
            return -ENOMEM
        make_heap(vma, address, length, flags)
        mm.link(vma, prev)
    mm.log("perf_event_mmap", vma.start, vma.end)
    mm.total_vm += pages
    mm.data_vm += pages
    if flags & VM.LOCKED:
        mm.locked_vm += pages
    vma.flags |= VM.SOFTDIRTY
    return 0


def vm_brk_flags(mm: MM, address: int, request: int, flags: int) -> int:
    """The same for the ELF loader, which maps bss with it; 0 or a negative error (vm_brk_flags(), 5.16)."""
    length = page_align(request)
    if length < request:
        return -ENOMEM
    if not length:
        return 0
    if mm.write_lock_killable():
        return -EINTR
    uf: list[Unmapped] = []
    error = do_brk_flags(mm, address, length, flags, uf)
    locked = mm.def_flags & VM.LOCKED
    mm.unlock()
    unmap_complete(mm, uf)
    if locked and not error:
        populate(mm, address, length)
    return error
