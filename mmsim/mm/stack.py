"""Stacks that grow: a fault below a VM_GROWSDOWN mapping moves its start down to the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import anon
from .flags import VM
from .units import EFAULT, ENOMEM, EPERM, GUARD_GAP, SHIFT
from .vma import Vma

if TYPE_CHECKING:
    from .space import MM

__all__ = ["expand_downwards", "extend"]


def extend(mm: MM, page: int) -> Vma | None:
    """The VMA that holds the page, after a stack above has grown down to it (lock_mm_and_find_vma(), 6.18).

    None where nothing is mapped and nothing may grow.
    """
    vma = mm.find_vma(page)
    if vma is None or vma.start <= page:
        return vma
    return None if expand_downwards(mm, vma, page) else vma


def expand_downwards(mm: MM, vma: Vma, page: int) -> int:
    """Let a stack start at `page`: 0 or a negative error (expand_downwards(), 6.18; 5.16 and 6.1 test alike).

    The VMA has its anon_vma from then on, even when the growth is refused after that. Which lock is held
    meanwhile (for reading up to 6.4) makes no difference here: nobody else runs.
    """
    if not vma.flags & VM.GROWSDOWN:
        return -EFAULT
    if page < mm.machine.mmap_min_addr:
        return -EPERM
    if _too_near(mm.before(vma.start), page):
        return -ENOMEM
    if not mm.has_list and not mm.preallocate():
        return -ENOMEM
    anon.prepare(vma)
    pages = (vma.start - page) >> SHIFT
    if pages > vma.pgoff:
        return -ENOMEM
    error = _acct_stack_growth(mm, vma, vma.end - page, pages)
    if not error:
        _move_start(mm, vma, page, pages)
    return error


def _too_near(prev: Vma | None, page: int) -> bool:
    """Whether the guard gap would not stay free. Below another stack, or what nobody can use, none is kept."""
    if prev is None or prev.flags & VM.GROWSDOWN or not prev.flags & (VM.READ | VM.WRITE | VM.EXEC):
        return False
    return page - prev.end < GUARD_GAP


def _acct_stack_growth(mm: MM, vma: Vma, size: int, pages: int) -> int:
    """Whether limits and memory allow it (acct_stack_growth(), 6.18): 0 or -ENOMEM.

    Simpler on purpose: the kernel keeps the charge also for a mapping without ACCOUNT, which never
    gives it back; here such a mapping is only asked.
    """
    if not mm.may_expand(vma.flags, pages) or size > mm.limits["STACK"].soft:
        return -ENOMEM
    if not mm.may_lock(vma.flags, pages << SHIFT):
        return -ENOMEM
    error = mm.machine.charge(mm, pages)
    if not error and not vma.flags & VM.ACCOUNT:
        mm.machine.uncharge(pages)
    return error


def _move_start(mm: MM, vma: Vma, page: int, pages: int) -> None:
    """The growth itself, with its counters; cannot fail."""
    assert vma.anon_vma is not None, "prepared by the caller"
    anon.lock(mm, vma.anon_vma)
    if vma.flags & VM.LOCKED:
        mm.locked_vm += pages
    mm.stat_account(vma.flags, pages)
    anon.take_out(vma)
    vma.start, vma.pgoff = page, vma.pgoff - pages
    mm.store(vma.start, vma.end, vma)
    anon.put_back(vma)
    mm.log("perf_event_mmap", vma.start, vma.end)
    anon.unlock(mm, vma.anon_vma)
