"""Telling a userfaultfd's monitor that memory went away: first queued, told when the lock is dropped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from .flags import STICKY, UFFD_ANY, VM
from .merge import Want
from .units import EBUSY, EINVAL, ENOMEM, PAGE
from .vma import UffdContext, Vma
from .walk import isolate, locked, over, overlapping

if TYPE_CHECKING:
    from .space import MM

__all__ = ["Unmapped", "uffd_register", "unmap_complete", "unmap_prep"]


class Unmapped(NamedTuple):
    """One entry of a `uf` list: a range its context will hear of."""

    context: UffdContext
    start: int
    end: int


def unmap_prep(mm: MM, vmas: Iterable[Vma], start: int, end: int, uf: list[Unmapped]) -> int:
    """Queue an event for every context among `vmas` (userfaultfd_unmap_prep(), 6.1); 0 or -ENOMEM.

    The event's range is the whole request, not the VMA's part. What was queued before a
    failure stays queued.
    """
    mm.log("uf_prep", start, end)
    for vma in vmas:
        context = vma.uffd
        if context is None or not context.event_unmap or Unmapped(context, start, end) in uf:
            continue
        mm.may_block("uffd")
        if mm.machine.faults.hit("uffd_entry"):
            return -ENOMEM
        context.refs += 1
        context.mmap_changing += 1
        uf.append(Unmapped(context, start, end))
        mm.uf.append(uf[-1])
    return 0


def unmap_complete(mm: MM, uf: list[Unmapped]) -> None:
    """Deliver what was queued (userfaultfd_unmap_complete(), 6.1); the mmap lock must be dropped by now."""
    if uf:
        mm.log("uf_complete", len(uf))
    for entry in uf:
        entry.context.events.append((entry.start, entry.end))
        entry.context.mmap_changing -= 1
        entry.context.refs -= 1
        mm.uf.remove(entry)
    uf.clear()


def uffd_register(mm: MM, address: int, length: int, context: UffdContext) -> int:
    """Register a range for missing faults (userfaultfd_register(), 6.1); 0 or a negative error."""
    if address % PAGE or not length or length % PAGE:
        return -EINVAL

    def change(vma: Vma, prev: Vma | None, start: int, end: int) -> tuple[int, Vma]:
        if vma.uffd is context:
            return 0, vma
        flags = vma.flags & ~UFFD_ANY | VM.UFFD_MISSING
        error, vma = isolate(mm, vma, prev, start, end, Want(flags, 0, policy=vma.policy, uffd=context))
        if not error:
            vma.flags, vma.uffd = flags | vma.flags & STICKY, context
        return error, vma

    def action() -> int:
        inside = overlapping(mm, address, address + length)
        if not inside:
            return -EINVAL
        for vma in inside:
            if not vma.is_anonymous:
                return -EINVAL
            if vma.uffd not in (None, context):
                return -EBUSY
        runs = [(max(vma.start, address), min(vma.end, address + length)) for vma in inside]
        return next((error for low, high in runs if (error := over(mm, low, high, change))), 0)

    return locked(mm, action)
