"""Telling a userfaultfd's monitor that memory went away: first queued, told when the lock is dropped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from .units import ENOMEM
from .vma import UffdContext, Vma

if TYPE_CHECKING:
    from .space import MM

__all__ = ["Unmapped", "unmap_complete", "unmap_prep"]


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
