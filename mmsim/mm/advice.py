"""madvise()."""

from __future__ import annotations

from .flags import SPECIAL, VM
from .pages import collapse, zap
from .space import MM
from .units import EAGAIN, EINVAL, ENOMEM, PAGE, page_align, wrap
from .vma import Vma
from .walk import locked, over_holes, set_flags

__all__ = ["MADV", "madvise"]


class MADV:
    """madvise()'s advice."""

    NORMAL, RANDOM, SEQUENTIAL, DONTNEED = 0, 1, 2, 4
    DONTFORK, DOFORK, MERGEABLE, UNMERGEABLE, HUGEPAGE, NOHUGEPAGE = 10, 11, 12, 13, 14, 15
    DONTDUMP, DODUMP, WIPEONFORK, KEEPONFORK, COLLAPSE = 16, 17, 18, 19, 25


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
    """Advise (do_madvise(), 6.1): the advice that changes flags, DONTNEED and COLLAPSE; 0 or a negative error."""
    pages = page_align(length)
    if (advice not in _FLAGS and advice not in (MADV.DONTNEED, MADV.COLLAPSE)) or address % PAGE:
        return -EINVAL
    end = wrap(address + pages)
    if (length and not pages) or end < address:
        return -EINVAL

    def change(vma: Vma, prev: Vma | None, start: int, stop: int) -> tuple[int, Vma]:
        if advice == MADV.DONTNEED:
            return _drop(mm, vma, start, stop), vma
        if advice == MADV.COLLAPSE:
            return collapse(mm, start, stop), vma
        return _set(mm, vma, prev, start, stop, advice)

    return locked(mm, lambda: over_holes(mm, address, end, change)) if pages else 0


def _drop(mm: MM, vma: Vma, start: int, end: int) -> int:
    """Forget the pages' contents; not of locked memory (madvise_dontneed_free(), 6.1)."""
    if vma.flags & (VM.LOCKED | VM.PFNMAP):
        return -EINVAL
    zap(mm, start, end, anonymous=vma.is_anonymous)
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
