"""Growing and moving one mapping, its pages with it: the steps of mremap() that every generation shares."""

from __future__ import annotations

from . import anon
from .adjust import copy_of, resize, split
from .flags import UFFD_ANY, VM
from .merge import Want, merge
from .munmap import munmap
from .pages import move
from .space import MM, start_gap
from .uffd import Unmapped
from .units import EINVAL, ENOMEM, MASK, SHIFT, TASK_SIZE
from .vma import Vma

__all__ = ["MREMAP", "Lists", "at", "expand", "make_way", "move_vma", "room"]


class MREMAP:
    """mremap()'s flags."""

    MAYMOVE, FIXED, DONTUNMAP = 1, 2, 4


_TOP = 0x7FFF_F7FF_F000
"""Below this a place is looked for when none is asked for (mmap_base without randomization)."""

Lists = tuple[list[Unmapped], list[Unmapped]]


def at(mm: MM, address: int) -> Vma | None:
    """The VMA that holds the address (vma_lookup(), 6.1)."""
    vma = mm.find_vma(address)
    return vma if vma is not None and vma.start <= address else None


def _free_behind(mm: MM, vma: Vma, more: int) -> bool:
    """Nothing is mapped right behind, as far as wanted (vma_expandable(), 6.1)."""
    end = vma.end + more
    return end <= MASK and mm.find_in(vma.end, end) is None and not mm.fixed_area(vma.start, end - vma.start)


def _grow(mm: MM, vma: Vma, address: int, more: int) -> int:
    """In place: the added part is merged with its VMA, and perhaps with the next."""
    pages, end = more >> SHIFT, vma.end
    if vma.flags & VM.ACCOUNT and mm.machine.charge(mm, pages):
        return -ENOMEM
    grown: Vma | None = vma
    if vma.ops is not None and vma.ops.close:
        if mm.has_list or mm.preallocate():
            resize(mm, vma, vma.start, end + more, vma.pgoff)
        else:
            grown = None
    else:
        want = Want(vma.flags, vma.pgoff + vma.pages, vma.anon_vma, vma.file, vma.policy, vma.uffd)
        grown = merge(mm, vma, end, end + more, want)
    if grown is None:
        mm.machine.uncharge(pages)
        return -ENOMEM
    mm.stat_account(grown.flags, pages)
    if grown.flags & VM.LOCKED:
        mm.locked_vm += pages
    return address


def room(mm: MM, length: int, hint: int = 0) -> int:
    """A free place: at the hint, else the highest below the stack; or -ENOMEM (get_unmapped_area(), 6.1)."""
    following = mm.find_vma(hint)
    fits = following is None or hint + length <= start_gap(following)
    if mm.machine.mmap_min_addr <= hint <= TASK_SIZE - length and fits:
        return hint
    end = _TOP
    while end - length >= mm.machine.mmap_min_addr:
        inside = mm.find_in(end - length, end)
        following = mm.find_vma(end)
        if inside is None and (following is None or end <= start_gap(following)):
            return end - length
        end = start_gap(inside) if inside is not None else start_gap(following)  # type: ignore[arg-type]
    return -ENOMEM


def expand(mm: MM, vma: Vma, address: int, old: int, new: int, flags: int, lists: Lists) -> int:
    """Grow in place if there is room behind, else move to where there is (the end of mremap(), 6.1)."""
    if old == vma.end - address and _free_behind(mm, vma, new - old):
        return _grow(mm, vma, address, new - old)
    if not flags & MREMAP.MAYMOVE:
        return -ENOMEM
    place = room(mm, new)
    return place if place < 0 else move_vma(mm, vma, address, old, new, place, flags, lists[1])


def make_way(mm: MM, address: int, old: int, new: int, flags: int, target: int, lists: Lists) -> int:
    """Unmap what lies at the place asked for, and what a shorter copy gives up; 0 or a negative error."""
    error = munmap(mm, target, new, lists[0], may_downgrade=False) if flags & MREMAP.FIXED else 0
    if error or old <= new:
        return error
    return munmap(mm, address + new, old - new, lists[1], may_downgrade=False)


def move_vma(mm: MM, vma: Vma, address: int, old: int, new: int, target: int, flags: int, uf: list[Unmapped]) -> int:
    """Make the new VMA, move the pages, unmap the old range (move_vma(), 6.1)."""
    faults, keep = mm.machine.faults, bool(flags & MREMAP.DONTUNMAP)
    if mm.map_count >= mm.machine.max_map_count - 3:
        return -ENOMEM
    cut = vma.start != address or vma.end != address + old
    if cut and vma.ops is not None and (not vma.ops.may_split or faults.hit("may_split")):
        return -EINVAL
    if keep and vma.flags & VM.LOCKED:
        error = split(mm, vma, address, new_below=True) if vma.start != address else 0
        if not error and vma.end != address + old:
            error = split(mm, vma, address + old, new_below=False)
        if error:
            return error
    bits, more = vma.flags, (new if keep else new - old) >> SHIFT
    if bits & VM.ACCOUNT and mm.machine.charge(mm, more):
        return -ENOMEM
    copied = _copy(mm, vma, address, target, new, keep)
    if copied is None:
        mm.machine.uncharge(more if bits & VM.ACCOUNT else 0)
        return -ENOMEM
    vma, made = copied
    move(mm, address, target, old)
    made.uffd, made.flags = None, made.flags & ~UFFD_ANY
    return _let_go(mm, vma, address, old, new, target, bits, keep, uf)


def _apart(vma: Vma, target: int, length: int) -> bool:
    """Whether the copy of an untouched VMA would merge with the VMA itself, and may not (copy_vma(), 6.1).

    It may in 6.18; not here if it is locked, as only the copy is to stay locked.
    """
    if vma.mm.recent and not vma.flags & VM.LOCKED:
        return False
    return target == vma.end or vma.start == target + length


def _copy(mm: MM, vma: Vma, address: int, target: int, length: int, keep: bool) -> tuple[Vma, Vma] | None:
    """The old VMA, which may have been merged away, and the new one (copy_vma(), 6.1); None without memory."""
    pgoff, untouched = vma.pgoff + ((address - vma.start) >> SHIFT), False
    if vma.is_anonymous and vma.anon_vma is None:
        pgoff, untouched = target >> SHIFT, True
    prev, start, made = mm.before(target), vma.start, None
    if not (untouched and keep and _apart(vma, target, length)):
        want = Want(vma.flags, pgoff, vma.anon_vma, vma.file, vma.policy, vma.uffd)
        want.source = vma
        made = merge(mm, prev, target, target + length, want)
    if made is not None:
        return (made if made.start <= start < made.end else vma), made
    made = copy_of(mm, vma)
    if made is None:
        return None
    made.start, made.end, made.pgoff = target, target + length, pgoff
    failed = vma.policy is not None and mm.machine.faults.hit("policy_dup")
    if failed or anon.clone(made, vma) or not (mm.has_list or mm.preallocate()):
        anon.unlink(made)
        mm.free_vma(made)
        return None
    mm.link(made, prev)
    return vma, made


def _let_go(
    mm: MM, vma: Vma, address: int, old: int, new: int, target: int, bits: int, keep: bool, uf: list[Unmapped]
) -> int:
    """Account for the new range and give up the old one; the total is too high meanwhile, which no peak may keep."""
    excess = 0
    if bits & VM.ACCOUNT and not keep:
        vma.flags &= ~VM.ACCOUNT
        excess = vma.end - vma.start - old
    both = excess and vma.start < address and address + old < vma.end
    peaks = mm.hiwater_vm, max(mm.peak_vm, mm.total_vm + (new - old >> SHIFT))
    mm.stat_account(vma.flags, new >> SHIFT)
    if keep:
        return _keep(mm, vma, address, old, target, bits)
    if munmap(mm, address, old, uf, may_downgrade=False) < 0:
        if bits & VM.ACCOUNT:
            mm.machine.committed += old >> SHIFT
        excess = 0
    if bits & VM.LOCKED:
        mm.locked_vm += new >> SHIFT
    mm.hiwater_vm, mm.peak_vm = peaks
    if excess:
        vma.flags |= VM.ACCOUNT
        upper = mm.find_vma(vma.end)
        if both and upper is not None:
            upper.flags |= VM.ACCOUNT
    return target


def _keep(mm: MM, vma: Vma, address: int, old: int, target: int, bits: int) -> int:
    """MREMAP_DONTUNMAP: the old range stays, unlocked and without pages (move_vma(), 6.1).

    Simpler on purpose: 6.18 takes the lock from the whole VMA, not from the range alone, and counts the new range
    as locked on top, so that locked_vm stays too high for good. Its dontunmap_complete() leaves the offset.
    """
    vma.flags &= ~(VM.LOCKED | VM.LOCKONFAULT)
    if (vma.start, vma.end) == (address, address + old):
        anon.unlink(vma)
        if vma.is_anonymous and not mm.recent:
            vma.pgoff = vma.start >> SHIFT
    return target
