"""Removing mappings: the way of 5.16, which also works on a list, and the way of 6.1, which prepares first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import anon
from .adjust import split_unchecked
from .flags import VM
from .pages import free_tables, zap
from .uffd import Unmapped, unmap_prep
from .units import EINVAL, ENOMEM, PAGE, TASK_SIZE, page_align
from .vma import Vma

if TYPE_CHECKING:
    from .space import MM

__all__ = [
    "align_munmap",
    "bad_range",
    "do_munmap",
    "gather_munmap",
    "munmap",
    "munmap_today",
    "remove_vma",
    "unmap_region",
]


def bad_range(start: int, length: int) -> bool:
    """Unaligned, empty, or outside what a process may have."""
    return bool(start % PAGE) or start > TASK_SIZE or length > TASK_SIZE - start or page_align(length) == 0


def munmap(mm: MM, start: int, length: int, uf: list[Unmapped], may_downgrade: bool) -> int:
    """The generation's own munmap: 1 when the lock was downgraded, 0, or a negative error."""
    if mm.has_list:
        return do_munmap(mm, start, length, uf, may_downgrade)
    if bad_range(start, length):
        return -EINVAL
    end = start + page_align(length)
    mm.log("arch_unmap", start, end)
    vma = mm.find_in(start, end)
    return align_munmap(mm, vma, start, end, uf, may_downgrade) if vma is not None else 0


def do_munmap(mm: MM, start: int, length: int, uf: list[Unmapped], may_downgrade: bool) -> int:
    """Unmap [start, start + length) (__do_munmap(), 5.16).

    1 when the lock was downgraded, 0, or a negative error. A split made before the error
    stays, and so do events queued.
    """
    if bad_range(start, length):
        return -EINVAL
    end = start + page_align(length)
    mm.log("arch_unmap", start, end)
    vma = mm.find_in(start, end)
    if vma is None:
        return 0
    prev = vma.prev
    if start > vma.start:
        if end < vma.end and mm.map_count >= mm.machine.max_map_count:
            return -ENOMEM
        error = split_unchecked(mm, vma, start, new_below=False)
        if error:
            return error
        prev = vma
    last = mm.find_vma(end)
    if last is not None and end > last.start:
        error = split_unchecked(mm, last, end, new_below=True)
        if error:
            return error
    going = _run(prev.next if prev is not None else mm.head, end)
    error = unmap_prep(mm, going, start, end, uf)
    if error:
        return error
    for each in going:
        if each.flags & VM.LOCKED:
            mm.locked_vm -= each.pages
    following = going[-1].next
    _detach(mm, going, start, end)
    downgraded = may_downgrade and _may_downgrade(following)
    if downgraded:
        mm.downgrade()
    unmap_region(mm, start, end, prev.end if prev else 0, following.start if following else 0, going)
    _remove_all(mm, going)
    return 1 if downgraded else 0


def _run(vma: Vma | None, end: int) -> list[Vma]:
    """The list from `vma` on, as far as it starts below `end`."""
    found = []
    while vma is not None and vma.start < end:
        found.append(vma)
        vma = vma.next
    return found


def _detach(mm: MM, going: list[Vma], start: int, end: int) -> None:
    """Take the run out of list and tree (detach_vmas_to_be_unmapped(), 5.16)."""
    for vma in going:
        mm.list_unlink(vma)
    mm.store(start, end, None)
    mm.map_count -= len(going)
    mm.log("vmacache_invalidate")


def _may_downgrade(following: Vma | None) -> bool:
    """A stack above the hole may grow into it under the read lock: then the write lock stays.

    The rule's other half, a mapping below that grows up, has no case: x86-64 has none.
    """
    return following is None or not following.flags & VM.GROWSDOWN


def unmap_region(mm: MM, start: int, end: int, floor: int, ceiling: int, going: list[Vma]) -> None:
    """Remove the pages, then the page tables between the neighbours (unmap_region(), 6.1)."""
    for vma in going:
        zap(mm, max(vma.start, start), min(vma.end, end), anonymous=vma.is_anonymous)
    free_tables(mm, start, end, floor, ceiling)


def remove_vma(mm: MM, vma: Vma) -> None:
    """Unhook and free a VMA that is out of tree and list (remove_vma(), 6.1)."""
    if vma.ops is not None and vma.ops.close:
        mm.log("close", vma.serial)
    if vma.file is not None:
        mm.log("uprobe_munmap", vma.serial, vma.start, vma.end)
        vma.file.i_mmap.pop(vma, None)
    anon.unlink(vma)
    mm.free_vma(vma)


def _remove_all(mm: MM, going: list[Vma]) -> None:
    """Count back and free (remove_vma_list(), 5.16)."""
    accounted = 0
    mm.update_hiwater()
    for vma in going:
        if vma.flags & VM.ACCOUNT:
            accounted += vma.pages
        mm.stat_account(vma.flags, -vma.pages)
        remove_vma(mm, vma)
    mm.machine.uncharge(accounted)


def _gather(mm: MM, vma: Vma, start: int, end: int, going: list[Vma], uf: list[Unmapped] | None = None) -> int:
    """Split at both ends and fill `going` with the VMAs between (do_mas_align_munmap(), 6.1; 0 or a negative error).

    With `uf`, events are queued VMA by VMA (vms_gather_munmap_vmas(), 6.12); 6.1 queues them for all afterwards.
    """
    if start > vma.start:
        if end < vma.end and mm.map_count >= mm.machine.max_map_count:
            return -ENOMEM
        error = split_unchecked(mm, vma, start, new_below=False)
        if error:
            return error
    each = mm.find_in(start, end)
    while each is not None:
        if each.end > end:
            low = each.start
            error = split_unchecked(mm, each, end, new_below=True)
            if error:
                return error
            each = mm.tree.load(low)
        if not mm.gather():
            return -ENOMEM
        going.append(each)
        error = unmap_prep(mm, [each], start, end, uf) if uf is not None else 0
        if error:
            return error
        each = mm.find_in(each.end, end) if each.end < end else None
    return 0


def align_munmap(mm: MM, vma: Vma, start: int, end: int, uf: list[Unmapped], may_downgrade: bool) -> int:
    """Unmap from `vma` on, everything that can fail first (do_mas_align_munmap(), 6.1).

    1 when the lock was downgraded, 0, or a negative error: then all VMAs are there, some
    split, and events queued stay queued.
    """
    if not mm.preallocate():
        return -ENOMEM
    going: list[Vma] = []
    error = _gather(mm, vma, start, end, going) or unmap_prep(mm, going, start, end, uf)
    if error:
        return error
    prev, following = mm.before(start), mm.find_vma(end)
    mm.store(start, end, None)
    mm.locked_vm -= sum(each.pages for each in going if each.flags & VM.LOCKED)
    mm.map_count -= len(going)
    downgraded = may_downgrade and _may_downgrade(following)
    if downgraded:
        mm.downgrade()
    unmap_region(mm, start, end, prev.end if prev else 0, following.start if following else 0, going)
    _remove_all(mm, going)
    return 1 if downgraded else 0


def munmap_today(mm: MM, start: int, length: int, uf: list[Unmapped]) -> int:
    """Unmap [start, start + length); 0 or a negative error (do_vmi_munmap(), 6.12)."""
    if bad_range(start, length):
        return -EINVAL
    end = start + page_align(length)
    vma = mm.find_in(start, end)
    return gather_munmap(mm, vma, start, end, uf, unlock=False) if vma is not None else 0


def gather_munmap(mm: MM, vma: Vma, start: int, end: int, uf: list[Unmapped], unlock: bool) -> int:
    """Unmap from `vma` on (do_vmi_align_munmap(), 6.12): gather, clear the tree, then complete.

    0 or a negative error: then all VMAs are there, some split, and events queued stay queued. With
    `unlock` the lock is downgraded for the teardown, always (a stack that grows needs the write lock today), and
    dropped after it.
    """
    going: list[Vma] = []
    error = _gather(mm, vma, start, end, going, uf)
    if error:
        return error
    prev, following = mm.before(start), mm.find_vma(end)
    if not mm.store_gfp(start, end, None):
        return -ENOMEM
    mm.map_count -= len(going)
    mm.locked_vm -= sum(each.pages for each in going if each.flags & VM.LOCKED)
    if unlock:
        mm.downgrade()
    unmap_region(mm, start, end, prev.end if prev else 0, following.start if following else 0, going)
    _remove_all(mm, going)
    if unlock:
        mm.unlock()
    return 0
