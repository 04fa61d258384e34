"""mmap() and munmap()."""

from __future__ import annotations

from .adjust import split_unchecked
from .flags import VM
from .merge import Want, merge
from .munmap import bad_range, munmap
from .pages import populate
from .space import MM
from .uffd import Unmapped, unmap_complete
from .units import EAGAIN, EEXIST, EINTR, EINVAL, ENOMEM, EPERM, SHIFT, page_align
from .vma import FILE_OPS, File
from .walk import overlapping

__all__ = ["MAP", "PROT", "mmap", "unmap"]


class PROT:
    """mmap()'s and mprotect()'s prot."""

    NONE, READ, WRITE, EXEC = 0, 1, 2, 4


class MAP:
    """mmap()'s flags on x86-64."""

    SHARED, PRIVATE, FIXED, ANONYMOUS = 0x01, 0x02, 0x10, 0x20
    GROWSDOWN, LOCKED, NORESERVE, POPULATE = 0x100, 0x2000, 0x4000, 0x8000
    FIXED_NOREPLACE = 0x10_0000


def mmap(mm: MM, address: int, length: int, prot: int, flags: int, file: File | None = None, pgoff: int = 0) -> int:
    """Map at a fixed address (do_mmap() and mmap_region(), 5.16); the address, or a negative error.

    Only MAP_FIXED and MAP_FIXED_NOREPLACE: the experiments choose their places.
    """
    if not length or not flags & (MAP.FIXED | MAP.FIXED_NOREPLACE):
        return -EINVAL
    if mm.write_lock_killable():
        return -EINTR
    uf: list[Unmapped] = []
    wanted = _vm_flags(mm, prot, flags)
    length = page_align(length)
    answer = _refused(mm, address, length, wanted, flags)
    if not answer:
        answer = _map_region(mm, address, length, wanted, file, pgoff, uf)
    mm.unlock()
    unmap_complete(mm, uf)
    if answer >= 0 and (wanted & VM.LOCKED or flags & MAP.POPULATE):
        populate(mm, address, length)
    return answer


def _refused(mm: MM, address: int, length: int, wanted: int, flags: int) -> int:
    """The tests before anything is done, in the kernel's order: 0 or a negative error."""
    if not length or mm.map_count > mm.machine.max_map_count:
        return -ENOMEM
    error = mm.fixed_area(address, length)
    if error:
        return error
    if flags & MAP.FIXED_NOREPLACE and mm.find_in(address, address + length) is not None:
        return -EEXIST
    if flags & MAP.LOCKED and not mm.cap_ipc_lock and not mm.limits["MEMLOCK"].soft:
        return -EPERM
    if not mm.may_lock(wanted, length):
        return -EAGAIN
    kind = flags & (MAP.SHARED | MAP.PRIVATE)
    if kind not in (MAP.SHARED, MAP.PRIVATE) or (kind == MAP.SHARED and flags & MAP.GROWSDOWN):
        return -EINVAL
    return 0


def _vm_flags(mm: MM, prot: int, flags: int) -> int:
    """VMA flags of a request."""
    vm = prot & 7 | VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC | mm.def_flags
    if flags & MAP.SHARED:
        vm |= VM.SHARED | VM.MAYSHARE
    if flags & MAP.GROWSDOWN:
        vm |= VM.GROWSDOWN
    if flags & MAP.LOCKED:
        vm |= VM.LOCKED
    if flags & MAP.NORESERVE and mm.machine.overcommit != 2:
        vm |= VM.NORESERVE
    return vm


def _map_region(mm: MM, address: int, length: int, vm: int, file: File | None, pgoff: int, uf: list[Unmapped]) -> int:
    end, pages = address + length, length >> SHIFT
    if mm.recent and _split_edges(mm, address, end):
        return -ENOMEM
    old = sum(min(vma.end, end) - max(vma.start, address) for vma in overlapping(mm, address, end)) >> SHIFT
    if not mm.may_expand(vm, pages) and not mm.may_expand(vm, pages - old):
        return -ENOMEM
    if old and munmap(mm, address, length, uf, may_downgrade=False) < 0:
        return -ENOMEM
    charged = pages if vm & (VM.NORESERVE | VM.SHARED | VM.WRITE) == VM.WRITE else 0
    if charged:
        if mm.machine.charge(mm, charged):
            return -ENOMEM
        vm |= VM.ACCOUNT
    if file is None:
        pgoff = 0 if vm & VM.SHARED else address >> SHIFT
        file = File(f"shared-{mm.machine.next_serial()}", pages) if vm & VM.SHARED else None
    prev = mm.before(address)
    vma = merge(mm, prev, address, end, Want(vm, pgoff, file=file))
    if vma is None:
        vma = mm.alloc_vma()
        if vma is None:
            mm.machine.uncharge(charged)
            return -ENOMEM
        vma.start, vma.end, vma.flags, vma.pgoff, vma.file = address, end, vm, pgoff, file
        vma.ops = FILE_OPS if file is not None else None
        if not mm.has_list and not mm.preallocate():
            mm.free_vma(vma)
            mm.machine.uncharge(charged)
            return -ENOMEM
        mm.link(vma, prev)
    mm.log("perf_event_mmap", vma.start, vma.end)
    mm.stat_account(vm, pages)
    if vm & VM.LOCKED:
        mm.locked_vm += pages
    vma.flags |= VM.SOFTDIRTY
    return address


def _split_edges(mm: MM, start: int, end: int) -> int:
    """Cut the mappings that reach over an edge of the range; 0 or a negative error (vms_gather_munmap_vmas(), 6.12).

    Whatever refuses the mapping afterwards, the cuts stay.
    """
    first = mm.find_in(start, end)
    if first is not None and first.start < start:
        if end < first.end and mm.map_count >= mm.machine.max_map_count:
            return -ENOMEM
        error = split_unchecked(mm, first, start, new_below=False)
        if error:
            return error
    last = mm.tree.load(end - 1)
    return split_unchecked(mm, last, end, new_below=True) if last is not None and last.end > end else 0


def unmap(mm: MM, address: int, length: int) -> int:
    """munmap(): 0 or a negative error."""
    if mm.write_lock_killable():
        return -EINTR
    uf: list[Unmapped] = []
    answer = -EINVAL if bad_range(address, length) else munmap(mm, address, length, uf, may_downgrade=True)
    mm.unlock()
    unmap_complete(mm, uf)
    return min(answer, 0)
