"""madvise()."""

from __future__ import annotations

from collections.abc import Callable

from mmsim.errno import EACCES

from .flags import SPECIAL, VM
from .pages import collapse, fault_in, guard, unguard, zap
from .space import MM
from .units import EAGAIN, EINVAL, ENOMEM, PAGE, page_align, wrap
from .vma import Vma
from .walk import locked, over_holes, set_flags

__all__ = ["MADV", "madvise"]


class MADV:
    """madvise()'s advice; left out is what injects memory errors (HWPOISON, SOFT_OFFLINE)."""

    NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTNEED = 0, 1, 2, 3, 4
    FREE, REMOVE, DONTFORK, DOFORK = 8, 9, 10, 11
    MERGEABLE, UNMERGEABLE, HUGEPAGE, NOHUGEPAGE = 12, 13, 14, 15
    DONTDUMP, DODUMP, WIPEONFORK, KEEPONFORK = 16, 17, 18, 19
    COLD, PAGEOUT, POPULATE_READ, POPULATE_WRITE, DONTNEED_LOCKED, COLLAPSE = 20, 21, 22, 23, 24, 25
    GUARD_INSTALL, GUARD_REMOVE = 102, 103


_FLAGS = {
    MADV.NORMAL: (VM.RAND_READ | VM.SEQ_READ, 0),
    MADV.RANDOM: (VM.SEQ_READ, VM.RAND_READ),
    MADV.SEQUENTIAL: (VM.RAND_READ, VM.SEQ_READ),
    MADV.DONTFORK: (0, VM.DONTCOPY),
    MADV.DOFORK: (VM.DONTCOPY, 0),
    MADV.MERGEABLE: (0, VM.MERGEABLE),
    MADV.UNMERGEABLE: (VM.MERGEABLE, 0),
    MADV.HUGEPAGE: (VM.NOHUGEPAGE, VM.HUGEPAGE),
    MADV.NOHUGEPAGE: (VM.HUGEPAGE, VM.NOHUGEPAGE),
    MADV.DONTDUMP: (0, VM.DONTDUMP),
    MADV.DODUMP: (VM.DONTDUMP, 0),
    MADV.WIPEONFORK: (0, VM.WIPEONFORK),
    MADV.KEEPONFORK: (VM.WIPEONFORK, 0),
}
"""Advice that changes flags: the bits that go, the bits that come."""


def madvise(mm: MM, address: int, length: int, advice: int) -> int:
    """Advise (do_madvise(), 6.1 and 6.18); 0 or a negative error.

    Every generation knows every advice of MADV, also one that came after its kernel.
    """
    pages = page_align(length)
    if (advice not in _FLAGS and advice not in _PAGES and advice not in _POPULATE) or address % PAGE:
        return -EINVAL
    end = wrap(address + pages)
    if (length and not pages) or end < address:
        return -EINVAL

    def change(vma: Vma, prev: Vma | None, start: int, stop: int) -> tuple[int, Vma]:
        if advice in _PAGES:
            return _PAGES[advice](mm, vma, start, stop), vma
        return _set(mm, vma, prev, start, stop, advice)

    def action() -> int:
        if advice in _POPULATE:
            return _populate(mm, address, end, _POPULATE[advice])
        return over_holes(mm, address, end, change)

    return locked(mm, action) if pages else 0


def _drop_locked(mm: MM, vma: Vma, start: int, end: int) -> int:
    """Forget the pages' contents, also of locked memory (madvise_dontneed_free(), 6.1)."""
    if vma.flags & VM.PFNMAP:
        return -EINVAL
    zap(mm, start, end, anonymous=vma.is_anonymous, markers=False)
    return 0


def _drop(mm: MM, vma: Vma, start: int, end: int) -> int:
    """The same, but not of locked memory."""
    return -EINVAL if vma.flags & VM.LOCKED else _drop_locked(mm, vma, start, end)


def _free(mm: MM, vma: Vma, start: int, end: int) -> int:
    """The contents may go when memory is short, which it never is here (madvise_free_single_vma(), 6.1)."""
    return -EINVAL if vma.flags & (VM.LOCKED | VM.PFNMAP) or not vma.is_anonymous else 0


def _remove(mm: MM, vma: Vma, start: int, end: int) -> int:
    """Punch a hole into shared memory (madvise_remove(), 6.1).

    Simpler on purpose: what is present through other mappings of it stays.
    """
    if vma.flags & VM.LOCKED or vma.file is None:
        return -EINVAL
    if not (vma.flags & VM.SHARED and vma.flags & VM.MAYWRITE):
        return -EACCES
    zap(mm, start, end, anonymous=False, markers=False)
    return 0


def _read_ahead(mm: MM, vma: Vma, start: int, end: int) -> int:
    """Nothing is swapped out that could be read ahead (madvise_willneed(), 6.1)."""
    return 0


def _reclaim(mm: MM, vma: Vma, start: int, end: int) -> int:
    """Reclaim soon or now; nothing goes, as there is nowhere to swap to (madvise_cold(), madvise_pageout(), 6.1)."""
    return -EINVAL if vma.flags & (VM.LOCKED | VM.PFNMAP) else 0


def _guard(mm: MM, vma: Vma, start: int, end: int) -> int:
    """Make the range one that nobody may use, without a VMA more (madvise_guard_install(), 6.18)."""
    if vma.flags & (SPECIAL | VM.HUGETLB | VM.LOCKED):
        return -EINVAL
    guard(mm, vma, start, end)
    return 0


def _unguard(mm: MM, vma: Vma, start: int, end: int) -> int:
    """Undo that; a range locked since then too (madvise_guard_remove(), 6.18)."""
    if vma.flags & (SPECIAL | VM.HUGETLB):
        return -EINVAL
    unguard(mm, start, end)
    return 0


_PAGES: dict[int, Callable[[MM, Vma, int, int], int]] = {
    MADV.WILLNEED: _read_ahead,
    MADV.DONTNEED: _drop,
    MADV.FREE: _free,
    MADV.REMOVE: _remove,
    MADV.COLD: _reclaim,
    MADV.PAGEOUT: _reclaim,
    MADV.DONTNEED_LOCKED: _drop_locked,
    MADV.COLLAPSE: lambda mm, vma, start, end: collapse(mm, start, end),
    MADV.GUARD_INSTALL: _guard,
    MADV.GUARD_REMOVE: _unguard,
}
"""Advice on the pages of one VMA: 0 or a negative error."""
_POPULATE = {MADV.POPULATE_READ: VM.READ, MADV.POPULATE_WRITE: VM.WRITE}
"""Advice to fault pages in: the access that must be allowed."""


def _populate(mm: MM, start: int, end: int, access: int) -> int:
    """Fault in for reading or writing, up to the first hole or mapping that forbids it (madvise_populate(), 6.18).

    Up to 6.8 holes were stepped over. A stack does not grow by it.
    """
    while start < end:
        vma = mm.find_vma(start)
        if vma is None or vma.start > start:
            return -ENOMEM
        if not vma.flags & access or vma.flags & (VM.IO | VM.PFNMAP):
            return -EINVAL
        error = fault_in(mm, vma, start, min(vma.end, end), access)
        if error:
            return error
        start = vma.end
    return 0


def _set(mm: MM, vma: Vma, prev: Vma | None, start: int, end: int, advice: int) -> tuple[int, Vma]:
    """One piece (madvise_vma_behavior(), 6.1); memory that ran out is told as -EAGAIN."""
    if _refused(vma, advice):
        return -EINVAL, vma
    shared = VM.SHARED | VM.MAYSHARE | VM.MERGEABLE
    if advice == MADV.MERGEABLE and vma.flags & (shared | SPECIAL):
        return 0, vma
    gone, come = _FLAGS[advice]
    error, vma = set_flags(mm, vma, prev, start, end, vma.flags & ~gone | come)
    return (-EAGAIN if error == -ENOMEM else error), vma


def _refused(vma: Vma, advice: int) -> bool:
    if advice == MADV.DOFORK:
        return bool(vma.flags & VM.IO)
    if advice == MADV.DODUMP:
        return bool(vma.flags & SPECIAL)
    return advice == MADV.WIPEONFORK and (vma.file is not None or bool(vma.flags & VM.SHARED))
