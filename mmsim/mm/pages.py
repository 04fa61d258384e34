"""Present pages, huge blocks and page tables: small, but enough to see what a wrong unmap leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import anon
from .flags import VM
from .stack import extend
from .units import EFAULT, EINVAL, HUGE, MASK, PAGE, align_down, wrap
from .vma import Vma

if TYPE_CHECKING:
    from .space import MM

__all__ = [
    "adjust_trans_huge",
    "collapse",
    "fault_in",
    "free_tables",
    "guard",
    "install",
    "move",
    "peek",
    "populate",
    "touch",
    "unguard",
    "zap",
]


def touch(mm: MM, address: int) -> int:
    """Write one byte: 0, or -EFAULT for a signal. A present page is used without asking the VMA again.

    As the fault path of 6.1 does, it trusts find_vma() to give a VMA that ends above the address. A stack
    grows down to the page before anyone asks whether it may be written.
    """
    page = align_down(address, PAGE)
    if mm.pages.get(page) == "anon":
        vma = mm.find_vma(page)
        return -EFAULT if vma is not None and vma.start <= page and not vma.flags & VM.WRITE else 0
    vma = extend(mm, page)
    if vma is None or not vma.flags & VM.WRITE or not _may_come(mm, vma, page):
        return -EFAULT
    return install(mm, vma, page)


def peek(mm: MM, address: int) -> int:
    """Read one byte from outside, as a debugger does (process_vm_readv()): 0 or -EFAULT.

    Reading anonymous memory shows the shared zero page: nothing is present. A stack grows by it in 5.16
    (find_extend_vma() in __get_user_pages()), and no longer since 6.5 and its stable backports.
    """
    page = align_down(address, PAGE)
    vma = extend(mm, page) if mm.has_list else mm.find_vma(page)
    if page in mm.pages:
        return -EFAULT if vma is not None and vma.start <= page and not vma.flags & VM.READ else 0
    if vma is None or vma.start > page or not vma.flags & VM.READ or not _may_come(mm, vma, page):
        return -EFAULT
    return 0


def _may_come(mm: MM, vma: Vma, page: int) -> bool:
    """Whether the page can be: no guard marker in its place (SIGSEGV), not behind the end of the file (SIGBUS)."""
    if page in mm.guards:
        return False
    return vma.file is None or vma.pgoff + (page - vma.start) // PAGE < vma.file.pages


def install(mm: MM, vma: Vma, page: int) -> int:
    """Make a page present; private memory gets its anon_vma by that."""
    shared = bool(vma.flags & VM.SHARED)
    if not shared:
        anon.prepare(vma)
    mm.pages[page] = "shared" if shared else "anon"
    mm.tables.add(align_down(page, HUGE))
    return 0


def populate(mm: MM, start: int, length: int, go_on: bool = True) -> bool:
    """Fault in every page that may be (mm_populate(), 6.1): locked memory is resident at once.

    False says that a page could not be; its VMA is given up there, and the next one is tried if we
    are to `go_on` (mlock() is not).
    """
    mm.log("populate", start, length)
    complete, at, end = True, start, start + length
    while at < end:
        vma = mm.find_vma(at)
        if vma is None or vma.start >= end:
            break
        low, at = max(at, vma.start), max(vma.end, at + PAGE)
        if not vma.flags & (VM.LOCKONFAULT | VM.IO | VM.PFNMAP):
            complete = _populate_vma(mm, vma, low, min(vma.end, end)) and complete
            if not complete and not go_on:
                break
    return complete


def _populate_vma(mm: MM, vma: Vma, start: int, end: int) -> bool:
    """The part of one VMA; stops at the first page that cannot be."""
    if not vma.flags & (VM.READ | VM.WRITE | VM.EXEC):
        return start >= end
    return not fault_in(mm, vma, start, end, vma.flags & VM.WRITE)


def fault_in(mm: MM, vma: Vma, start: int, end: int, access: int) -> int:
    """Use every page of a part of one VMA; 0, or -EFAULT at the first guard marker or behind the end of the file.

    Only writing (VM_WRITE) makes something present.
    """
    for page in range(start, end, PAGE):
        if page in mm.pages:
            continue
        if not _may_come(mm, vma, page):
            return -EFAULT
        if access == VM.WRITE:
            install(mm, vma, page)
    return 0


def move(mm: MM, start: int, target: int, length: int) -> None:
    """Move a range's pages (move_page_tables(), 6.1); a huge block stays whole where both ends are aligned."""
    offset = target - start
    for block in [block for block in mm.huge if block < start + length and block + HUGE > start]:
        mm.huge.discard(block)
        if offset % HUGE == 0 and start <= block and block + HUGE <= start + length:
            mm.huge.add(block + offset)
        else:
            mm.log("thp_split", block)
    for page in [page for page in mm.pages if start <= page < start + length]:
        mm.pages[page + offset] = mm.pages.pop(page)
        mm.tables.add(align_down(page + offset, HUGE))
    mm.guards |= {page + offset for page in unguard(mm, start, start + length)}


def guard(mm: MM, vma: Vma, start: int, end: int) -> None:
    """Put guard markers in place of the pages of a range (madvise_guard_install(), 6.18).

    Whoever uses such a page gets a signal. The VMA says for good that it may have some; an anonymous one has its
    anon_vma from then on.
    """
    vma.flags |= VM.MAYBE_GUARD
    if vma.is_anonymous:
        anon.prepare(vma)
    zap(mm, start, end, anonymous=vma.is_anonymous)
    mm.guards.update(range(start, end, PAGE))
    mm.tables.update(range(align_down(start, HUGE), end, HUGE))


def unguard(mm: MM, start: int, end: int) -> set[int]:
    """Take the guard markers of a range away; which there were."""
    if not mm.guards:
        return set()
    gone = {page for page in mm.guards if start <= page < end}
    mm.guards -= gone
    return gone


def zap(mm: MM, start: int, end: int, anonymous: bool = True, markers: bool = True) -> None:
    """Remove every page of [start, end), and the guard markers unless told not to; nothing when start >= end.

    Part of an unsplit huge block goes with the rest of it when the VMA does not look anonymous.
    """
    if start >= end:
        return
    for block in [block for block in mm.huge if block < end and block + HUGE > start]:
        whole = start <= block and block + HUGE <= end
        mm.huge.discard(block)
        if not whole:
            mm.log("thp_split" if anonymous else "thp_lost", block)
        if not whole and not anonymous:
            _drop(mm, block, block + HUGE)
    _drop(mm, start, end)
    if markers:
        unguard(mm, start, end)


def _drop(mm: MM, start: int, end: int) -> None:
    if end - start > PAGE * len(mm.pages):
        gone = [page for page in mm.pages if start <= page < end]
    else:
        gone = [page for page in range(align_down(start + PAGE - 1, PAGE), end, PAGE) if page in mm.pages]
    for page in gone:
        del mm.pages[page]


def free_tables(mm: MM, start: int, end: int, floor: int, ceiling: int) -> None:
    """Free the page tables of [start, end) that nobody else needs (free_pgd_range(), 6.1).

    One table covers 2 MiB. `floor` is the end of the mapping below, `ceiling` the start of the one
    above, 0 for none. A table that goes takes with it whatever pages it still holds.
    """
    low = align_down(start, HUGE)
    if low < floor:
        low += HUGE
        if low > MASK:
            return
    if ceiling:
        ceiling = align_down(ceiling, HUGE)
        if not ceiling:
            return
    last = wrap(end - 1)
    if last > wrap(ceiling - 1):
        last = wrap(last - HUGE)
    if low > last:
        return
    for table in [table for table in mm.tables if low <= table <= last]:
        mm.tables.discard(table)
        held = [page for page in mm.pages if table <= page < table + HUGE]
        mm.lost_pages.update(held)
        for page in held:
            del mm.pages[page]


def adjust_trans_huge(mm: MM, vma: Vma, start: int, end: int, upper: Vma | None = None) -> None:
    """Split the huge blocks that a new start or end of `vma` would cut (vma_adjust_trans_huge(), 6.1).

    Only a block that lies inside the VMA as it is now is looked at; `upper` is the neighbour that gives
    its head away, up to `end`.
    """
    mm.log("thp_adjust", vma.serial, start, end)
    if not mm.huge:
        return
    _split_block(mm, vma, start)
    _split_block(mm, vma, end)
    if upper is not None:
        _split_block(mm, upper, end)


def _split_block(mm: MM, vma: Vma, border: int) -> None:
    """Split the huge block around a border, if the VMA holds all of it (split_huge_pmd_if_needed(), 6.1)."""
    block = align_down(border, HUGE)
    if border != block and vma.start <= block and block + HUGE <= vma.end and block in mm.huge:
        mm.huge.discard(block)
        mm.log("thp_split", block)


def collapse(mm: MM, start: int, end: int) -> int:
    """Make huge blocks of [start, end), as MADV_COLLAPSE does: of every whole one with a page present.

    0, or -EINVAL when there is no whole block, or one that may not be huge (madvise_collapse(), 6.1).
    """
    answer = -EINVAL
    for block in range(align_down(start + HUGE - 1, HUGE), align_down(end, HUGE), HUGE):
        vma = mm.find_vma(block)
        pages = range(block, block + HUGE, PAGE)
        if vma is None or not _may_be_huge(vma, block) or not any(page in mm.pages for page in pages):
            return -EINVAL
        if not mm.guards.isdisjoint(pages):
            return -EINVAL
        mm.pages.update(dict.fromkeys(pages, "anon"))
        mm.huge.add(block)
        mm.log("thp_collapse", block)
        answer = 0
    return answer


def _may_be_huge(vma: Vma, block: int) -> bool:
    inside = vma.start <= block and block + HUGE <= vma.end
    return inside and vma.is_anonymous and not vma.flags & VM.NOHUGEPAGE
