"""brk() in the patch under review: [PATCH v4 21/66], on top of `before`.

What the patch forgets to check or to undo, this forgets, too; the invariant checker tells.
"""

from __future__ import annotations

from mmsim.maple import MapleState
from mmsim.mm import anon
from mmsim.mm.flags import DATA_DEFAULT, VM
from mmsim.mm.munmap import do_munmap, unmap_region
from mmsim.mm.pages import adjust_trans_huge, populate
from mmsim.mm.space import MM, start_gap
from mmsim.mm.uffd import Unmapped, unmap_prep
from mmsim.mm.units import EAGAIN, EINTR, EINVAL, ENOMEM, GUARD_GAP, PAGE, SHIFT, page_align, wrap
from mmsim.mm.vma import Vma

from .common import accept, below_minimum, make_heap, over_data_limit, refuse

__all__ = ["HAS_LIST", "brk", "do_brk_flags", "do_brk_munmap", "vm_brk_flags"]

HAS_LIST = True


def brk(mm: MM, want: int) -> int:
    """Move the break to `want`; answers with the break, the old one when refused (brk(), v4 21/66)."""
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

    # A mapping at the new end means shrinking.
    mas = MapleState(mm.tree, new_top)
    vma = mas.walk()
    if vma is not None:
        if vma.start >= old_top:
            return refuse(mm, saved)
        mm.brk = want
        if do_brk_munmap(mm, vma, new_top, old_top, uf) < 0:
            mm.brk = saved
            return refuse(mm, saved)
        return accept(mm, want, old_top, new_top, uf)

    # Growing: one page and the stack gap stay free below what comes next.
    following = mas.next(wrap(new_top + PAGE + GUARD_GAP))
    if following is not None and wrap(new_top + PAGE) > start_gap(following):
        return refuse(mm, saved)
    # A VMA that ends at or below the lowest break is dropped in the patch, too: prev() never finds one.
    vma = mas.prev(mm.start_brk)
    if vma is not None and vma.start >= old_top:
        return refuse(mm, saved)
    if do_brk_flags(mm, vma, old_top, wrap(new_top - old_top), 0) < 0:
        return refuse(mm, saved)
    mm.brk = want
    return accept(mm, want, old_top, new_top, uf)


def do_brk_munmap(mm: MM, vma: Vma, new_top: int, old_top: int, uf: list[Unmapped]) -> int:
    """Cut the heap back; 1 when the lock was downgraded, 0, or a negative error (do_brk_munmap(), v4 21/66)."""
    mm.log("arch_unmap", new_top, old_top)
    if vma.start >= new_top:
        return do_munmap(mm, new_top, wrap(old_top - new_top), uf, may_downgrade=True)

    # Cut the tail of the VMA without splitting it.
    gone = Vma(mm, 0)
    gone.start, gone.end = new_top, old_top
    error = unmap_prep(mm, [gone], new_top, old_top, uf)
    if error:
        return error
    adjust_trans_huge(mm, vma, vma.start, new_top)
    if vma.anon_vma is not None:
        anon.lock(mm, vma.anon_vma)
        anon.take_out(vma)
    vma.end = new_top
    if not mm.store_gfp(new_top, old_top, None):
        vma.end = old_top
        if vma.anon_vma is not None:
            anon.put_back(vma)
            anon.unlock(mm, vma.anon_vma)
        return -ENOMEM
    mm.log("vmacache_invalidate")
    if vma.anon_vma is not None:
        anon.put_back(vma)
        anon.unlock(mm, vma.anon_vma)
    pages = wrap(old_top - new_top) >> SHIFT
    if gone.flags & VM.LOCKED:
        mm.locked_vm -= pages
    mm.downgrade()
    ceiling = vma.next.start if vma.next is not None else 0
    unmap_region(mm, new_top, old_top, vma.end, ceiling, [gone])
    mm.stat_account(gone.flags, -pages)
    if gone.flags & VM.ACCOUNT:
        mm.machine.uncharge(pages)
    return 1


def do_brk_flags(mm: MM, vma: Vma | None, address: int, length: int, flags: int) -> int:
    """Map anonymous memory over a free range, by extending `vma` if it fits (do_brk_flags(), v4 21/66)."""
    if flags & ~VM.EXEC:
        return -EINVAL
    flags |= DATA_DEFAULT | VM.ACCOUNT | mm.def_flags
    error = mm.fixed_area(address, length)
    if error:
        return error
    if not mm.may_lock(mm.def_flags, length):
        return -EAGAIN

    pages = length >> SHIFT
    if not mm.may_expand(flags, pages):
        return -ENOMEM
    if mm.map_count > mm.machine.max_map_count:
        return -ENOMEM
    if mm.machine.charge(mm, pages):
        return -ENOMEM

    # Can the VMA below be expanded?
    prev = None
    if vma is not None:
        if (vma.anon_vma is None or vma.singular) and vma.flags & ~VM.SOFTDIRTY == flags:
            adjust_trans_huge(mm, vma, address, address + length)
            if vma.anon_vma is not None:
                anon.lock(mm, vma.anon_vma)
                anon.take_out(vma)
            vma.end = address + length
            vma.flags |= VM.SOFTDIRTY
            stored = mm.store_gfp(vma.start, address + length, vma)
            if not stored:
                vma.end = address
            if vma.anon_vma is not None:
                anon.put_back(vma)
                anon.unlock(mm, vma.anon_vma)
            if not stored:
                return -ENOMEM
            mm.log("khugepaged_enter", vma.serial)
            return _account(mm, vma, pages, flags)
        prev = vma
    vma = mm.alloc_vma()
    if vma is None:
        mm.machine.uncharge(pages)
        return -ENOMEM
    make_heap(vma, address, length, flags)
    if not mm.store_gfp(address, address + length, vma):
        mm.free_vma(vma)
        mm.machine.uncharge(pages)
        return -ENOMEM
    mm.list_link(vma, prev if prev is not None else mm.before(address))
    mm.map_count += 1
    return _account(mm, vma, pages, flags)


def _account(mm: MM, vma: Vma, pages: int, flags: int) -> int:
    """The common end of both ways (label out of do_brk_flags(), v4 21/66)."""
    mm.log("perf_event_mmap", vma.start, vma.end)
    mm.total_vm += pages
    mm.data_vm += pages
    if flags & VM.LOCKED:
        mm.locked_vm += pages
    vma.flags |= VM.SOFTDIRTY
    return 0


def vm_brk_flags(mm: MM, address: int, request: int, flags: int) -> int:
    """The same for the ELF loader, which maps bss with it; 0 or a negative error (vm_brk_flags(), v4 21/66)."""
    length = page_align(request)
    if length < request:
        return -ENOMEM
    if not length:
        return 0
    if mm.write_lock_killable():
        return -EINTR
    error = do_brk_flags(mm, None, address, length, flags)
    locked = mm.def_flags & VM.LOCKED
    mm.unlock()
    if locked and not error:
        populate(mm, address, length)
    return error
