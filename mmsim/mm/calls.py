"""The system calls around brk(): what experiments need to build a heap's neighbourhood.

They take and give the kernel's numbers: an address or 0, or a negative error. In every generation they
use the same machinery; only brk() differs.
"""

from __future__ import annotations

from collections.abc import Callable

from .adjust import split
from .flags import SPECIAL, UFFD_ANY, VM
from .merge import Want, merge
from .munmap import bad_range, munmap
from .pages import populate
from .space import MM
from .uffd import Unmapped, unmap_complete
from .units import EAGAIN, EEXIST, EINVAL, ENOMEM, INFINITY, PAGE, SHIFT, TASK_SIZE, page_align, wrap
from .vma import FILE_OPS, File, UffdContext, Vma

__all__ = [
    "MAP",
    "MCL",
    "PROT",
    "madvise",
    "mbind",
    "mlock",
    "mlockall",
    "mmap",
    "mprotect",
    "munlock",
    "munlockall",
    "setrlimit",
    "uffd_register",
    "unmap",
]


class PROT:
    """mmap()'s and mprotect()'s prot."""

    NONE, READ, WRITE, EXEC = 0, 1, 2, 4


class MAP:
    """mmap()'s flags on x86-64."""

    SHARED, PRIVATE, FIXED, ANONYMOUS = 0x01, 0x02, 0x10, 0x20
    GROWSDOWN, LOCKED, NORESERVE, POPULATE = 0x100, 0x2000, 0x4000, 0x8000
    FIXED_NOREPLACE = 0x10_0000


class MCL:
    """mlockall()'s flags."""

    CURRENT, FUTURE, ONFAULT = 1, 2, 4


_LOCK_BITS = VM.LOCKED | VM.LOCKONFAULT
_MAY_ALL = VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC

_ADVICE = {
    0: (VM.RAND_READ | VM.SEQ_READ, 0),
    1: (VM.SEQ_READ, VM.RAND_READ),
    2: (VM.RAND_READ, VM.SEQ_READ),
    10: (0, VM.DONTCOPY),
    11: (VM.DONTCOPY, 0),
    14: (VM.NOHUGEPAGE, VM.HUGEPAGE),
    15: (VM.HUGEPAGE, VM.NOHUGEPAGE),
    16: (0, VM.DONTDUMP),
    17: (VM.DONTDUMP, 0),
    18: (0, VM.WIPEONFORK),
    19: (VM.WIPEONFORK, 0),
}
"""madvise() advice that changes flags: the bits that go, the bits that come."""

Change = Callable[[Vma, "Vma | None", int, int], "tuple[int, Vma]"]


# -- mapping


def mmap(mm: MM, address: int, length: int, prot: int, flags: int, file: File | None = None, pgoff: int = 0) -> int:
    """Map at a fixed address (do_mmap() and mmap_region(), 5.16); the address, or a negative error.

    Only MAP_FIXED and MAP_FIXED_NOREPLACE: the experiments choose their places.
    """
    length = page_align(length)
    if not length or not flags & (MAP.FIXED | MAP.FIXED_NOREPLACE):
        return -EINVAL
    if length > TASK_SIZE or address > TASK_SIZE - length:
        return -ENOMEM
    if address % PAGE:
        return -EINVAL
    if flags & MAP.FIXED_NOREPLACE and mm.find_in(address, address + length) is not None:
        return -EEXIST
    if mm.map_count > mm.machine.max_map_count:
        return -ENOMEM
    wanted = _vm_flags(mm, prot, flags, file)
    if not mm.may_lock(wanted, length):
        return -EAGAIN
    uf: list[Unmapped] = []
    answer = _map_region(mm, address, length, wanted, flags, file, pgoff, uf)
    mm.unlock()
    unmap_complete(mm, uf)
    if answer >= 0 and (wanted & VM.LOCKED or flags & MAP.POPULATE):
        populate(mm, address, length)
    return answer


def _vm_flags(mm: MM, prot: int, flags: int, file: File | None) -> int:
    """VMA flags of a request."""
    vm = prot & 7 | _MAY_ALL | mm.def_flags
    if flags & MAP.SHARED:
        vm |= VM.SHARED | VM.MAYSHARE
    if flags & MAP.GROWSDOWN:
        vm |= VM.GROWSDOWN
    if flags & MAP.LOCKED:
        vm |= VM.LOCKED
    if flags & MAP.NORESERVE and mm.machine.overcommit != 2:
        vm |= VM.NORESERVE
    return vm


def _map_region(
    mm: MM, address: int, length: int, vm: int, flags: int, file: File | None, pgoff: int, uf: list[Unmapped]
) -> int:
    end, pages = address + length, length >> SHIFT
    mm.lock = "write"
    old = sum(min(vma.end, end) - max(vma.start, address) for vma in _overlapping(mm, address, end)) >> SHIFT
    if not mm.may_expand(vm, pages) and not mm.may_expand(vm, pages - old):
        return -ENOMEM
    if old and munmap(mm, address, length, uf, may_downgrade=False) < 0:
        return -ENOMEM
    accountable = vm & (VM.NORESERVE | VM.SHARED | VM.WRITE) == VM.WRITE
    if accountable:
        if mm.machine.charge(mm, pages):
            return -ENOMEM
        vm |= VM.ACCOUNT
    if file is None:
        pgoff = 0 if vm & VM.SHARED else address >> SHIFT
        file = File(f"shared-{mm.machine.next_serial()}") if vm & VM.SHARED else None
    prev = mm.before(address)
    vma = merge(mm, prev, address, end, Want(vm, pgoff, file=file))
    if vma is None:
        vma = mm.alloc_vma()
        if vma is None:
            mm.machine.uncharge(pages if accountable else 0)
            return -ENOMEM
        vma.start, vma.end, vma.flags, vma.pgoff, vma.file = address, end, vm, pgoff, file
        vma.ops = FILE_OPS if file is not None else None
        if not mm.has_list and not mm.preallocate():
            mm.free_vma(vma)
            mm.machine.uncharge(pages if accountable else 0)
            return -ENOMEM
        mm.link(vma, prev)
    mm.log("perf_event_mmap", vma.start, vma.end)
    mm.stat_account(vm, pages)
    if vm & VM.LOCKED:
        mm.locked_vm += pages
    vma.flags |= VM.SOFTDIRTY
    return address


def _overlapping(mm: MM, start: int, end: int) -> list[Vma]:
    """Every VMA that overlaps [start, end)."""
    found, vma = [], mm.find_in(start, end)
    while vma is not None:
        found.append(vma)
        vma = mm.find_in(vma.end, end) if vma.end < end else None
    return found


def unmap(mm: MM, address: int, length: int) -> int:
    """munmap(): 0 or a negative error."""
    if bad_range(address, length):
        return -EINVAL
    mm.lock = "write"
    uf: list[Unmapped] = []
    answer = munmap(mm, address, length, uf, may_downgrade=True)
    mm.unlock()
    unmap_complete(mm, uf)
    return min(answer, 0)


# -- changing what is mapped


def _over(mm: MM, start: int, end: int, change: Change) -> int:
    """Apply a change to each VMA of [start, end), cut to the range; stops at a hole with -ENOMEM."""
    vma = mm.find_vma(start)
    if vma is None or vma.start > start:
        return -ENOMEM
    prev = vma if start > vma.start else mm.prev_of(vma)
    while True:
        stop = min(vma.end, end)
        error, prev = change(vma, prev, start, stop)
        if error:
            return error
        start = max(stop, prev.end)
        if start >= end:
            return 0
        vma = mm.find_vma(prev.end)
        if vma is None or vma.start != start:
            return -ENOMEM


def _isolate(mm: MM, vma: Vma, prev: Vma | None, start: int, end: int, want: Want) -> tuple[int, Vma]:
    """Make [start, end) of a VMA one that can be changed: by merging it with a like neighbour, or by splitting."""
    want.pgoff = vma.pgoff + ((start - vma.start) >> SHIFT)
    want.anon_vma, want.file = vma.anon_vma, vma.file
    merged = merge(mm, prev, start, end, want)
    if merged is not None:
        return 0, merged
    if start != vma.start:
        error = split(mm, vma, start, new_below=True)
        if error:
            return error, vma
    if end != vma.end:
        return split(mm, vma, end, new_below=False), vma
    return 0, vma


def _set_flags(mm: MM, vma: Vma, prev: Vma | None, start: int, end: int, flags: int) -> tuple[int, Vma]:
    """Give [start, end) of a VMA other flags."""
    if flags == vma.flags:
        return 0, vma
    error, vma = _isolate(mm, vma, prev, start, end, Want(flags, 0, policy=vma.policy, uffd=vma.uffd))
    if not error:
        vma.flags = flags
    return error, vma


def mprotect(mm: MM, address: int, length: int, prot: int) -> int:
    """Change protections (do_mprotect_pkey(), 6.1); 0 or a negative error, pieces before it stay changed."""
    if address % PAGE:
        return -EINVAL
    length = page_align(length)
    if not length:
        return 0
    if wrap(address + length) <= address:
        return -ENOMEM

    def change(vma: Vma, prev: Vma | None, start: int, end: int) -> tuple[int, Vma]:
        new = vma.flags & ~(VM.READ | VM.WRITE | VM.EXEC) | prot & 7
        if new & ~(new >> 4) & 7:
            return -13, vma
        return _protect(mm, vma, prev, start, end, new)

    return _locked(mm, lambda: _over(mm, address, address + length, change))


def _protect(mm: MM, vma: Vma, prev: Vma | None, start: int, end: int, new: int) -> tuple[int, Vma]:
    """One piece (mprotect_fixup(), 6.18): memory that becomes writable is promised, and counted as data.

    The promise is taken back when memory that was never touched becomes unwritable; 5.16 and 6.1 keep it.
    """
    old, pages = vma.flags, (end - start) >> SHIFT
    if new == old:
        return 0, vma
    charged = 0
    if new & VM.WRITE:
        if not mm.may_expand(new, pages) and mm.may_expand(old, pages):
            return -ENOMEM, vma
        if not old & (VM.ACCOUNT | VM.WRITE | VM.SHARED | VM.NORESERVE):
            charged = pages
            if mm.machine.charge(mm, charged):
                return -ENOMEM, vma
            new |= VM.ACCOUNT
    elif old & VM.ACCOUNT and vma.is_anonymous and vma.anon_vma is None:
        new &= ~VM.ACCOUNT
    error, vma = _set_flags(mm, vma, prev, start, end, new)
    if error:
        mm.machine.uncharge(charged)
        return error, vma
    if old & VM.ACCOUNT and not new & VM.ACCOUNT:
        mm.machine.uncharge(pages)
    if old & (VM.WRITE | VM.SHARED | VM.LOCKED) == VM.LOCKED and new & VM.WRITE:
        populate(mm, start, end - start)
    mm.stat_account(old, -pages)
    mm.stat_account(new, pages)
    mm.log("perf_event_mmap", vma.start, vma.end)
    return 0, vma


def madvise(mm: MM, address: int, length: int, advice: int) -> int:
    """Advice that changes flags (madvise_vma_behavior(), 6.1); 0 or a negative error."""
    if advice not in _ADVICE or address % PAGE:
        return -EINVAL
    length = page_align(length)
    gone, come = _ADVICE[advice]

    def change(vma: Vma, prev: Vma | None, start: int, end: int) -> tuple[int, Vma]:
        refused = (advice in (11, 17) and vma.flags & VM.IO) or (
            advice == 18 and (vma.file is not None or vma.flags & VM.SHARED)
        )
        if refused or (advice == 17 and vma.flags & SPECIAL):
            return -EINVAL, vma
        return _set_flags(mm, vma, prev, start, end, vma.flags & ~gone | come)

    return _locked(mm, lambda: _over_holes(mm, address, address + length, change)) if length else 0


def _over_holes(mm: MM, start: int, end: int, change: Change) -> int:
    """Like _over(), but holes are stepped over and reported at the end (madvise_walk_vmas(), 6.1)."""
    holes = 0
    while start < end:
        vma = mm.find_vma(start)
        if vma is None or vma.start >= end:
            return -ENOMEM
        if vma.start > start:
            holes, start = -ENOMEM, vma.start
        prev = vma if start > vma.start else mm.prev_of(vma)
        stop = min(vma.end, end)
        error, vma = change(vma, prev, start, stop)
        if error:
            return error
        start = max(stop, vma.end)
    return holes


def mlock(mm: MM, address: int, length: int) -> int:
    """Lock pages into memory (do_mlock(), 6.1); 0 or a negative error."""
    length = page_align(length + address % PAGE)
    address -= address % PAGE
    limit = mm.limits["MEMLOCK"].soft
    if not mm.cap_ipc_lock and not limit:
        return -1
    wanted = mm.locked_vm + (length >> SHIFT)
    if not mm.cap_ipc_lock and wanted > limit >> SHIFT:
        inside = _overlapping(mm, address, address + length)
        wanted -= (
            sum(min(vma.end, address + length) - max(vma.start, address) for vma in inside if vma.flags & VM.LOCKED)
            >> SHIFT
        )
        if wanted > limit >> SHIFT:
            return -ENOMEM
    error = _lock_range(mm, address, length, VM.LOCKED)
    if not error and length:
        populate(mm, address, length)
    return error


def munlock(mm: MM, address: int, length: int) -> int:
    """Unlock pages (munlock(), 6.1); 0 or a negative error."""
    length = page_align(length + address % PAGE)
    return _lock_range(mm, address - address % PAGE, length, 0)


def _lock_range(mm: MM, address: int, length: int, bits: int) -> int:
    if not length:
        return 0
    if address + length > TASK_SIZE + PAGE:
        return -EINVAL if wrap(address + length) < address else -ENOMEM

    def change(vma: Vma, prev: Vma | None, start: int, end: int) -> tuple[int, Vma]:
        return _lock_piece(mm, vma, prev, start, end, vma.flags & ~_LOCK_BITS | bits)

    return _locked(mm, lambda: _over(mm, address, address + length, change))


def _lock_piece(mm: MM, vma: Vma, prev: Vma | None, start: int, end: int, new: int) -> tuple[int, Vma]:
    """One piece (mlock_fixup(), 6.1); special mappings are left alone and not counted."""
    old, pages = vma.flags, (end - start) >> SHIFT
    if new == old or old & SPECIAL:
        return 0, vma
    error, vma = _set_flags(mm, vma, prev, start, end, new)
    if not error:
        if not new & VM.LOCKED:
            mm.locked_vm -= pages
        elif not old & VM.LOCKED:
            mm.locked_vm += pages
    return error, vma


def mlockall(mm: MM, flags: int) -> int:
    """Lock what is mapped, or what will be (mlockall(), 6.1); 0 or a negative error."""
    known = MCL.CURRENT | MCL.FUTURE | MCL.ONFAULT
    if not flags or flags & ~known or flags == MCL.ONFAULT:
        return -EINVAL
    limit = mm.limits["MEMLOCK"].soft
    if not mm.cap_ipc_lock:
        if not limit:
            return -1
        if flags & MCL.CURRENT and mm.total_vm > limit >> SHIFT:
            return -ENOMEM
    bits = VM.LOCKED | (VM.LOCKONFAULT if flags & MCL.ONFAULT else 0)
    mm.def_flags = mm.def_flags & ~_LOCK_BITS | (bits if flags & MCL.FUTURE else 0)
    if flags & MCL.CURRENT:
        _lock_all(mm, bits)
        for vma in list(mm.vmas()):
            populate(mm, vma.start, vma.end - vma.start)
    return 0


def munlockall(mm: MM) -> int:
    """Unlock everything, also what will be mapped (munlockall(), 6.1)."""
    mm.def_flags &= ~_LOCK_BITS
    _lock_all(mm, 0)
    return 0


def _lock_all(mm: MM, bits: int) -> None:
    """Every VMA, errors ignored (apply_mlockall_flags(), 6.1)."""
    address = 0
    while (vma := mm.find_vma(address)) is not None:
        new = vma.flags & ~_LOCK_BITS | bits
        _, vma = _lock_piece(mm, vma, mm.prev_of(vma), vma.start, vma.end, new)
        address = vma.end


def mbind(mm: MM, address: int, length: int, policy: str | None) -> int:
    """Give a range a memory policy (mbind_range(), 6.1); 0 or a negative error."""
    if address % PAGE:
        return -EINVAL
    end = address + page_align(length)

    def change(vma: Vma, prev: Vma | None, start: int, stop: int) -> tuple[int, Vma]:
        if vma.policy == policy:
            return 0, vma
        want = Want(vma.flags, 0, policy=policy, uffd=vma.uffd)
        error, vma = _isolate(mm, vma, prev, start, stop, want)
        if not error:
            vma.policy = policy
        return error, vma

    return _locked(mm, lambda: _over(mm, address, end, change)) if end > address else 0


def uffd_register(mm: MM, address: int, length: int, context: UffdContext) -> int:
    """Register a range for missing faults (userfaultfd_register(), 6.1); 0 or a negative error."""
    if address % PAGE or not length or length % PAGE:
        return -EINVAL
    inside = _overlapping(mm, address, address + length)
    if not inside or any(not vma.is_anonymous or (vma.uffd or context) is not context for vma in inside):
        return -EINVAL

    def change(vma: Vma, prev: Vma | None, start: int, end: int) -> tuple[int, Vma]:
        flags = vma.flags & ~UFFD_ANY | VM.UFFD_MISSING
        error, vma = _isolate(mm, vma, prev, start, end, Want(flags, 0, policy=vma.policy, uffd=context))
        if not error:
            vma.flags, vma.uffd = flags, context
        return error, vma

    low, high = max(address, inside[0].start), min(address + length, inside[-1].end)
    return _locked(mm, lambda: _over_holes(mm, low, high, change))


def setrlimit(mm: MM, name: str, soft: int) -> int:
    """Set a soft limit in bytes, -1 for none; the hard one follows when it is lower."""
    limit = mm.limits[name]
    limit.soft = INFINITY if soft == -1 else soft
    limit.hard = max(limit.hard, limit.soft)
    return 0


def _locked(mm: MM, action: Callable[[], int]) -> int:
    """Run under the mmap lock."""
    mm.lock = "write"
    answer = action()
    mm.unlock()
    return answer
