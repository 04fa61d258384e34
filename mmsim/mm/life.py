"""Birth by fork, and the end of an address space."""

from __future__ import annotations

from . import anon
from .adjust import copy_of
from .flags import VM
from .munmap import remove_vma
from .pages import zap
from .space import MM, Limit
from .units import EINTR, ENOMEM, HUGE, align_down
from .vma import Vma

__all__ = ["exit_mm", "fork"]

_COPIED = (
    "start_brk",
    "brk",
    "start_data",
    "end_data",
    "start_code",
    "end_code",
    "brk_randomized",
    "compat_brk",
    "cap_ipc_lock",
    "cap_sys_admin",
    "cap_sys_rawio",
    "total_vm",
    "data_vm",
    "stack_vm",
    "exec_vm",
)


def fork(parent: MM) -> MM | int:
    """A copy for a child (dup_mmap(), 6.1), or a negative error with nothing left behind.

    Locks are not inherited, nor is memory marked not to be; pages are shared until one side writes,
    which here means that both have them. The counters are taken over as they are, right or wrong.
    """
    if parent.write_lock_killable():
        return -EINTR
    child = MM(parent.machine, parent.has_list, parent.recent)
    for name in _COPIED:
        setattr(child, name, getattr(parent, name))
    child.def_flags = 0
    child.limits = {name: Limit(limit.soft, limit.hard) for name, limit in parent.limits.items()}
    error = _copy_vmas(parent, child)
    parent.unlock()
    if error:
        exit_mm(child)
        return error
    child.hiwater_vm = child.peak_vm = child.total_vm
    return child


def _copy_vmas(parent: MM, child: MM) -> int:
    """Every VMA but those marked; 0 or -ENOMEM."""
    if not parent.has_list and not child.preallocate():
        return -ENOMEM
    last = None
    for vma in parent.vmas():
        if vma.flags & VM.DONTCOPY:
            child.stat_account(vma.flags, -vma.pages)
            continue
        if vma.flags & VM.ACCOUNT and parent.machine.charge(parent, vma.pages):
            return -ENOMEM
        new = copy_of(child, vma)
        if new is None:
            parent.machine.uncharge(vma.pages if vma.flags & VM.ACCOUNT else 0)
            return -ENOMEM
        new.anon_vma, new.uffd = None, None
        new.flags &= ~(VM.LOCKED | VM.LOCKONFAULT | VM.UFFD_MISSING | VM.UFFD_WP | VM.UFFD_MINOR)
        wiped = bool(vma.flags & VM.WIPEONFORK)
        error = -ENOMEM if vma.policy is not None and parent.machine.faults.hit("policy_dup") else 0
        error = error or (0 if wiped else anon.fork(new, vma))
        if error:
            parent.machine.uncharge(vma.pages if vma.flags & VM.ACCOUNT else 0)
            child.free_vma(new)
            return error
        child.link(new, last)
        last = new
        if not wiped:
            _share_pages(parent, child, new)
    return 0


def _share_pages(parent: MM, child: MM, vma: Vma) -> None:
    """The pages of one VMA, its huge blocks whole (copy_page_range(), 6.1)."""
    pages = {page: kind for page, kind in parent.pages.items() if vma.start <= page < vma.end}
    child.pages.update(pages)
    child.guards.update(page for page in parent.guards if vma.start <= page < vma.end)
    child.tables.update(align_down(page, HUGE) for page in pages)
    child.huge.update(block for block in parent.huge if vma.start <= block and block + HUGE <= vma.end)


def exit_mm(mm: MM) -> None:
    """Tear everything down (exit_mmap(), 6.1), by the list where there is one, else by the tree."""
    mm.lock = "write"
    accounted = 0
    for vma in list(mm.listed() if mm.has_list else mm.vmas()):
        zap(mm, vma.start, vma.end, anonymous=vma.is_anonymous)
        if vma.flags & VM.ACCOUNT:
            accounted += vma.pages
        remove_vma(mm, vma)
    mm.machine.uncharge(accounted)
    mm.tree.clear()
    mm.tables.clear()
    mm.huge.clear()
    mm.head, mm.map_count = None, 0
    mm.total_vm = mm.data_vm = mm.stack_vm = mm.exec_vm = mm.locked_vm = 0
    mm.highest_vm_end = mm.peak_vm = 0
    mm.unlock()
