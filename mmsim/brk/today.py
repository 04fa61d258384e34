"""brk() today: Linux 6.12 and later (mm/mmap.c and mm/vma.c)."""

from __future__ import annotations

from mmsim.mm import anon
from mmsim.mm.flags import DATA_DEFAULT, SPECIAL, VM
from mmsim.mm.merge import Want, can_merge_after
from mmsim.mm.munmap import gather_munmap, munmap_today
from mmsim.mm.pages import adjust_trans_huge, populate
from mmsim.mm.space import MM, start_gap
from mmsim.mm.uffd import Unmapped, unmap_complete
from mmsim.mm.units import EAGAIN, EINTR, ENOMEM, PAGE, SHIFT, page_align, wrap
from mmsim.mm.vma import Vma

from .common import accept, below_minimum, last_above, make_heap, over_data_limit, refuse

__all__ = ["HAS_LIST", "brk", "do_brk_flags", "vm_brk_flags"]

HAS_LIST = False


def brk(mm: MM, want: int) -> int:
    """Move the break to `want`; answers with the break, the old one when refused (brk(), 6.12)."""
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

    # Shrinking, if there is anything left to unmap.
    if want <= mm.brk:
        vma = mm.find_in(new_top, old_top)
        if vma is None:
            return refuse(mm, saved)
        mm.brk = want
        if gather_munmap(mm, vma, new_top, old_top, uf, unlock=True):
            mm.brk = saved
            return refuse(mm, saved)
        return accept(mm, want, old_top, new_top, uf)

    # Growing: one page and the stack gap stay free below what comes next.
    if check_brk_limits(mm, old_top, wrap(new_top - old_top)):
        return refuse(mm, saved)
    following = mm.find_vma(old_top)
    if following is not None and wrap(new_top + PAGE) > start_gap(following):
        return refuse(mm, saved)
    vma = last_above(mm, old_top, mm.start_brk)
    if do_brk_flags(mm, vma, old_top, wrap(new_top - old_top), 0) < 0:
        return refuse(mm, saved)
    mm.brk = want
    return accept(mm, want, old_top, new_top, uf)


def check_brk_limits(mm: MM, address: int, length: int) -> int:
    """Whether a process may have the range and lock it: 0 or a negative error (check_brk_limits(), 6.12)."""
    error = mm.fixed_area(address, length)
    if error:
        return error
    return 0 if mm.may_lock(mm.def_flags, length) else -EAGAIN


def do_brk_flags(mm: MM, vma: Vma | None, address: int, length: int, flags: int) -> int:
    """Map anonymous memory over a free range, by extending `vma` if it fits (do_brk_flags(), 6.12)."""
    flags |= DATA_DEFAULT | VM.ACCOUNT | mm.def_flags
    pages = length >> SHIFT
    if not mm.may_expand(flags, pages):
        return -ENOMEM
    if mm.map_count > mm.machine.max_map_count:
        return -ENOMEM
    if mm.machine.charge(mm, pages):
        return -ENOMEM

    # Can the VMA below be expanded?
    if vma is not None and vma.end == address and expandable(vma, Want(flags, address >> SHIFT)):
        if not mm.preallocate():
            mm.machine.uncharge(pages)
            return -ENOMEM
        expand(mm, vma, address + length)
        return _account(mm, vma, pages, flags)
    vma = mm.alloc_vma()
    if vma is None:
        mm.machine.uncharge(pages)
        return -ENOMEM
    make_heap(vma, address, length, flags)
    if not mm.store_gfp(address, address + length, vma):
        mm.free_vma(vma)
        mm.machine.uncharge(pages)
        return -ENOMEM
    mm.map_count += 1
    return _account(mm, vma, pages, flags)


def expandable(vma: Vma, want: Want) -> bool:
    """Whether the shared merge code allows it (vma_merge_new_range() with just_expand, 6.12).

    A close hook matters only for a VMA that would go, so it no longer forbids growing one.
    """
    return not want.flags & SPECIAL and vma.policy == want.policy and can_merge_after(vma, want, close_matters=False)


def expand(mm: MM, vma: Vma, end: int) -> None:
    """Move the end of `vma` up to `end`; cannot fail (commit_merge(), 6.12)."""
    if vma.anon_vma is not None:
        anon.lock(mm, vma.anon_vma)
        anon.take_out(vma)
    adjust_trans_huge(mm, vma, vma.start, end)
    vma.end = end
    mm.store(vma.start, end, vma)
    if vma.anon_vma is not None:
        anon.put_back(vma)
        anon.unlock(mm, vma.anon_vma)
    mm.log("khugepaged_enter", vma.serial)


def _account(mm: MM, vma: Vma, pages: int, flags: int) -> int:
    """The common end of both ways (label out of do_brk_flags(), 6.12)."""
    mm.log("perf_event_mmap", vma.start, vma.end)
    mm.total_vm += pages
    mm.data_vm += pages
    if flags & VM.LOCKED:
        mm.locked_vm += pages
    vma.flags |= VM.SOFTDIRTY
    return 0


def vm_brk_flags(mm: MM, address: int, request: int, flags: int) -> int:
    """The same for the ELF loader, which maps bss with it; 0 or a negative error (vm_brk_flags(), 6.12).

    Of `flags` only EXEC is left, as a yes or no.
    """
    length = page_align(request)
    if length < request:
        return -ENOMEM
    if not length:
        return 0
    if mm.write_lock_killable():
        return -EINTR
    uf: list[Unmapped] = []
    error = check_brk_limits(mm, address, length) or munmap_today(mm, address, length, uf)
    if error:
        return refuse(mm, error)
    error = do_brk_flags(mm, last_above(mm, address, 0), address, length, flags & VM.EXEC)
    locked = mm.def_flags & VM.LOCKED
    mm.unlock()
    unmap_complete(mm, uf)
    if locked and not error:
        populate(mm, address, length)
    return error
