"""Changing the bounds of VMAs: growing, shrinking, splitting, one swallowing another.

The form of 5.16 (__vma_adjust, __split_vma), which knows a list beside the tree. Where there is no list the
list steps do nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import anon
from .pages import adjust_trans_huge
from .units import EINVAL, ENOMEM, SHIFT
from .vma import Vma

if TYPE_CHECKING:
    from .space import MM

__all__ = ["copy_of", "resize", "split"]


def split(mm: MM, vma: Vma, address: int, new_below: bool) -> int:
    """Cut a VMA in two at `address`; 0 or a negative error with nothing changed (split_vma(), 6.1)."""
    if mm.map_count >= mm.machine.max_map_count:
        return -ENOMEM
    return split_unchecked(mm, vma, address, new_below)


def split_unchecked(mm: MM, vma: Vma, address: int, new_below: bool) -> int:
    """The same without the count check (__split_vma(), 6.1)."""
    faults = mm.machine.faults
    if vma.ops is not None and (not vma.ops.may_split or faults.hit("may_split")):
        return -EINVAL
    new = copy_of(mm, vma)
    if new is None:
        return -ENOMEM
    if new_below:
        new.end = address
    else:
        new.start = address
        new.pgoff += (address - vma.start) >> SHIFT
    if vma.policy is not None and faults.hit("policy_dup"):
        mm.free_vma(new)
        return -ENOMEM
    error = anon.clone(new, vma)
    if error:
        anon.unlink(new)
        mm.free_vma(new)
        return error
    hooked = vma.ops is not None and vma.ops.close
    if hooked:
        mm.log("open", new.serial)
    if not mm.has_list and not mm.preallocate():
        if hooked:
            mm.log("close", new.serial)
        anon.unlink(new)
        mm.free_vma(new)
        return -ENOMEM
    if new_below:
        resize(mm, vma, address, vma.end, vma.pgoff + ((address - new.start) >> SHIFT), insert=new)
    else:
        resize(mm, vma, vma.start, address, vma.pgoff, insert=new)
    return 0


def copy_of(mm: MM, vma: Vma) -> Vma | None:
    """A new VMA with everything but the chain and the list links (vm_area_dup(), 6.1); None without memory."""
    new = mm.alloc_vma()
    if new is None:
        return None
    for name in ("start", "end", "flags", "pgoff", "file", "ops", "policy", "uffd", "anon_vma"):
        setattr(new, name, getattr(vma, name))
    return new


def resize(
    mm: MM,
    vma: Vma,
    start: int,
    end: int,
    pgoff: int,
    insert: Vma | None = None,
    remove: tuple[Vma, ...] = (),
    shift: Vma | None = None,
) -> None:
    """Give `vma` new bounds under the locks (the second half of __vma_adjust(), 5.16); cannot fail.

    `insert` is the other half of a split, `remove` are neighbours it swallows whole, `shift` is one that
    gives up or takes over the difference.
    """
    adjust_trans_huge(mm, vma, start, end, shift if shift is not None and end > shift.start else None)
    uprobe(mm, "uprobe_munmap", vma, shift)
    root = vma.anon_vma or (shift.anon_vma if shift is not None else None)
    touched = [vma] if shift is None else [vma, shift]
    if root is not None:
        anon.lock(mm, root)
        for each in touched:
            anon.take_out(each)
    old_start, old_end = vma.start, vma.end
    vma.start, vma.end, vma.pgoff = start, end, pgoff
    if shift is not None:
        moved = end - shift.start
        shift.start += moved
        shift.pgoff += moved >> SHIFT
    _store_bounds(mm, vma, old_start, old_end, insert, shift)
    for each in (*touched, insert):
        if each is not None and each.file is not None:
            each.file.i_mmap[each] = each.key
    if root is not None:
        for each in touched:
            anon.put_back(each)
        anon.unlock(mm, root)
    uprobe(mm, "uprobe_mmap", vma, shift, insert)
    if mm.has_list and vma.next is None and insert is None:
        mm.highest_vm_end = vma.end
    for gone in remove:
        _swallow(mm, vma, gone)


def uprobe(mm: MM, event: str, *vmas: Vma | None) -> None:
    """Log the hook that looks for breakpoints in mapped files (uprobe_mmap(), uprobe_munmap(), 6.1)."""
    for vma in vmas:
        if vma is not None and vma.file is not None:
            mm.log(event, vma.serial, vma.start, vma.end)


def _store_bounds(mm: MM, vma: Vma, old_start: int, old_end: int, insert: Vma | None, shift: Vma | None) -> None:
    """Bring the tree, and for a split the list, up to date."""
    if vma.start < old_start or vma.end > old_end:
        mm.store(vma.start, vma.end, vma)
    elif insert is None and shift is None:
        if vma.start > old_start:
            mm.store(old_start, vma.start, None)
        if vma.end < old_end:
            mm.store(vma.end, old_end, None)
    if shift is not None:
        mm.store(shift.start, shift.end, shift)
    if insert is not None:
        mm.store(insert.start, insert.end, insert)
        anon.put_back(insert)
        mm.list_link(insert, vma.prev if insert.start < vma.start else vma)
        mm.map_count += 1


def _swallow(mm: MM, vma: Vma, gone: Vma) -> None:
    """`gone` is inside `vma` now: unhook and free it."""
    uprobe(mm, "uprobe_munmap", gone)
    mm.list_unlink(gone)
    if mm.has_list and vma.next is None:
        mm.highest_vm_end = vma.end
    if gone.file is not None:
        gone.file.i_mmap.pop(gone, None)
    if gone.anon_vma is not None:
        anon.merge(vma, gone)
    mm.map_count -= 1
    mm.free_vma(gone)
