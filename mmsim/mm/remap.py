"""mremap(): a mapping grows, shrinks, or moves with its pages."""

from __future__ import annotations

from . import anon
from .adjust import copy_of, resize, split
from .flags import UFFD_ANY, VM
from .merge import Want, merge
from .munmap import munmap
from .pages import move, populate
from .space import MM, start_gap
from .uffd import Unmapped, unmap_complete
from .units import EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, MASK, PAGE, SHIFT, TASK_SIZE, page_align, wrap
from .vma import Vma

__all__ = ["MREMAP", "mremap"]


class MREMAP:
    """mremap()'s flags."""

    MAYMOVE, FIXED, DONTUNMAP = 1, 2, 4


_TOP = 0x7FFF_F7FF_F000
"""Below this a place is looked for when none is asked for (mmap_base without randomization)."""

Lists = tuple[list[Unmapped], list[Unmapped]]


def mremap(mm: MM, address: int, old: int, new: int, flags: int = 0, target: int = 0) -> int:
    """Resize or move (mremap(), 6.1); the address, or a negative error.

    What lay at `target` goes first, and is gone also when the rest fails. Since 6.17 the tests come in another
    order and a move may cover several VMAs; this stays with 6.1 in every generation.
    """
    if flags & ~7 or (flags & MREMAP.FIXED and not flags & MREMAP.MAYMOVE):
        return -EINVAL
    if flags & MREMAP.DONTUNMAP and (not flags & MREMAP.MAYMOVE or old != new):
        return -EINVAL
    old, new = page_align(old), page_align(new)
    if address % PAGE or not new:
        return -EINVAL
    if mm.write_lock_killable():
        return -EINTR
    lists: Lists = ([], [])
    answer = _remap(mm, address, old, new, flags, target, lists)
    mm.unlock()
    vma = mm.find_vma(answer) if answer >= 0 else None
    if vma is not None and vma.flags & VM.LOCKED and new > old:
        populate(mm, answer + old, new - old)
    for uf in lists:
        unmap_complete(mm, uf)
    return answer


def _at(mm: MM, address: int) -> Vma | None:
    """The VMA that holds the address (vma_lookup(), 6.1)."""
    vma = mm.find_vma(address)
    return vma if vma is not None and vma.start <= address else None


def _remap(mm: MM, address: int, old: int, new: int, flags: int, target: int, lists: Lists) -> int:
    if _at(mm, address) is None:
        return -EFAULT
    if flags & (MREMAP.FIXED | MREMAP.DONTUNMAP):
        return _to(mm, address, old, new, flags, target, lists)
    if old >= new:
        error = munmap(mm, address + new, old - new, lists[1], may_downgrade=True)
        return error if error < 0 and old != new else address
    error, vma = _resizable(mm, address, old, new, flags)
    if error or vma is None:
        return error
    if old == vma.end - address and _free_behind(mm, vma, new - old):
        return _grow(mm, vma, address, new - old)
    if not flags & MREMAP.MAYMOVE:
        return -ENOMEM
    place = _room(mm, new)
    return place if place < 0 else _move(mm, vma, address, old, new, place, flags, lists[1])


def _resizable(mm: MM, address: int, old: int, new: int, flags: int) -> tuple[int, Vma | None]:
    """The VMA, if limits and flags allow the new length (vma_to_resize(), 6.1)."""
    vma = _at(mm, address)
    if vma is None:
        return -EFAULT, None
    if not old and not vma.flags & (VM.SHARED | VM.MAYSHARE):
        return -EINVAL, None
    if flags & MREMAP.DONTUNMAP and vma.flags & (VM.DONTEXPAND | VM.PFNMAP):
        return -EINVAL, None
    if old > vma.end - address:
        return -EFAULT, None
    if new == old:
        return 0, vma
    if vma.flags & (VM.DONTEXPAND | VM.PFNMAP):
        return -EFAULT, None
    if not mm.may_lock(vma.flags, wrap(new - old)):
        return -EAGAIN, None
    if not mm.may_expand(vma.flags, wrap(new - old) >> SHIFT):
        return -ENOMEM, None
    return 0, vma


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
        want.source = vma
        grown = merge(mm, vma, end, end + more, want)
    if grown is None:
        mm.machine.uncharge(pages)
        return -ENOMEM
    mm.stat_account(grown.flags, pages)
    if grown.flags & VM.LOCKED:
        mm.locked_vm += pages
    return address


def _to(mm: MM, address: int, old: int, new: int, flags: int, target: int, lists: Lists) -> int:
    """To a place that was asked for (mremap_to(), 6.1)."""
    if target % PAGE or new > TASK_SIZE or target > TASK_SIZE - new:
        return -EINVAL
    if address + old > target and target + new > address:
        return -EINVAL
    if mm.map_count + 2 >= mm.machine.max_map_count - 3:
        return -ENOMEM
    if flags & MREMAP.FIXED:
        error = munmap(mm, target, new, lists[0], may_downgrade=False)
        if error:
            return error
    if old > new:
        error = munmap(mm, address + new, old - new, lists[1], may_downgrade=False)
        if error:
            return error
        old = new
    error, vma = _resizable(mm, address, old, new, flags)
    if error or vma is None:
        return error
    if flags & MREMAP.DONTUNMAP and not mm.may_expand(vma.flags, old >> SHIFT):
        return -ENOMEM
    place = (mm.fixed_area(target, new) or target) if flags & MREMAP.FIXED else _room(mm, new, target)
    return place if place < 0 else _move(mm, vma, address, old, new, place, flags, lists[1])


def _room(mm: MM, length: int, hint: int = 0) -> int:
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


def _move(mm: MM, vma: Vma, address: int, old: int, new: int, target: int, flags: int, uf: list[Unmapped]) -> int:
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


def _copy(mm: MM, vma: Vma, address: int, target: int, length: int, keep: bool) -> tuple[Vma, Vma] | None:
    """The old VMA, which may have been merged away, and the new one (copy_vma(), 6.1); None without memory."""
    pgoff, untouched = vma.pgoff + ((address - vma.start) >> SHIFT), False
    if vma.is_anonymous and vma.anon_vma is None:
        pgoff, untouched = target >> SHIFT, True
    prev, start, made = mm.before(target), vma.start, None
    if not (untouched and keep and (target == vma.end or vma.start == target + length)):
        want = Want(vma.flags, pgoff, vma.anon_vma, vma.file, vma.policy, vma.uffd)
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
    """MREMAP_DONTUNMAP: the old range stays, unlocked and without pages."""
    vma.flags &= ~(VM.LOCKED | VM.LOCKONFAULT)
    if (vma.start, vma.end) == (address, address + old):
        anon.unlink(vma)
        if vma.is_anonymous:
            vma.pgoff = vma.start >> SHIFT
    return target
